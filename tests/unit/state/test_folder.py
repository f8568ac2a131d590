"""What is kept of a state is used when it is certainly true, and else thrown away."""

import re
import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from rocksdict import Options, Rdict

from connector.domain.rows import AnnotationRow
from connector.errors import Refused, StateFailed
from connector.state.disk import DiskState
from connector.state.folder import CACHE, DiskStates
from connector.state.memory import MemoryState

ROW = AnnotationRow(status="exported", key="doc-1")


@dataclass
class Wall:
    """A clock that is set."""

    at: datetime = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """As set."""
        return self.at

    def monotonic(self) -> float:
        """Not asked for."""
        raise NotImplementedError

    async def sleep(self, seconds: float) -> None:
        """Not asked for."""
        raise NotImplementedError


@dataclass
class Process:
    """What one process after the other makes of the folder."""

    folder: Path
    clock: Wall = field(default_factory=Wall)
    losses: list[tuple[int | None, str]] = field(default_factory=list)

    def states(self) -> DiskStates:
        """Those of the next process."""
        return DiskStates(self.folder, self.clock, lambda partition, reason: self.losses.append((partition, reason)))

    def leave(self, *, complete: bool = True) -> None:
        """A process that keeps one row of partition 3."""
        with self.states() as states:
            states.open(3).apply({"annotation/1": ROW}, ledger_end=7)
            if complete:
                states.keep(3, "ledger-1")


@pytest.fixture
def process(tmp_path: Path) -> Process:
    """In a folder that is not there yet."""
    return Process(tmp_path / "state")


def test_the_next_process_goes_on_with_what_was_kept(process: Process) -> None:
    """Row, offset and ledger; other partitions are empty."""
    process.leave()

    with process.states() as states:
        state, other = states.open(3), states.open(4)

        assert (state.get("annotation/1"), state.ledger_end, states.kept_from(3)) == (ROW, 7, "ledger-1")
        assert (len(other), other.ledger_end, states.kept_from(4)) == (0, 0, None)
    assert process.losses == []


def test_a_database_that_is_there_is_opened_as_it_was_made(process: Process) -> None:
    """One cache for all partitions, and an index in parts: else each row of a large ledger costs a millisecond."""
    process.leave()
    process.leave()

    said = (process.folder / "partition-3" / "LOG").read_text()
    assert re.search(rf"capacity : {CACHE}$", said, re.MULTILINE)
    assert re.search(r" index_type: 2$", said, re.MULTILINE)
    assert re.search(r"filter_policy: bloomfilter$", said, re.MULTILINE)


def test_what_is_not_wanted_is_no_loss(process: Process) -> None:
    """With at-least-once nothing that is kept is ever used, however it was left."""
    process.leave(complete=False)

    with process.states() as states:
        state = states.empty(3)

        assert (len(state), state.ledger_end, states.kept_from(3)) == (0, 0, None)
        assert isinstance(state, DiskState)
    assert process.losses == []


def test_a_state_that_was_never_complete_is_thrown_away(process: Process) -> None:
    """A process that died while it restored leaves a part of the ledger."""
    process.leave(complete=False)

    with process.states() as states:
        assert states.open(3).ledger_end == 0
    assert process.losses == [(3, "the local state was never complete")]


def test_a_state_whose_rest_was_not_read_to_the_end_goes_on_there(process: Process) -> None:
    """A process that died while it caught up, or a partition that moved meanwhile: what was read is there."""
    process.leave()
    with process.states() as states:
        states.open(3).apply({"annotation/2": ROW}, ledger_end=9)

    with process.states() as states:
        state = states.open(3)

        assert (state.ledger_end, state.get("annotation/2"), states.kept_from(3)) == (9, ROW, "ledger-1")
    assert process.losses == []


def test_catching_up_does_not_make_an_old_state_look_fresh(process: Process) -> None:
    """Removals that it has not read yet may be gone from Kafka a day after they were written."""
    process.leave()
    process.clock.at += timedelta(hours=11)
    with process.states() as states:
        states.open(3).apply({"annotation/2": ROW}, ledger_end=9)
    process.clock.at += timedelta(hours=2)

    with process.states() as states:
        assert states.open(3).ledger_end == 0
    assert "removals may be missing" in process.losses[0][1]


