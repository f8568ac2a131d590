"""From a change of status in Rossum to the captured event of a `read_committed` reader, at 200 documents/s."""

import asyncio

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from benchmarks.broker import Topics
from benchmarks.figures import Bar, Row, percentile
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, Stage, stage
from connector.contracts.catalogue import TopicRole
from tests.support.deployment import QUEUE

RATE = 200
#: Seconds at the start that are not counted, and first transactions of the floor that are not.
WARM_UP = 5
FLOOR_WARM_UP = 20
_SIMULATOR = ("--rate-limit", "0", "--review", "-1", "--processing", "0")


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """The floor first, then the connector, on the same broker."""
    seconds = WARM_UP + round(scale.seconds * 3)
    async with stage(bootstrap, *_SIMULATOR, ROSSUM__REQUESTS_PER_SECOND="0") as on:
        floor = await _floor(on.topics, scale.floor)
        replica = await on.deployment.start_replica()
        await on.deployment.add_hook(on.deployment.webhook_urls[0])
        order = {"count": RATE * seconds, "queue": QUEUE, "status": "to_review"}
        first, last = (await on.deployment.control("/annotations", order))["ids"]
        left, answered = await _drive(on, range(first, last + 1))
        await on.captured.until(len(left))
        await replica.stop()
        return [*_rows(on, left, floor), _driver(answered)]


async def _drive(on: Stage, numbers: range) -> tuple[dict[str, float], list[float]]:
    """Set annotations to `exported`, evenly spread.

    Returns:
        When each was asked for, by the key of its event, and how long (seconds) the simulator took to answer.
    """
    left: dict[str, float] = {}
    answered: list[float] = []

    async def export(number: int) -> None:
        asked = CLOCK.monotonic()
        await on.deployment.control(f"/annotations/{number}/status", {"status": "exported"})
        answered.append(CLOCK.monotonic() - asked)

    since = CLOCK.monotonic()
    async with asyncio.TaskGroup() as tasks:
        for place, number in enumerate(numbers):
            await asyncio.sleep(max(0.0, since + place / RATE - CLOCK.monotonic()))
            left[f"rossum:{number}"] = CLOCK.monotonic()
            tasks.create_task(export(number))
    return left, answered[RATE * WARM_UP :]


def _driver(answered: list[float]) -> Row:
    """Tells a slow connector from a machine that is too busy to drive it."""
    p50, p99 = percentile(answered, 0.5) * 1000, percentile(answered, 0.99) * 1000
    return Row("the simulator's own answer to the change", f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")


async def _floor(ours: Topics, count: int) -> list[float]:
    """One transaction after the other with one event and an offset, each until a `read_committed` reader has it."""
    place = TopicPartition(ours.names.topics[TopicRole.DEAD_LETTERS], 0)
    producer: AIOKafkaProducer = ours.connection.producer(transactional_id=f"{ours.prefix}floor")
    consumer: AIOKafkaConsumer = ours.connection.consumer(group_id=None)
    await producer.start()
    await consumer.start()
    try:
        consumer.assign([place])
        await consumer.seek_to_end(place)
        seconds = []
        for offset in range(count + FLOOR_WARM_UP):
            since = CLOCK.monotonic()
            async with producer.transaction():
                await producer.send(place.topic, b"x" * 2000, partition=place.partition)
                await producer.send_offsets_to_transaction({place: offset}, f"{ours.prefix}floor")
            await consumer.getone()
            seconds.append(CLOCK.monotonic() - since)
        return seconds[FLOOR_WARM_UP:]
    finally:
        await consumer.stop()
        await producer.stop()


def _rows(on: Stage, left: dict[str, float], floor: list[float]) -> list[Row]:
    counted = list(left.items())[RATE * WARM_UP :]
    came = on.captured.at
    seconds = [came[key] - since for key, since in counted if key in came]
    rows = [
        Row("floor: one bare transaction, p50", f"{percentile(floor, 0.5) * 1000:.1f} ms", 1.0),
        Row("floor: one bare transaction, p99", f"{percentile(floor, 0.99) * 1000:.1f} ms", 1.0),
    ]
    for name, part, limit in (("p50", 0.5, 50), ("p99", 0.99, 150)):
        value = percentile(seconds, part)
        bar = Bar(f"< {limit} ms", at_most=float(limit))
        ratio = value / percentile(floor, part)
        rows.append(Row(f"connector: {name}", f"{value * 1000:.1f} ms", ratio, bar, figure=value * 1000))
    missing, twice = sum(key not in came for key in left), on.captured.count - len(came)
    return [
        *rows,
        Row("connector: longest", f"{percentile(seconds, 1.0) * 1000:.0f} ms of {len(seconds):,} counted"),
        Row("missing", f"{missing} of {len(left):,}", bar=Bar("0", at_most=0), figure=missing),
        Row("twice", f"{twice}", bar=Bar("0", at_most=0), figure=twice),
    ]
