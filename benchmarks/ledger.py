"""A ledger of many entries at rest: a replica that owns it all, from its start until it is ready, twice."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Bar, Row
from benchmarks.program import cpu_seconds, peak_memory
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, Stage, stage
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import AnnotationId, annotation_entity, import_entity, import_id_from_document, partition_of
from connector.domain.rows import AnnotationRow, ImportRow, ImportState, encode_row
from tests.support.deployment import QUEUE
from tests.support.waiting import eventually

#: Of this many entries one is open: a day's work of those of a year. Of so many one stands there twice.
_OPEN, _TWICE = 2_000, 10
#: Records of one batch as they are made.
_BATCH_BYTES = 512 * 1024
#: Seconds that a replica gets to be ready for a million entries, and at least.
_PATIENCE = 60.0
_MILLION = 1_000_000
_CLOCK = "2026-03-01T12:00:00.000000Z"
_SIMULATOR = ("--review", "-1", "--processing", "0")


@dataclass(frozen=True, slots=True)
class _Opened:
    """What it took a process until it was ready.

    Attributes:
        seconds: From the start of the process.
        cpu: Seconds of a core until then.
        memory: The most that was resident until then, MB.
        rows: That it knows, about.
    """

    seconds: float
    cpu: float
    memory: float
    rows: int


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """A deployment makes its ledger, which is filled; then two processes own it, one after the other."""
    wanted = scale.entries / (10 * _MILLION)
    async with stage(bootstrap, *_SIMULATOR) as on:
        first = await on.deployment.start_replica()
        await first.stop()
        await _fill(on, scale.entries)
        state = on.deployment.folder / "state"
        rebuilt = await _opened(on, state, scale.entries)
        again = await _opened(on, state, scale.entries)
        partitions, disk = on.topics.names.partitions, _size(state)
    return [
        Row("entries", f"{scale.entries:,} on {partitions} partitions, half of them imports, one of {_OPEN:,} open"),
        Row("known to the replica, as RocksDB estimates", f"{rebuilt.rows:,} and {again.rows:,}"),
        Row(
            "start without local state: rebuild from the topic",
            f"{rebuilt.seconds:.1f} s ({scale.entries / rebuilt.seconds:,.0f} rows/s)",
            bar=Bar(f"< {90 * wanted:.1f} s", at_most=90 * wanted),
            figure=rebuilt.seconds,
        ),
        Row("restart with local state", f"{again.seconds:.1f} s", bar=Bar("< 5 s", at_most=5), figure=again.seconds),
        Row("a core was busy for", f"{rebuilt.cpu:.1f} s rebuilding, {again.cpu:.1f} s restarting"),
        *(
            Row(f"memory {when}", f"{opened.memory:.0f} MB", bar=Bar("< 300 MB", at_most=300), figure=opened.memory)
            for when, opened in (("of the rebuild", rebuilt), ("of the restart", again))
        ),
        Row("local state", f"{disk:,.0f} MB on disk"),
    ]


async def _opened(on: Stage, state: Path, entries: int) -> _Opened:
    """A replica is started, ready, and stopped again."""
    since = CLOCK.monotonic()
    number = await on.deployment.launch_replica(STATE__DIRECTORY=str(state))
    ops, replica = on.deployment.ops_urls[number], on.deployment.replicas[number]
    patience = _PATIENCE * max(1.0, entries / _MILLION)
    await eventually(lambda: on.deployment.is_ready(ops, replica), within=patience)
    seconds, pid = CLOCK.monotonic() - since, replica.process.pid
    opened = _Opened(seconds, cpu_seconds(pid), peak_memory(pid), _rows_told(replica.log.read_text()))
    await replica.stop()
    print(f"  a replica was ready after {opened.seconds:.1f} s")
    return opened


def _rows_told(log: str) -> int:
    """The sum over all partitions of what a replica says when one is open."""
    return sum(int(count) for count in re.findall(r'"rows": ?(\d+)', log))


def _size(folder: Path) -> float:
    """MB of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MILLION


async def _fill(on: Stage, entries: int) -> None:
    """Rows as the connector writes them, without its transactions: these cost the reader little."""
    names = on.topics.names
    topic, partitions = names.topics[TopicRole.LEDGER], names.partitions
    # Those that are open are there in Rossum, and asked for.
    order = {"count": max(1, entries // _OPEN), "queue": QUEUE, "status": "to_review"}
    first, last = (await on.deployment.control("/annotations", order))["ids"]
    producer = on.topics.connection.producer(max_batch_size=_BATCH_BYTES)
    await producer.start()
    try:
        batches, sent = [producer.create_batch() for _ in range(partitions)], []
        for written, (entity, value) in enumerate(_written(range(first, first + entries), last), 1):
            at, key = partition_of(entity, partitions), entity.encode()
            if batches[at].append(key=key, value=value, timestamp=None) is None:
                sent.append(await producer.send_batch(batches[at], topic, partition=at))
                batches[at] = producer.create_batch()
                batches[at].append(key=key, value=value, timestamp=None)
            if written % _MILLION == 0:
                print(f"  filling the ledger: {written:,} rows for {entries:,} entries", flush=True)
        sent += [await producer.send_batch(batch, topic, partition=at) for at, batch in enumerate(batches)]
        for one in sent:
            await one
    finally:
        await producer.stop()


def _written(numbers: range, last_open: int) -> Iterator[tuple[str, bytes]]:
    """Entities and rows: an import, whose ids have no order, and its annotation; some are not compacted yet."""
    for number in numbers:
        if (number - numbers.start) % 2 and number > last_open:
            entity, row = import_entity(import_id_from_document(f"invoice-{number}")), _import(number)
        else:
            entity, row = annotation_entity(AnnotationId(number)), _annotation(number, is_open=number <= last_open)
        for _ in range(2 if number % _TWICE == 0 else 1):
            yield entity, row


def _annotation(number: int, *, is_open: bool) -> bytes:
    status = "to_review" if is_open else "exported"
    return encode_row(
        AnnotationRow(
            status,
            f"invoice-{number}",
            queue=QUEUE,
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


def _import(number: int) -> bytes:
    return encode_row(
        ImportRow(
            ImportState.COMPLETED,
            f"invoice-{number}",
            announced={"3": number},
            queue=QUEUE,
            file_name=f"invoice-{number}.pdf",
            size=200_000,
            sha256=f"{number:064x}",
            annotations={str(number): "exported"},
            documents=(number,),
            expected=(number,),
            ended=_CLOCK,
        )
    )
