"""How a long piece of work tells how far it is."""

from typing import Protocol


class Progress(Protocol):
    """One stage after another, each of so many steps."""

    def begin(self, what: str, total: int | None = None) -> None:
        """A new stage, of so many steps where that is known."""

    def step(self, count: int = 1) -> None:
        """So many steps are done."""
