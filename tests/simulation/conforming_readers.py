"""Checks of readers: groups and rebalances, positions, commits, trimming, compaction."""

import asyncio
from collections.abc import Iterable
from typing import Any

from aiokafka.abc import ConsumerRebalanceListener
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from tests.simulation.conformance import PATIENCE, Bench, sees
from tests.support.waiting import eventually

GROUP = "readers"


class _Diary(ConsumerRebalanceListener):  # type: ignore[misc] # aiokafka has no types
    """Notes what a member is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, list[tuple[str, int]]]] = []

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Before each join."""
        self.told.append(("revoked", _short(revoked)))

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """After each join."""
        self.told.append(("assigned", _short(assigned)))


def _short(places: Iterable[TopicPartition]) -> list[tuple[str, int]]:
    return sorted((place.topic.rsplit(".", 1)[-1], place.partition) for place in places)


async def _keep_polling(consumer: Any) -> None:
    """Members take part in rebalances while they poll."""
    while True:
        await consumer.getmany(timeout_ms=100)


class _Member:
    """A polling member of the group."""

    def __init__(self, consumer: Any) -> None:
        self.consumer = consumer
        self.diary = _Diary()
        self.polling = asyncio.get_running_loop().create_task(_keep_polling(consumer))

    async def leave(self) -> None:
        """Stop."""
        self.polling.cancel()
        await asyncio.gather(self.polling, return_exceptions=True)
        await self.consumer.stop()


async def _member(bench: Bench, topics: list[str], **more: Any) -> _Member:
    consumer = await bench.consumer(group_id=GROUP, **more)
    member = _Member(consumer)
    consumer.subscribe(topics, listener=member.diary)
    bench.stack.push_async_callback(member.leave)
    return member


async def _holds(member: _Member, count: int) -> None:
    await eventually(lambda: len(member.consumer.assignment()) == count, within=PATIENCE)


BOTH = [("left", 0), ("left", 1), ("right", 0), ("right", 1)]


@sees(
    (
        [("revoked", []), ("assigned", BOTH), ("revoked", BOTH)],
        True,
        [("assigned", BOTH)],
    )
)
async def every_join_revokes_everything(bench: Bench) -> Any:
    """A second member: all is revoked, then equal numbers of both topics come to one; when it leaves, all come back."""
    topics = [await bench.topic("left", 2), await bench.topic("right", 2)]
    first = await _member(bench, topics)
    await _holds(first, 4)
    second = await _member(bench, topics)
    await _holds(second, 2)
    await _holds(first, 2)
    parts = [{number for _, number in _short(member.consumer.assignment())} for member in (first, second)]
    told = first.diary.told[:3]
    before = len(first.diary.told)
    await second.leave()
    await _holds(first, 4)
    return told, sorted(map(len, parts)) == [1, 1] and parts[0] != parts[1], first.diary.told[before:][-1:]


