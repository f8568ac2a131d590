"""State of one partition on disk (RocksDB): the rows there, what they want in memory.

Keys: `r` + entity holds a row as in the ledger, `w` + entity marks a row that wants something (so that the indexes are
back without reading every row), `meta` says what of which ledger this is. One write batch takes the rows of a commit
together with the offset that they reach, so whatever survives a crash is a true state of some moment.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from itertools import islice

import orjson
from rocksdict import Rdict, WriteBatch, WriteOptions

from connector.domain.rows import AnyRow, WrittenRow, encode_row
from connector.errors import StateFailed
from connector.state.indexes import Indexed, Wants

#: Of the layout above.
FORMAT = 1
#: Keys that a walk over all rows takes at once.
KEYS_A_STEP = 500
_META, _ROW, _WANTING = b"meta", b"r", b"w"


@dataclass(slots=True)
class Meta:
    """What a database holds.

    Attributes:
        incarnation: Of the ledger; None until the state was complete once.
        ledger_end: The ledger offset after the last row that is in it.
        written_at: Wall clock of the last write to the complete state (ISO 8601).
    """

    format: int = FORMAT
    incarnation: str | None = None
    ledger_end: int = 0
    written_at: str = ""


@contextmanager
def failing() -> Iterator[None]:
    """Turn what RocksDB raises, and what can't be read back, into one error.

    Raises:
        StateFailed: With RocksDB's own sentence.
    """
    try:
        yield
    except StateFailed:
        raise
    except Exception as error:
        raise StateFailed(f"the local state can't be used: {error}") from error


class DiskState(Indexed):
    """Implements :class:`connector.ports.State` over an open database.

    Args:
        on_failure: Told why, before the error is raised.

    Raises:
        StateFailed: From each method that touches the disk; the partition has to be opened anew.
    """

    def __init__(self, database: Rdict, now: Callable[[], datetime], on_failure: Callable[[str], None]) -> None:
        super().__init__()
        self._database = database
        self._now = now
        self._on_failure = on_failure
        # Until the rest of the ledger is in it again.
        self._is_complete = False
        with failing():
            kept = database.get(_META)
            self.meta = Meta(**orjson.loads(kept)) if kept is not None else Meta()
            # What was never complete is made anew after a death, and needs no log of its writes.
            self._writing = _without_log() if self.meta.incarnation is None else WriteOptions()
            if self.meta.format == FORMAT:
                for key in self._keys(_WANTING):
                    row = self._row(key)
                    self._indexes.put(key, None if row is None else Wants.of(row))

    def __len__(self) -> int:
        """About how many rows there are: RocksDB's estimate."""
        return int(self._database.property_int_value("rocksdb.estimate-num-keys") or 0)

    @property
    def ledger_end(self) -> int:
        """The ledger offset after the last applied row."""
        return self.meta.ledger_end

    def get(self, key: str) -> AnyRow | None:
        """The row of an entity."""
        with self._telling():
            return self._row(key)

    def _row(self, key: str) -> AnyRow | None:
        value = self._database.get(_ROW + key.encode())
        return None if value is None else WrittenRow.decode(value).row

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            with failing():
                yield
        except StateFailed as error:
            self._on_failure(str(error))
            raise

    def items(self) -> Iterator[tuple[str, AnyRow]]:
        """All rows by entity."""
        after = ""
        # In steps: a cursor that stays open would keep files alive that have been replaced.
        while keys := list(islice(self._keys(_ROW, after), KEYS_A_STEP)):
            for key in keys:
                row = self.get(key)
                if row is not None:
                    yield key, row
            after = f"{keys[-1]}\0"

    def _keys(self, prefix: bytes, first: str = "") -> Iterator[str]:
        for key in self._database.keys(from_key=prefix + first.encode()):
            if not isinstance(key, bytes) or not key.startswith(prefix):
                return
            yield key[len(prefix) :].decode()

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows that are known to be committed (None removes) and what they reach, in one batch."""
        batch = WriteBatch(raw_mode=True)
        wants = {key: None if row is None else Wants.of(row) for key, row in rows.items()}
        for key, row in rows.items():
            name = key.encode()
            if row is None:
                batch.delete(_ROW + name)
            else:
                batch.put(_ROW + name, encode_row(row))
            if wants[key] is not None:
                batch.put(_WANTING + name, b"")
            elif key in self._indexes:
                batch.delete(_WANTING + name)
        self._write(batch, ledger_end)
        for key, wanted in wants.items():
            self._indexes.put(key, wanted)

    def apply_values(self, values: Mapping[str, bytes]) -> None:
        """Take in rows at rest as they stand in the ledger; :meth:`apply` says afterwards what they reach."""
        batch = WriteBatch(raw_mode=True)
        for key, value in values.items():
            batch.put(_ROW + key.encode(), value)
            if key in self._indexes:
                batch.delete(_WANTING + key.encode())
        with self._telling():
            self._database.write(batch, self._writing)
        for key in values:
            if key in self._indexes:
                self._indexes.put(key, None)

    def belongs_to(self, incarnation: str) -> None:
        """It is complete, and made from that ledger."""
        if self.meta.incarnation is None:
            with self._telling():
                self._database.flush()
        self.meta.incarnation = incarnation
        self._is_complete, self._writing = True, WriteOptions()
        self._write(WriteBatch(raw_mode=True), self.ledger_end)

    def _write(self, batch: WriteBatch, ledger_end: int) -> None:
        self.meta.ledger_end = max(self.meta.ledger_end, ledger_end)
        if self._is_complete:
            # Not while it catches up: the removals that it has yet to read are as old as before.
            self.meta.written_at = self._now().isoformat()
        batch.put(_META, orjson.dumps(asdict(self.meta)))
        with self._telling():
            self._database.write(batch, self._writing)


def _without_log() -> WriteOptions:
    options = WriteOptions()
    # Typed as a method in the package, which it is not.
    options.disable_wal = True  # type: ignore[method-assign, assignment]
    # A ledger's rows come about in the order of their keys: ids ascend.
    options.memtable_insert_hint_per_batch = True
    return options
