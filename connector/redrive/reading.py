"""Reads the dead letters of a deployment, and which of them are still to be answered."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import import_entity
from connector.domain.rows import AnyRow, ImportRow, ImportState
from connector.kafka.connection import KafkaConnection
from connector.kafka.lookup import RecordLookup, read_arrival
from connector.kafka.names import Names
from connector.kafka.reading import fold, records, stretches
from connector.redrive.letters import Content, DeadLetter, content_of, read_letter

#: What a letter holds, or what its arrival does; None once the topic has deleted it. Raises `KafkaUnavailable` when
#: Kafka does not answer.
ReadContent = Callable[[DeadLetter], Awaitable[Content | None]]


async def dead_letters(
    connection: KafkaConnection, names: Names, cluster: str, *, on_progress: Callable[[int], None]
) -> AsyncIterator[DeadLetter]:
    """All letters that the topic holds now; those of other programs are passed over.

    Raises:
        Refused: The topic does not exist.
        KafkaUnavailable: Kafka does not answer.
    """
    wanted = await stretches(connection, [names.topics[TopicRole.DEAD_LETTERS]])
    async for batch in records(connection, wanted):
        on_progress(len(batch))
        for record in batch:
            letter = read_letter(record, cluster)
            if letter is not None:
                yield letter


@asynccontextmanager
async def contents(connection: KafkaConnection, names: Names) -> AsyncIterator[ReadContent]:
    """Reads what letters hold, one at a time."""
    lookup = RecordLookup(connection)

    async def read(letter: DeadLetter) -> Content | None:
        record = await lookup.read(names.topics[TopicRole.DEAD_LETTERS], letter.partition, letter.offset)
        return None if record is None else content_of(record)

    try:
        yield read
    finally:
        await lookup.close()


@asynccontextmanager
async def arrivals(connection: KafkaConnection, names: Names) -> AsyncIterator[ReadContent]:
    """Reads what letters are about where it was announced, one at a time."""
    lookup = RecordLookup(connection)

    async def read(letter: DeadLetter) -> Content | None:
        record = await read_arrival(lookup, names, letter.arrived)
        return None if record is None else Content(record.key, record.value, record.headers)

    try:
        yield read
    finally:
        await lookup.close()


class _Failed:
    """Keeps of every failed import of a ledger partition the generation, and which one was its first."""

    def __init__(self) -> None:
        self.ledger_end = 0
        self.generations: dict[str, tuple[int, int]] = {}

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows."""
        for entity, row in rows.items():
            if isinstance(row, ImportRow) and row.state is ImportState.FAILED:
                self.generations[entity] = (row.generation, row.born)
            else:
                self.generations.pop(entity, None)
        self.ledger_end = max(self.ledger_end, ledger_end)


async def unanswered(
    connection: KafkaConnection, names: Names, letters: Iterable[DeadLetter], *, on_progress: Callable[[int], None]
) -> list[DeadLetter]:
    """Of the last letters of imports those whose import still stands where they left it; reads the whole ledger.

    Raises:
        Refused, KafkaUnavailable: The ledger can't be read.
    """
    ledger = names.topics[TopicRole.LEDGER]
    failed: dict[str, tuple[int, int]] = {}
    for partition in range(names.partitions):
        sink = _Failed()
        await fold(connection, ledger, partition, sink)
        failed |= sink.generations
        on_progress(1)
    return list(waiting(letters, failed))


def waiting(letters: Iterable[DeadLetter], failed: Mapping[str, tuple[int, int]]) -> Iterator[DeadLetter]:
    """Those that ended what stands in the ledger; `failed` has the generation and the first one by entity."""
    for letter in letters:
        generation, born = failed.get(import_entity(letter.import_id), (0, 0))
        if generation and letter.redrives == generation - born:
            yield replace(letter, generation=generation)
