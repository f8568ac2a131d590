"""A ledger of many entries at rest: from assignment to all partitions restored, from the topic and from local state."""

import tempfile
from collections.abc import Mapping
from typing import Any

import orjson

from benchmarks.broker import Topics, topics
from benchmarks.figures import Bar, Row
from benchmarks.program import program
from benchmarks.scale import Scale
from connector.contracts.catalogue import TopicRole
from connector.domain.rows import AnnotationRow, encode_row

#: Of this many entries one is open: a day's work of those of a year.
_OPEN = 2_000
#: Records of one batch as they are made.
_BATCH_BYTES = 512 * 1024
_CLOCK = "2026-03-01T12:00:00.000000Z"


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """Fill a ledger, restore it by two processes one after the other."""
    async with topics(bootstrap) as on:
        await _fill(on, scale.entries)
        with tempfile.TemporaryDirectory(prefix="bench-state-") as folder:
            rebuilt = await _restored(on, folder)
            again = await _restored(on, folder)
    wanted = scale.entries / 10_000_000
    return [
        Row("entries", f"{scale.entries:,} on {on.names.partitions} partitions, one of {_OPEN:,} open"),
        Row(
            "rebuild from the topic",
            f"{rebuilt['seconds']:.1f} s ({rebuilt['rows'] / rebuilt['seconds']:,.0f} rows/s)",
            bar=Bar(f"< {90 * wanted:.1f} s", at_most=90 * wanted),
            figure=rebuilt["seconds"],
        ),
        Row(
            "restart with local state",
            f"{again['seconds']:.1f} s",
            bar=Bar("< 5 s", at_most=5),
            figure=again["seconds"],
        ),
        Row("a core was busy for", f"{rebuilt['cpu']:.1f} s rebuilding, {again['cpu']:.1f} s restarting"),
        Row("rows read at the restart", f"{again['rows']:,.0f}", bar=Bar("0", at_most=0), figure=again["rows"]),
        Row(
            "memory of the rebuild",
            f"{rebuilt['memory']:.0f} MB",
            bar=Bar("< 300 MB", at_most=300),
            figure=rebuilt["memory"],
        ),
        Row(
            "memory after the restart",
            f"{again['memory']:.0f} MB",
            bar=Bar("< 300 MB", at_most=300),
            figure=again["memory"],
        ),
        Row("local state", f"{rebuilt['disk']:,.0f} MB on disk"),
    ]


async def _restored(on: Topics, folder: str) -> Mapping[str, Any]:
    async with program("benchmarks.ledger_reader", on.bootstrap, on.prefix, folder) as reader:
        found: Mapping[str, Any] = orjson.loads(await reader.line())
        return {**found, "memory": reader.memory()}


async def _fill(on: Topics, entries: int) -> None:
    """Rows as the connector writes them, without its transactions: these cost the reader nothing."""
    topic, partitions = on.names.topics[TopicRole.LEDGER], on.names.partitions
    producer = on.connection.producer(max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        for partition in range(partitions):
            batch, sent = producer.create_batch(), []
            for number in range(partition, entries, partitions):
                key, value = f"annotation/{number}".encode(), _row(number)
                if batch.append(key=key, value=value, timestamp=None) is None:
                    sent.append(await producer.send_batch(batch, topic, partition=partition))
                    batch = producer.create_batch()
                    batch.append(key=key, value=value, timestamp=None)
            sent.append(await producer.send_batch(batch, topic, partition=partition))
            for one in sent:
                await one
            print(f"  filling the ledger: {partition + 1} of {partitions} partitions")
    finally:
        await producer.stop()


def _row(number: int) -> bytes:
    status = "to_review" if number % _OPEN == 0 else "exported"
    return encode_row(
        AnnotationRow(
            status,
            f"invoice-{number}",
            queue=8198,
            import_id=f"{number:032x}",
            root=number,
            document=number,
            clocks={"arrived_at": _CLOCK, "exported_at": _CLOCK},
            published={"annotation.captured:exported": _CLOCK, "annotation.ready": _CLOCK},
            captures={"exported": (_CLOCK,)},
            counts={"exported": 1},
            told=status,
            read_at=_CLOCK,
        )
    )
