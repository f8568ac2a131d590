"""Reads the dead letters of a deployment, and which of them are still to be answered."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping

from connector.contracts.catalogue import TopicRole
from connector.domain.ids import import_entity
from connector.domain.rows import AnyRow, ImportRow, ImportState
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.reading import fold, records, stretches
from connector.redrive.letters import DeadLetter, read_letter


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


class _Failed:
    """Keeps the generation of every failed import of a ledger partition."""

    def __init__(self) -> None:
        self.ledger_end = 0
        self.generations: dict[str, int] = {}

    def apply(self, rows: Mapping[str, AnyRow | None], *, ledger_end: int) -> None:
        """Take in rows."""
        for entity, row in rows.items():
            if isinstance(row, ImportRow) and row.state is ImportState.FAILED:
                self.generations[entity] = row.generation
            else:
                self.generations.pop(entity, None)
        self.ledger_end = max(self.ledger_end, ledger_end)


async def unanswered(
    connection: KafkaConnection, names: Names, letters: Iterable[DeadLetter], *, on_progress: Callable[[int], None]
) -> list[DeadLetter]:
    """The letters whose import still stands where they left it; reads the whole ledger.

    Raises:
        Refused, KafkaUnavailable: The ledger can't be read.
    """
    ledger = names.topics[TopicRole.LEDGER]
    failed: dict[str, int] = {}
    for partition in range(names.partitions):
        sink = _Failed()
        await fold(connection, ledger, partition, sink)
        failed |= sink.generations
        on_progress(1)
    return [letter for letter in letters if failed.get(import_entity(letter.import_id)) == letter.generation]
