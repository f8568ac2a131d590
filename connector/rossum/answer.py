"""One answer of Rossum: as it came (`Received`), and decoded (`Answer`)."""

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from connector.errors import Retryable

#: Pause after a 429 that names none (seconds).
DEFAULT_RETRY_AFTER = 1.0


class AnswerTooLargeError(Retryable):
    """An answer is larger than we are ready to hold."""


@dataclass(frozen=True, slots=True)
class Received:
    """What came over the wire, read whole.

    Attributes:
        at: Rossum's time of the answer.
        retry_after: The pause that the answer asks for (seconds).
        location: The `Location` header of a redirect.
    """

    status: int
    content_type: str
    payload: bytes
    at: datetime
    retry_after: float = DEFAULT_RETRY_AFTER
    location: str | None = None

    @property
    def is_json(self) -> bool:
        """Whether it says that it is JSON, as all of Rossum's own words are."""
        return self.content_type == "application/json" or self.content_type.endswith("+json")


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call brought back.

    Attributes:
        endpoint: Method and path template, e.g. `GET /annotations/{id}`; what errors and metrics name.
        at: Rossum's time of the answer.
        data: The decoded JSON body.
        location: The `Location` header of a redirect.
    """

    endpoint: str
    status: int
    at: datetime
    data: Any = None
    location: str | None = None

    def senseless(self, what: str) -> Retryable:
        """The error for an answer that can't be used; `what` says which part, never a value."""
        return Retryable(f"Rossum's answer to {self.endpoint} makes no sense: {what}; ask again later")


def date_of(header: str | None) -> datetime | None:
    """The instant of a `Date` or `Retry-After` header; None where there is none or it can't be read."""
    try:
        date = parsedate_to_datetime(header or "")
        return date.astimezone(UTC) if date.tzinfo else date.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def retry_after_of(header: str | None, now: datetime) -> float:
    """The pause that a `Retry-After` header asks for (seconds): a number, or a date seen from `now`; RFC 9110."""
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    date = date_of(text)
    return DEFAULT_RETRY_AFTER if date is None else max(0.0, (date - now).total_seconds())
