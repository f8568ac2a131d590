"""One answer of Rossum, read whole and still in its own form."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from connector.errors import Retryable


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call brought back.

    Attributes:
        endpoint: Method and path template, e.g. `GET /annotations/{id}`; what errors and metrics name.
        at: Rossum's `Date` of the answer, our own clock where it sent none.
        data: The decoded JSON body.
        location: The `Location` header of a redirect.
    """

    endpoint: str
    status: int
    at: datetime
    data: Any = None
    location: str | None = None

    def senseless(self, what: str) -> Retryable:
        """The error for an answer that cannot be used; `what` says which part, never a value."""
        return Retryable(f"Rossum's answer to {self.endpoint} makes no sense: {what}; ask again later")
