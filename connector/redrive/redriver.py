"""Sends dead letters again: to the inner log, where the owner of the import decides.

A letter names the generation that it ended; the owner takes it only while the import stands at exactly that one and
has failed. So the same letter sent twice, or a stale one, changes nothing.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.contracts.envelope import KafkaRecord
from connector.domain.copies import copy_headers
from connector.domain.ids import import_entity, partition_of
from connector.kafka.names import Names
from connector.kafka.plain_producer import PlainProducer, PlainRecord
from connector.redrive.fixups import FixUp, Unfixable, fixed
from connector.redrive.letters import Content, DeadLetter
from connector.redrive.reading import ReadContent

#: How often one arrival may be sent again before somebody has to insist: a loop of letters feeds itself.
MOST_REDRIVES = 3
#: Bytes of headers that a copy may need beside the value.
ROOM = 16 * 1024


class Fate(StrEnum):
    """What became of a letter."""

    REDRIVEN = "redriven"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Step:
    """One letter and its fate; `sentence` says why it was skipped."""

    letter: DeadLetter
    fate: Fate
    sentence: str = ""


class Redriver:
    """See the module.

    Args:
        producer: None for a dry run.
        read: Gives the content of a letter.
        read_arrival: Gives that of its arrival.
        copy_bytes: The largest record that both the inner log and the dead letters take.
        rate: Letters a second at most.
        insist: Also those that were sent again too often.
    """

    def __init__(  # noqa: PLR0913 - the choices of the command
        self,
        producer: PlainProducer | None,
        read: ReadContent,
        read_arrival: ReadContent,
        names: Names,
        clock: Clock,
        *,
        copy_bytes: int,
        fix_ups: Sequence[FixUp] = (),
        rate: float | None = None,
        insist: bool = False,
    ) -> None:
        self._producer = producer
        self._read = read
        self._read_arrival = read_arrival
        self._names = names
        self._clock = clock
        self._copy_bytes = copy_bytes
        self._fix_ups = fix_ups
        self._pause = 1 / rate if rate else 0.0
        self._insist = insist

    async def run(self, letters: Iterable[DeadLetter]) -> AsyncIterator[Step]:
        """Each letter in turn, told when it is acknowledged.

        Raises:
            KafkaUnavailable: Kafka does not answer; what was told before is sent.
        """
        for letter in letters:
            step = await self._step(letter)
            yield step
            if step.fate is Fate.REDRIVEN and self._producer is not None and self._pause:
                await self._clock.sleep(self._pause)

    async def _step(self, letter: DeadLetter) -> Step:
        if why_not := self._why_not(letter):
            return Step(letter, Fate.SKIPPED, why_not)
        content = await self._read(letter)
        if content is None:
            return Step(letter, Fate.SKIPPED, "its topic has deleted it; announce the document again instead")
        try:
            whole = self._whole(letter, content)
        except Unfixable as error:
            return Step(letter, Fate.SKIPPED, f"it can't be changed by --set: {error}")
        by_reference = letter.left_out is not None or (not self._fix_ups and self._is_too_large(whole))
        record = await self._reference(letter, content, whole) if by_reference else whole
        if record is None:
            return Step(letter, Fate.SKIPPED, "the arrival is deleted; announce the document again")
        if self._is_too_large(record):
            sentence = (
                f"with {_size(record)} bytes it is too large for the inner log; announce the document again instead"
            )
            return Step(letter, Fate.SKIPPED, sentence)
        if self._producer is not None:
            await self._producer.send([record])
        return Step(letter, Fate.REDRIVEN)

    def _why_not(self, letter: DeadLetter) -> str:
        """Why it is not sent, whatever it holds; empty otherwise."""
        if letter.redrives >= MOST_REDRIVES and not self._insist:
            return f"it was sent again {letter.redrives} times already; look at it, then add --force"
        if letter.generation is None:
            return "its import does not wait for an answer"
        if letter.left_out is not None and self._fix_ups:
            return f"--set can't change its value; {letter.without_value}; announce the document again instead"
        return ""

    def _whole(self, letter: DeadLetter, content: Content) -> PlainRecord:
        value = fixed(content.value, content.headers, self._fix_ups)
        headers = copy_headers(letter.arrived, content.key, content.headers, follows=letter.generation)
        return self._to_owner(letter, value, headers)

    async def _reference(self, letter: DeadLetter, content: Content, whole: PlainRecord) -> PlainRecord | None:
        """What is not in the letter, or too large to copy, its owner reads where the arrival is; None if that is gone.

        A letter that was repaired before stays whole: its arrival is without the repair.
        """
        arrival = await self._read_arrival(letter)
        if arrival is None:
            return None
        if letter.left_out is None and (arrival.value or b"") != (content.value or b""):
            return whole
        headers = copy_headers(letter.arrived, None, [], by_reference=True, follows=letter.generation)
        return self._to_owner(letter, None, headers)

    def _to_owner(self, letter: DeadLetter, value: bytes | None, headers: list[tuple[str, bytes]]) -> PlainRecord:
        entity = import_entity(letter.import_id)
        partition = partition_of(entity, self._names.partitions)
        return PlainRecord(
            self._names.topics[TopicRole.IMPORTS], partition, value=value, key=entity.encode(), headers=headers
        )

    def _is_too_large(self, record: PlainRecord) -> bool:
        return _size(record) + ROOM > self._copy_bytes


def _size(record: PlainRecord) -> int:
    return KafkaRecord(record.key, record.value, tuple(record.headers)).size