@pytest.mark.parametrize(("hours", "kept"), [(11, True), (13, False), (-13, False)])
def test_a_state_that_is_too_old_is_thrown_away(process: Process, hours: int, *, kept: bool) -> None:
    """Kafka forgets after a day that something was removed; a clock that jumped back counts as doubt."""
    process.leave()
    process.clock.at += timedelta(hours=hours)

    with process.states() as states:
        assert (states.open(3).ledger_end == 7) is kept
    assert [("removals may be missing" in reason) for _, reason in process.losses] == ([] if kept else [True])


def test_another_format_is_thrown_away(process: Process) -> None:
    """Going back to an older version rebuilds."""
    process.leave()
    database = Rdict(str(process.folder / "partition-3"), Options(raw_mode=True))
    meta = orjson.loads(database.get(b"meta") or b"")
    database[b"meta"] = orjson.dumps(meta | {"format": 2})
    database.close()

    with process.states() as states:
        assert states.open(3).ledger_end == 0
    assert "has format 2" in process.losses[0][1]


@pytest.mark.parametrize("what", ["*.sst", "MANIFEST-*", "CURRENT"])
def test_a_damaged_state_is_thrown_away(process: Process, what: str) -> None:
    """Whatever RocksDB finds wrong, at the latest when it reads: the rows come again from the ledger."""
    with process.states() as states:
        state = states.open(3)
        state.apply(
            {f"annotation/{number}": AnnotationRow("to_review", "doc") for number in range(999)}, ledger_end=999
        )
        states.keep(3, "ledger-1")
        assert isinstance(state, DiskState)
    database = Rdict(str(process.folder / "partition-3"), Options(raw_mode=True))
    database.flush()
    database.compact_range(None, None)
    database.close()
    for path in (process.folder / "partition-3").glob(what):
        path.write_bytes(b"\xff" * path.stat().st_size)

    with process.states() as states:
        assert states.open(3).ledger_end == 0
        states.open(3).apply({"annotation/1": ROW}, ledger_end=7)
    assert process.losses[0][0] == 3


def test_a_damage_met_while_running_is_not_met_again_after_the_next_start(process: Process) -> None:
    """Opening doesn't read every row: what a later read finds damaged is thrown away, and the next process rebuilds."""
    with process.states() as states:
        rows = {f"annotation/{number}": AnnotationRow("exported", f"doc-{number}") for number in range(5_000)}
        states.open(3).apply(rows, ledger_end=5_000)
        states.keep(3, "ledger-1")
    database = Rdict(str(process.folder / "partition-3"), Options(raw_mode=True))
    database.flush()
    database.compact_range(None, None)
    database.close()
    path = max((process.folder / "partition-3").glob("*.sst"), key=lambda file: file.stat().st_size)
    damaged = bytearray(path.read_bytes())
    middle = len(damaged) // 2
    damaged[middle : middle + 64] = b"\xff" * 64
    path.write_bytes(damaged)

    with process.states() as states:
        state = states.open(3)
        assert state.ledger_end == 5_000
        with pytest.raises(StateFailed, match="can't be used"):
            [state.get(key) for key in rows]
        assert isinstance(states.open(3), MemoryState)

    with process.states() as states:
        state = states.open(3)
        assert isinstance(state, DiskState)
        assert state.ledger_end == 0


def test_two_processes_do_not_share_a_folder(process: Process) -> None:
    """The second one is told."""
    with process.states(), pytest.raises(Refused, match="used by another process"), process.states():
        pass


def test_a_folder_that_cannot_be_made_is_refused(process: Process) -> None:
    """In one sentence."""
    process.folder.write_text("a file")

    with pytest.raises(Refused, match=r"STATE__DIRECTORY .* can't be used"), process.states():
        pass


def test_a_disk_that_fails_is_not_used_again(process: Process) -> None:
    """The partition has to be opened anew, then in memory, and so is everything after it."""
    with process.states() as states:
        state = states.open(3)
        assert isinstance(state, DiskState)
        shutil.rmtree(process.folder)
        with pytest.raises(StateFailed, match="can't be used"):
            _write_for_long(state)

        assert isinstance(states.open(3), MemoryState)
        assert isinstance(states.open(4), MemoryState)
        states.keep(3, "ledger-1")
    assert [partition for partition, _ in process.losses] == [None]


def _write_for_long(state: DiskState) -> None:
    many = {f"annotation/{number}": AnnotationRow("exported", "x" * 5_000) for number in range(3_000)}
    for end in range(1, 100):
        state.apply(many, ledger_end=end)
