"""One line of what can be wrong before the service starts."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from connector.errors import ConnectorError


@dataclass(frozen=True, slots=True)
class Check:
    """One line.

    Attributes:
        sentence: What was found; for a failure what is wrong and what to do.
    """

    name: str
    is_fine: bool
    sentence: str


@asynccontextmanager
async def told_as(name: str, found: list[Check]) -> AsyncIterator[None]:
    """An error of ours inside becomes the line of this check."""
    try:
        yield
    except ConnectorError as error:
        found.append(Check(name, is_fine=False, sentence=str(error)))
