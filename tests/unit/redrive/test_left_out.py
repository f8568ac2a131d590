"""Letters without the value of their arrival: sent again by where that is."""

import asyncio
from dataclasses import replace
from typing import Any, cast

from connector.cli.dead_letter_report import described, value_text
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
from connector.settings_kafka import KafkaSettings

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="nowhere:9092"), partitions=4)
AT = Coordinates("cluster", "documents.arrived", 3, 17, 5)
CAUSE = Cause("validate", "Rejected", "not valid", 1, "2026-01-01T00:00:00.000000Z", 0)
VALUE = b'{"document_id": "doc-1", "source": "nonsense"}'.ljust(5_000)
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


async def content(_letter: DeadLetter) -> Content:
    """What it holds."""
    return content_of(on_its_topic())


async def sent_again(*fix_ups: FixUp) -> tuple[Step, list[ArrivalCopy]]:
    """What became of it, and the copies that its owner gets."""
    copies: list[ArrivalCopy] = []

    class Producer:
        """Kafka in a list."""

        async def send(self, records: list[PlainRecord]) -> None:
            """Take them."""
            copies.extend(read_copy(one.key, one.value, one.headers, 40) for one in records)

    redriver = Redriver(cast("Any", Producer()), content, NAMES, SystemClock(), copy_bytes=1_000_000, fix_ups=fix_ups)
    async with asyncio.timeout(5):
        waits = [step async for step in redriver.run([replace(letter(), generation=2)])]
    return waits[0], copies


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


async def test_a_letter_that_is_deleted_meanwhile_is_skipped() -> None:
    """Between the list and its turn."""

    async def gone(_letter: DeadLetter) -> None:
        return None

    redriver = Redriver(None, gone, NAMES, SystemClock(), copy_bytes=1_000_000)
    (step,) = [step async for step in redriver.run([replace(letter(), generation=2)])]

    assert (step.fate, "deleted" in step.sentence) == (Fate.SKIPPED, True)
