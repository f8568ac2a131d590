"""What every row of the ledger offers to the indexes of a state store."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol


class Row(Protocol):
    """What every row offers to the indexes of a state store."""

    kind: ClassVar[str]

    @property
    def due(self) -> str | None:
        """Clock text of the moment at which the owner wants to look at it again."""

    @property
    def open(self) -> bool:
        """Whether its story has no end yet."""

    @property
    def held(self) -> int | None:
        """The offset in `imports` of the copy that it still needs."""


@dataclass(frozen=True, slots=True)
class Resting:
    """A row that wants nothing by itself."""

    @property
    def due(self) -> str | None:
        """Never."""
        return None

    @property
    def open(self) -> bool:
        """No."""
        return False

    @property
    def held(self) -> int | None:
        """None."""
        return None


@dataclass(frozen=True, slots=True)
class UnknownRow(Resting):
    """A row of a kind that only a later version knows; kept, and left to that version.

    Attributes:
        content: All that it says.
    """

    kind: str
    content: Mapping[str, Any]

    @property
    def held(self) -> int | None:
        """The copy that the later version needs: this one must not trim it."""
        held = self.content.get("held")
        return held if isinstance(held, int) else None
