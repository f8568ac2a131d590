"""Local states of replicas on a real disk, in a simulated world: a killed process leaves there what it has written.

The dead keep their databases open until the world ends. So whoever comes next at their place gets a copy, made at the
moment of the kill: what RocksDB had handed to the system then, as after kill -9.
"""

import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import orjson
from rocksdict import Options, Rdict, WriteBatch, WriteOptions

from connector.clock import Clock
from connector.domain.rows import AnyRow
from connector.state import folder
from connector.state.disk import DiskState, Meta
from tests.simulation.clients import Wire
from tests.simulation.effects import Phase

OPEN, FILL, FLUSH = "open the local state", "fill the local state", "flush the local state"
WRITE = "write to the local state"
#: Ledger offsets by which a state can be ahead.
FAR = 1_000

#: Does something to the folder that the next process of a place finds.
Spoil = Callable[[Path], None]


class Disks:
    """See the module. From its making on every database of this process is watched.

    Args:
        root: Of this world alone.
    """

    def __init__(self, root: Path, wire: Wire, spoil: Spoil | None = None) -> None:
        self._root = root
        self._wire = wire
        self._spoil = spoil
        self._lives: dict[int, int] = {}
        setattr(folder, "Rdict", self._opened)  # noqa: B010 - the library's class, as its user imports it

    def folder_of(self, place: int) -> Path:
        """The STATE__DIRECTORY of the process that lives at a place now."""
        return self._root / f"place-{place}.{self._lives.get(place, 0)}"

    def died(self, place: int) -> None:
        """Kill -9: what is written is there, and nothing that comes later."""
        left = self.folder_of(place)
        self._lives[place] = self._lives.get(place, 0) + 1
        if left.exists():
            shutil.copytree(left, self.folder_of(place))
            if self._spoil is not None:
                self._spoil(self.folder_of(place))

    def _opened(self, path: str, *options: Any) -> "_Watched":
        self._reach(OPEN, Phase.BEFORE)
        database = Rdict(path, *options)
        self._reach(OPEN, Phase.AFTER)
        return _Watched(database, self._reach)

    def _reach(self, name: str, phase: Phase) -> None:
        """Be somewhere; whoever dies there writes no more to what is copied, and goes no further than its next wait."""
        if self._wire.on_boundary is not None:
            self._wire.on_boundary((name,), phase)


class _Watched:
    """A database of RocksDB's, with somebody at its writes."""

    def __init__(self, database: Rdict, reach: Callable[[str, Phase], None]) -> None:
        self._database = database
        self._reach = reach

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    def write(self, batch: WriteBatch, options: WriteOptions) -> None:
        """As RocksDB's."""
        kept = self._database.get(b"meta")
        name = WRITE if kept is not None and Meta(**orjson.loads(kept)).incarnation is not None else FILL
        self._reach(name, Phase.BEFORE)
        self._database.write(batch, options)
        self._reach(name, Phase.AFTER)

    def flush(self) -> None:
        """As RocksDB's."""
        self._reach(FLUSH, Phase.BEFORE)
        self._database.flush()
        self._reach(FLUSH, Phase.AFTER)


def ahead_of_the_log(lies: Mapping[str, AnyRow], clock: Clock) -> Spoil:
    """Makes a state reach beyond the end of its ledger, with rows that were never written there."""

    def spoil(left: Path) -> None:
        for path in sorted(left.glob("partition-*")):
            database = Rdict(str(path), Options(raw_mode=True), {"default": Options(raw_mode=True)})
            state = DiskState(database, clock.now, lambda _reason: None)
            if state.meta.incarnation is not None:
                state.belongs_to(state.meta.incarnation)
                state.apply(lies, ledger_end=state.ledger_end + FAR)
            database.close()

    return spoil