@sees((True, [("assigned", [("topic", 0), ("topic", 1)])]))
async def a_static_member_is_missed_only_after_its_session(bench: Bench) -> Any:
    """With an instance id a member that stops keeps its partitions until the session timeout."""
    topics = [await bench.topic("topic", 2)]
    settings = {"session_timeout_ms": 6_000, "heartbeat_interval_ms": 500}
    first = await _member(bench, topics, group_instance_id="a", **settings)
    await _holds(first, 2)
    second = await _member(bench, topics, group_instance_id="b", **settings)
    await _holds(second, 1)
    await _holds(first, 1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    await second.leave()
    await _holds(first, 2)
    return loop.time() - began > 4.0, first.diary.told[-1:]


@sees(("IllegalStateError", (3, "stamp"), None))
async def only_a_member_commits(bench: Bench) -> Any:
    """Commits of what is not assigned are refused; metadata is kept; nothing committed is None."""
    topic = await bench.topic("topic", 2)
    place, other = TopicPartition(topic, 0), TopicPartition(topic, 1)
    member = await _member(bench, [topic])
    await _holds(member, 2)
    await member.consumer.commit({place: OffsetAndMetadata(3, "stamp")})
    nothing = await member.consumer.committed(other)
    async with bench.connection.admin() as admin:
        found = (await admin.list_consumer_group_offsets(bench.prefix + GROUP, partitions=[place]))[place]
    try:
        await member.consumer.commit({TopicPartition(topic, 7): OffsetAndMetadata(1, "")})
        error = "none"
    except (IllegalStateError, CommitFailedError) as failure:
        error = type(failure).__name__
    return error, (found.offset, found.metadata), nothing


@sees(([0, 1, 2], [], [0, 1, 2], 3, 3))
async def pausing_and_seeking(bench: Bench) -> Any:
    """A paused partition gives nothing, a position can be set back, its high-water mark is known."""
    topic, producer = await bench.topic(), await bench.producer()
    place = TopicPartition(topic, 0)
    for value in (b"a", b"b", b"c"):
        await (await producer.send(topic, value=value, partition=0))
    reader = await bench.consumer()
    reader.assign([place])
    reader.seek(place, 0)

    async def offsets(wanted: int) -> list[int]:
        found: list[int] = []
        for _ in range(20):
            found += [r.offset for r in (await reader.getmany(timeout_ms=100)).get(place, ())]
            if len(found) >= wanted > 0:
                break
        return found

    first = await offsets(3)
    reader.pause(place)
    reader.seek(place, 0)
    paused = await offsets(0)
    reader.resume(place)
    again = await offsets(3)
    return first, paused, again, await reader.position(place), reader.highwater(place)


@sees((2, 4, [2, 3], [2, 3]))
async def trimmed_records_are_passed(bench: Bench) -> Any:
    """After DeleteRecords the partition begins later; who stands before that goes on at the new beginning."""
    topic, producer = await bench.topic(), await bench.producer()
    place = TopicPartition(topic, 0)
    for value in (b"a", b"b", b"c", b"d"):
        await (await producer.send(topic, value=value, partition=0))
    await delete_before(bench, place, 2)
    reader = await bench.consumer()
    start = (await reader.beginning_offsets([place]))[place]
    end = (await reader.end_offsets([place]))[place]
    reader.assign([place])
    reader.seek(place, 0)
    found: list[int] = []

    async def both() -> bool:
        found.extend(r.offset for r in (await reader.getmany(place, timeout_ms=200)).get(place, ()))
        return len(found) == 2

    await eventually(both, within=PATIENCE)
    return start, end, found, [offset for offset, _ in await bench.read(topic)]


async def delete_before(bench: Bench, place: TopicPartition, offset: int) -> None:
    """Trim a partition as the connector does."""
    from aiokafka.admin import RecordsToDelete  # noqa: PLC0415 - only here

    async with bench.connection.admin() as admin:
        await admin.delete_records({place: RecordsToDelete(before_offset=offset)})


@sees(([(1, b"a2"), (3, b"b2"), (6, b"c1")], 8))
async def compaction_keeps_the_newest_and_its_offset(bench: Bench) -> Any:
    """Of each key the newest record stays where it was; what an aborted transaction wrote never wins."""
    # Only closed segments are cleaned: here each record closes those before it, however fast they come.
    topic = await bench.topic("topic", 1, cleanup_policy="compact", segment_ms="1", min_cleanable_dirty_ratio="0.01")
    place = TopicPartition(topic, 0)
    plain = await bench.producer()
    for key, value in ((b"a", b"a1"), (b"a", b"a2"), (b"b", b"b1"), (b"b", b"b2")):
        await (await plain.send(topic, value=value, key=key, partition=0))
    dead = await bench.producer("id")
    await dead.begin_transaction()
    await (await dead.send(topic, value=b"a3", key=b"a", partition=0))
    await bench.producer("id")

    async def before() -> bool:
        # A cleaner may come at any time: what has a newer record may be gone by now.
        found = [value for _, value in await bench.read(topic)]
        return [value for value in found if value not in {b"a1", b"b1"}] == [b"a2", b"b2"]

    await eventually(before, within=PATIENCE)
    await (await plain.send(topic, value=b"c1", key=b"c", partition=0))
    await bench.clean(place, 3)
    # Of a key of its own, so that c1 stays in any case.
    await (await plain.send(topic, value=b"d1", key=b"d", partition=0))
    found = await bench.values_become(topic, [b"a2", b"b2", b"c1", b"d1"])
    reader = await bench.consumer()
    return found[:3], (await reader.end_offsets([place]))[place]
