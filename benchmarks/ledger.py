"""A ledger of many entries at rest: a replica that owns it all, from its start until it is ready, twice."""

import re
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import Bar, Row
from benchmarks.program import cpu_seconds, peak_memory
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, Stage, stage
from connector.contracts.catalogue import TopicRole
from connector.domain.ids import partition_of
from connector.domain.rows import AnnotationRow, encode_row
from tests.support.deployment import QUEUE
from tests.support.waiting import eventually

#: Of this many entries one is open: a day's work of those of a year.
_OPEN = 2_000
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
        Row("entries", f"{scale.entries:,} on {partitions} partitions, one of {_OPEN:,} open"),
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
        for number in range(first, first + entries):
            entity = f"annotation/{number}"
            at, value = partition_of(entity, partitions), _row(number, is_open=number <= last)
            if batches[at].append(key=entity.encode(), value=value, timestamp=None) is None:
                sent.append(await producer.send_batch(batches[at], topic, partition=at))
                batches[at] = producer.create_batch()
                batches[at].append(key=entity.encode(), value=value, timestamp=None)
            if (number - first) % _MILLION == _MILLION - 1:
                print(f"  filling the ledger: {number - first + 1:,} of {entries:,} entries", flush=True)
        sent += [await producer.send_batch(batch, topic, partition=at) for at, batch in enumerate(batches)]
        for one in sent:
            await one
    finally:
        await producer.stop()


def _row(number: int, *, is_open: bool) -> bytes:
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
