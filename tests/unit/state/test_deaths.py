"""What a process leaves on the disk that dies at any moment: the state of one moment, or nothing that counts."""

import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from rocksdict import Options, Rdict, WriteBatch, WriteOptions

from connector.domain.rows import AnnotationRow
from connector.state.disk import DiskState

AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROW = AnnotationRow(status="exported", key="doc-1")
DIES = """
import sys, os, signal
from datetime import UTC, datetime
from rocksdict import Options, Rdict
from connector.domain.rows import AnnotationRow
from connector.state.disk import DiskState
state = DiskState(Rdict(sys.argv[1], Options(raw_mode=True)), lambda: datetime(2026, 3, 1, tzinfo=UTC), print)
state.belongs_to("ledger-1")
for end in range(1, 10_000_000):
    state.apply({f"annotation/{n}": AnnotationRow("to_review", str(end)) for n in range(50)}, ledger_end=end)
    print(end, flush=True)
"""


def test_a_process_that_dies_leaves_the_state_of_one_moment(tmp_path: Path) -> None:
    """Kill -9 in mid-write: all rows of a batch or none, and the offset that goes with them."""
    command = [sys.executable, "-c", DIES, str(tmp_path / "db")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        seen = [int(child.stdout.readline()) for _ in range(200)]
        child.send_signal(signal.SIGKILL)

    state = DiskState(Rdict(str(tmp_path / "db"), Options(raw_mode=True)), lambda: AT, print)

    rows = [row for _, row in state.items() if isinstance(row, AnnotationRow)]
    assert state.ledger_end >= seen[-1]
    assert {row.key for row in rows} == {str(state.ledger_end)}
    assert len(rows) == state.open_count() == 50


def test_a_process_that_dies_after_a_rebuild_leaves_all_of_it(tmp_path: Path) -> None:
    """Both what was made anew and what came after it counted."""
    state = DiskState(Rdict(str(tmp_path / "db"), Options(raw_mode=True)), lambda: AT, print)
    state.apply({"annotation/1": ROW}, ledger_end=5)
    state.belongs_to("ledger-1")
    state.apply({"annotation/2": ROW}, ledger_end=6)
    shutil.copytree(tmp_path / "db", tmp_path / "left")

    left = DiskState(Rdict(str(tmp_path / "left"), Options(raw_mode=True)), lambda: AT, print)

    assert dict(left.items()) == {"annotation/1": ROW, "annotation/2": ROW}
    assert (left.meta.incarnation, left.ledger_end) == ("ledger-1", 6)


class LeftAtFlush:
    """A database whose folder is copied when it is about to be flushed: what a process leaves that dies there."""

    def __init__(self, folder: Path, left: Path) -> None:
        self._database = Rdict(str(folder), Options(raw_mode=True))
        self._folder, self._left = folder, left

    def __getattr__(self, name: str) -> Any:
        """Everything but flushing is as usual."""
        return getattr(self._database, name)

    def flush(self) -> None:
        """Leave a copy behind first."""
        shutil.copytree(self._folder, self._left)
        self._database.flush()


def test_a_process_that_dies_before_its_rebuild_is_on_the_disk_leaves_nothing(tmp_path: Path) -> None:
    """Its writes have no log: it must not say that it is complete before they are in files."""
    database = LeftAtFlush(tmp_path / "db", tmp_path / "left")
    state = DiskState(cast("Rdict", database), lambda: AT, print)
    state.apply({"annotation/1": ROW}, ledger_end=5)
    state.belongs_to("ledger-1")

    left = DiskState(Rdict(str(tmp_path / "left"), Options(raw_mode=True)), lambda: AT, print)

    assert (left.meta.incarnation, dict(left.items())) == (None, {})


class DiesBetweenWrites:
    """A database whose process ends after the first write of what follows."""

    def __init__(self, database: Rdict) -> None:
        self._database = database
        self.writes = 0
        self.lives = True

    def __getattr__(self, name: str) -> Any:
        """Everything but writing is as usual."""
        return getattr(self._database, name)

    def write(self, batch: WriteBatch, options: WriteOptions) -> None:
        """Until it is dead."""
        if self.lives or not self.writes:
            self._database.write(batch, options)
        self.writes += not self.lives


def test_a_process_that_dies_between_two_writes_leaves_the_state_of_one_moment(tmp_path: Path) -> None:
    """There is nothing between them: rows and the offset that they reach are written at once."""
    database = DiesBetweenWrites(Rdict(str(tmp_path / "db"), Options(raw_mode=True)))
    state = DiskState(cast("Rdict", database), lambda: AT, print)
    state.apply({"annotation/1": AnnotationRow("to_review", "1")}, ledger_end=1)
    database.lives = False
    state.apply({"annotation/1": AnnotationRow("to_review", "2")}, ledger_end=2)
    database.close()

    left = DiskState(Rdict(str(tmp_path / "db"), Options(raw_mode=True)), lambda: AT, print)

    row = left.get("annotation/1")
    assert isinstance(row, AnnotationRow)
    assert row.key == str(left.ledger_end)
