"""What the four forms of an export have in common: parts as Rossum gave them, joined into one file."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol, TypeVar

from connector.domain.ids import AnnotationId

Params = tuple[tuple[str, str], ...]
Item = TypeVar("Item")


class Unreadable(Exception):
    """A part is not what was asked for; says why, never a value."""


@dataclass(frozen=True, slots=True)
class Part:
    """One answer of Rossum's.

    Attributes:
        ids: Those of its annotations that are wanted, in the order in which they are wanted.
    """

    path: Path
    ids: tuple[AnnotationId, ...]


class Form(Protocol):
    """One form of export."""

    @property
    def params(self) -> Params:
        """Query parameters that ask Rossum for it."""

    def found(self, path: Path) -> frozenset[AnnotationId]:
        """The annotations in a part.

        Raises:
            Unreadable: It is no such part.
        """

    def write(self, parts: Sequence[Part], out: BinaryIO) -> None:
        """The wanted annotations of all parts as one file, as if Rossum had given them at once."""


def annotation_of(url: object) -> AnnotationId:
    """The id at the end of an annotation's URL.

    Raises:
        Unreadable: There is none.
    """
    last = str(url).rstrip("/").rpartition("/")[2]
    if not (last.isascii() and last.isdigit()):
        raise Unreadable("an annotation without its URL")
    return AnnotationId(int(last))


def in_order(part: Part, items: Iterable[tuple[AnnotationId, Item]]) -> list[Item]:
    """What belongs to the wanted annotations of a part, in their order; several items of one stay in theirs."""
    place = {number: position for position, number in enumerate(part.ids)}
    wanted = [(place[number], item) for number, item in items if number in place]
    return [item for _, item in sorted(wanted, key=lambda pair: pair[0])]


def first_of_each(items: Iterable[tuple[AnnotationId, Item]]) -> Iterable[tuple[AnnotationId, Item]]:
    """One item an annotation."""
    return dict(reversed(list(items))).items()
