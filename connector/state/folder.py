"""The folder of a process's local state: one database a partition, small together, thrown away when in doubt."""

import shutil
import sys
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Self

from rocksdict import BlockBasedIndexType, BlockBasedOptions, Cache, Options, Rdict, WriteBufferManager

from connector.clock import Clock
from connector.errors import Refused, StateFailed
from connector.state.disk import FORMAT, DiskState, failing
from connector.state.memory import MemoryState

if TYPE_CHECKING:
    from types import TracebackType

#: Bytes of blocks that all partitions keep in memory, and of rows that are not in files yet.
CACHE, WRITE_BUFFERS = 64 * 1024 * 1024, 64 * 1024 * 1024
WRITE_BUFFER = 8 * 1024 * 1024
#: Kafka keeps a tombstone for a day (`delete.retention.ms`); what missed half of one is rebuilt.
STALE_AFTER = timedelta(hours=12)

#: Says that local state was thrown away, or is not used any more: the partition (None for all) and the reason.
OnLoss = Callable[[int | None, str], None]


class DiskStates:
    """Implements :class:`connector.ports.States`; used as `with`.

    A disk that fails is not used again: partitions opened from then on are kept in memory.

    Raises:
        Refused: From `with`: the folder can't be used, or another process uses it.
    """

    def __init__(self, folder: Path, clock: Clock, on_loss: OnLoss) -> None:
        self._folder = folder
        self._clock = clock
        self._on_loss = on_loss
        self._databases: dict[int, Rdict] = {}
        self._states: dict[int, DiskState] = {}
        self._failed = False
        self._cache = Cache(CACHE)
        self._buffers = WriteBufferManager(WRITE_BUFFERS, allow_stall=False)

    def __enter__(self) -> Self:
        with ExitStack() as held:
            self._take(held)
            self._lock = held.pop_all()
        return self

    def _take(self, held: ExitStack) -> None:
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            _lock(held.enter_context((self._folder / "lock").open("w")).fileno())
        except BlockingIOError:
            msg = f"STATE__DIRECTORY {self._folder} is used by another process: give each replica one of its own"
            raise Refused(msg) from None
        except OSError as error:
            raise Refused(f"STATE__DIRECTORY {self._folder} can't be used: {error.strerror}") from error

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        with self._lock:
            for partition in tuple(self._databases):
                with suppress(StateFailed):
                    self._close(partition)

    def open(self, partition: int) -> DiskState | MemoryState:
        """What is kept of a partition, else an empty state."""
        if not self._failed:
            try:
                return self._open(partition)
            except StateFailed as error:
                return self.afresh(partition, str(error))
        return MemoryState()

    def kept_from(self, partition: int) -> str | None:
        """The incarnation of the ledger that a kept state was made from."""
        state = self._states.get(partition)
        return state.meta.incarnation if state is not None else None

    def afresh(self, partition: int, reason: str) -> DiskState | MemoryState:
        """An empty state instead of what is kept, which is a loss."""
        self._on_loss(partition, reason)
        return self.empty(partition)

    def empty(self, partition: int) -> DiskState | MemoryState:
        """An empty state; what is kept is not wanted."""
        if self._failed:
            return MemoryState()
        try:
            self._close(partition)
            shutil.rmtree(self._path(partition), ignore_errors=True)
            return self._open(partition)
        except StateFailed as error:
            self._give_up(partition, str(error))
            return MemoryState()

    def keep(self, partition: int, incarnation: str) -> None:
        """The state is complete, and was made from that ledger."""
        if (state := self._states.get(partition)) is not None:
            state.belongs_to(incarnation)

    def _give_up(self, partition: int, reason: str) -> None:
        """Keep partitions in memory from now on."""
        if not self._failed:
            self._failed = True
            self._on_loss(None, reason)
        self._states.clear()
        # Else a damage that only some reads meet would be met again after each start.
        shutil.rmtree(self._path(partition), ignore_errors=True)

    def _open(self, partition: int) -> DiskState:
        with failing():
            if partition not in self._databases:
                # For its family of keys by name too: else a database that is there is opened with defaults.
                families = {"default": self._options()}
                self._databases[partition] = Rdict(str(self._path(partition)), self._options(), families)
            state = DiskState(self._databases[partition], self._clock.now, partial(self._give_up, partition))
        if (doubt := self._doubt(state)) is not None:
            raise StateFailed(doubt)
        self._states[partition] = state
        return state

    def _doubt(self, state: DiskState) -> str | None:
        """Why a kept state must not be used."""
        meta = state.meta
        if meta.format != FORMAT:
            return f"the local state has format {meta.format}, this version writes {FORMAT}"
        if not meta.ledger_end:
            return None
        if meta.incarnation is None:
            return "the local state was never complete"
        age = self._clock.now() - datetime.fromisoformat(meta.written_at)
        if not -STALE_AFTER < age < STALE_AFTER:
            return f"the local state was written {age.total_seconds() / 3600:.0f} h ago: removals may be missing in it"
        return None

    def _close(self, partition: int) -> None:
        self._states.pop(partition, None)
        if (database := self._databases.pop(partition, None)) is not None:
            with failing():
                database.close()

    def _path(self, partition: int) -> Path:
        return self._folder / f"partition-{partition}"

    def _options(self) -> Options:
        options, blocks = Options(raw_mode=True), BlockBasedOptions()
        blocks.set_block_cache(self._cache)
        blocks.set_cache_index_and_filter_blocks(True)
        blocks.set_bloom_filter(10, block_based=False)
        # In small parts: those of a large ledger are larger than what the cache takes of one block, and would be read
        # again for each row.
        blocks.set_index_type(BlockBasedIndexType.two_level_index_search())
        blocks.set_partition_filters(True)
        options.set_block_based_table_factory(blocks)
        options.set_write_buffer_manager(self._buffers)
        options.set_write_buffer_size(WRITE_BUFFER)
        options.set_max_open_files(64)
        options.set_keep_log_file_num(2)
        return options


def _lock(number: int) -> None:
    """Hold a file until it is closed; the system lets go when the process dies.

    Raises:
        BlockingIOError: Another process holds it.
    """
    if sys.platform != "win32":
        import fcntl  # noqa: PLC0415 - not there on Windows

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
