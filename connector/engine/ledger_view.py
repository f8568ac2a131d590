"""What decisions read: rows decided but not yet committed, else the store."""

from collections.abc import Mapping

from connector.domain.floor import FloorRow, floor_key
from connector.domain.gathers import GatherRow
from connector.domain.ids import gather_entity
from connector.domain.rows import AnnotationRow, AnyRow, ImportRow, SweepRow
from connector.ports import State


class LedgerView:
    """An overlay of uncommitted rows over the committed ones.

    Rows enter the store only when their transaction is known to be committed; until then they live here, so that a
    second decision for the same entity sees the first.
    """

    def __init__(self, state: State, partition: int) -> None:
        self.state = state
        self._floor = floor_key(partition)
        self._overlay: dict[str, AnyRow | None] = {}

    def get(self, entity: str) -> AnyRow | None:
        """The newest row of an entity, committed or about to be."""
        return self._overlay[entity] if entity in self._overlay else self.state.get(entity)

    def is_committed(self, entity: str) -> bool:
        """Whether its newest row is in the store."""
        return entity not in self._overlay

    @property
    def floor(self) -> FloorRow | None:
        """What this partition has forgotten; None before it ever has."""
        row = self.get(self._floor)
        return row if isinstance(row, FloorRow) else None

    @property
    def forgotten_until(self) -> str | None:
        """Up to this clock text rows may have been forgotten."""
        return floor.until if (floor := self.floor) is not None else None

    def import_row(self, entity: str) -> ImportRow | None:
        """The row of an import."""
        row = self.get(entity)
        return row if isinstance(row, ImportRow) else None

    def annotation_row(self, entity: str) -> AnnotationRow | None:
        """The row of an annotation."""
        row = self.get(entity)
        return row if isinstance(row, AnnotationRow) else None

    def sweep_row(self, entity: str) -> SweepRow | None:
        """The row of a sweep."""
        row = self.get(entity)
        return row if isinstance(row, SweepRow) else None

    def gather_row(self, gather: str | None) -> GatherRow | None:
        """The row of documents that went up together."""
        row = self.get(gather_entity(gather)) if gather is not None else None
        return row if isinstance(row, GatherRow) else None

    def stage(self, rows: Mapping[str, AnyRow | None]) -> None:
        """Rows decided just now; None where one is forgotten."""
        self._overlay.update(rows)

    def committed(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """These rows are true; later ones of the same entities stay in the overlay."""
        self.state.apply(rows, ledger_end=ledger_end)
        for entity, row in rows.items():
            if entity in self._overlay and self._overlay[entity] is row:
                del self._overlay[entity]
