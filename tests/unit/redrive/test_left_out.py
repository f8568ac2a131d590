"""Letters without the value of their arrival: sent again by where that is."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, cast

import pytest

from connector.cli.dead_letter_report import described, field_line, value_text
from connector.clock import SystemClock
from connector.contracts.arrivals import Coordinates
from connector.contracts.dead_letters import Cause, dead_letter
from connector.domain.copies import ArrivalCopy, read_copy
from connector.domain.ids import ImportId
from connector.kafka.names import Names
from connector.kafka.plain_producer import PlainRecord
from connector.kafka.reading import TopicRecord
from connector.redrive.fixups import FixUp
from connector.redrive.letters import Content, DeadLetter, content_of, read_letter
from connector.redrive.redriver import Fate, Redriver, Step
from connector.redrive.selecting import Selection
from connector.settings_kafka import KafkaSettings

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="nowhere:9092"), partitions=4)
AT = Coordinates("cluster", "documents.arrived", 3, 17, 5)
CAUSE = Cause("validate", "Rejected", "not valid", 1, "2026-01-01T00:00:00.000000Z", 0)
VALUE = b'{"document_id": "doc-1", "queue": "receipts", "source": "nonsense"}'.ljust(5_000)
#: What the inner log takes, and a value that it does not take.
COPY_BYTES = 100_000
LARGE = b'{"document_id": "doc-2", "source": "%s"}' % (b"x" * COPY_BYTES)
TOO_LARGE = r"with \d+ bytes it is too large for the inner log; announce the document again instead"
WHERE = "with 5000 bytes it is too large for a letter: it stands at offset 17 of documents.arrived[3]"


def on_its_topic() -> TopicRecord:
    """A letter whose value was too large."""
    record = dead_letter(VALUE, b"k", [("theirs", b"1")], AT, CAUSE, import_id=ImportId("one"), limit=2_000)
    return TopicRecord("rossum.dead-letters", 0, 2, 9, record.key, record.value, record.headers)


def letter() -> DeadLetter:
    """That one as it is read."""
    found = read_letter(on_its_topic(), "cluster")
    assert found is not None
    return found


def whole(*, headers: Sequence[tuple[str, bytes]] = (), value: bytes = LARGE) -> TopicRecord:
    """A letter that holds its arrival, though the inner log could not."""
    record = dead_letter(value, b"k", headers, AT, CAUSE, import_id=ImportId("one"), limit=1_000_000)
    return TopicRecord("rossum.dead-letters", 0, 2, 9, record.key, record.value, record.headers)


def unread() -> TopicRecord:
    """A letter of an arrival that was deleted before it could be read."""
    record = dead_letter(None, None, [], AT, CAUSE, import_id=ImportId("one"), limit=2_000, unread=True)
    return TopicRecord("rossum.dead-letters", 0, 2, 9, record.key, record.value, record.headers)


async def sent_again(
    *fix_ups: FixUp, record: TopicRecord | None = None, arrival: bytes | None = VALUE
) -> tuple[Step, list[ArrivalCopy]]:
    """What became of a letter, and the copies that its owner gets; the arrival is what is still at its place."""
    copies: list[ArrivalCopy] = []
    record = record or on_its_topic()

    async def read(_letter: DeadLetter) -> Content:
        return content_of(record)

    async def read_arrival(_letter: DeadLetter) -> Content | None:
        return None if arrival is None else Content(b"k", arrival, ())

    class Producer:
        """Kafka in a list."""

        async def send(self, records: list[PlainRecord]) -> None:
            """Take them."""
            copies.extend(read_copy(one.key, one.value, one.headers, 40) for one in records)

    redriver = Redriver(
        cast("Any", Producer()), read, read_arrival, NAMES, SystemClock(), copy_bytes=COPY_BYTES, fix_ups=fix_ups
    )
    found = read_letter(record, "cluster")
    assert found is not None
    async with asyncio.timeout(5):
        steps = [step async for step in redriver.run([replace(found, generation=2)])]
    return steps[0], copies


async def test_its_owner_reads_the_arrival_itself() -> None:
    """Nothing is lost: the copy names the arrival."""
    step, (copy,) = await sent_again()

    assert step.fate is Fate.REDRIVEN
    assert (copy.by_reference, copy.follows) == (True, 2)
    assert copy.at.causation == AT.causation


async def test_it_cannot_be_repaired() -> None:
    """And a person hears what to do."""
    step, copies = await sent_again(FixUp(("queue",), "receipts"))

    assert step.fate is Fate.SKIPPED
    assert step.sentence == f"--set can't change its value; {WHERE}; announce the document again instead"
    assert not copies


def test_it_says_where_the_value_is() -> None:
    """To whoever looks at it."""
    assert dict(described(letter()))["bytes"] == 5_000
    assert value_text(letter(), content_of(on_its_topic()), whole=True) == f"(without its value; {WHERE})"


def test_it_is_chosen_by_what_its_value_names() -> None:
    """As any other letter."""
    found = letter()

    assert (found.document_id, found.queue) == ("doc-1", "receipts")
    assert Selection(names=frozenset({"doc-1"}), queues=frozenset({"receipts"})).wants(found)


async def test_an_arrival_that_is_deleted_is_not_sent_again() -> None:
    """Its owner would find nothing and write the same letter anew."""
    step, copies = await sent_again(arrival=None)

    assert (step.fate, step.sentence) == (Fate.SKIPPED, "the arrival is deleted; announce the document again")
    assert not copies


def test_a_value_that_was_not_read_has_words_of_its_own() -> None:
    """Nobody knows how large it is, nor whether it is still where it was announced."""
    found = read_letter(unread(), "cluster")
    assert found is not None

    assert field_line(*described(found)[-1]) == "bytes          unknown"
    assert value_text(found, content_of(unread()), whole=True) == (
        "(without its value; it was not read; it was announced at offset 17 of documents.arrived[3])"
    )


async def test_what_was_not_read_is_sent_again_while_its_arrival_is_there() -> None:
    """A defect may have been why nobody read it."""
    sent, (copy,) = await sent_again(record=unread())
    skipped, none = await sent_again(record=unread(), arrival=None)

    assert (sent.fate, copy.by_reference) == (Fate.REDRIVEN, True)
    assert (skipped.fate, none) == (Fate.SKIPPED, [])


@pytest.mark.parametrize("record", [whole(), whole(value=VALUE, headers=[("theirs", LARGE)])], ids=["value", "headers"])
async def test_a_whole_letter_that_the_inner_log_cannot_take_goes_by_reference(record: TopicRecord) -> None:
    """As its arrival did: only its place is copied."""
    step, (copy,) = await sent_again(record=record, arrival=record.value)

    assert (step.fate, copy.by_reference, copy.follows) == (Fate.REDRIVEN, True, 2)
    assert (copy.value, copy.key, copy.headers) == (None, None, ())
    assert copy.at.causation == AT.causation


@pytest.mark.parametrize(
    ("fix_ups", "arrival", "sentence"),
    [
        ((FixUp(("queue",), "receipts"),), LARGE, TOO_LARGE),
        ((), LARGE.replace(b"doc-2", b"doc-3"), TOO_LARGE),
        ((), None, "the arrival is deleted; announce the document again"),
    ],
    ids=["repaired", "repaired before", "deleted"],
)
async def test_a_large_letter_that_its_arrival_does_not_tell_is_refused(
    fix_ups: tuple[FixUp, ...], arrival: bytes | None, sentence: str
) -> None:
    """A repair would be lost on the way, and a deleted arrival can't be read."""
    step, copies = await sent_again(*fix_ups, record=whole(), arrival=arrival)

    assert step.fate is Fate.SKIPPED
    assert re.fullmatch(sentence, step.sentence)
    assert not copies


async def test_a_whole_letter_that_fits_needs_no_arrival() -> None:
    """It goes as it is, also where the arrival is deleted."""
    step, (copy,) = await sent_again(record=whole(value=VALUE), arrival=None)

    assert (step.fate, copy.by_reference, copy.value, copy.key) == (Fate.REDRIVEN, False, VALUE, b"k")


async def test_a_letter_that_is_deleted_meanwhile_is_skipped() -> None:
    """Between the list and its turn."""

    async def gone(_letter: DeadLetter) -> None:
        return None

    redriver = Redriver(None, gone, gone, NAMES, SystemClock(), copy_bytes=1_000_000)
    (step,) = [step async for step in redriver.run([replace(letter(), generation=2)])]

    assert (step.fate, "deleted" in step.sentence) == (Fate.SKIPPED, True)
