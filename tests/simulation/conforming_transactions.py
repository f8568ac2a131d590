"""Checks of transactions: visibility, gaps, fencing, offsets that wait."""

from typing import Any

from aiokafka.structs import OffsetAndMetadata, TopicPartition

from tests.simulation.conformance import PATIENCE, Bench, kind_of_error, sees
from tests.support.waiting import eventually

GROUP = "group"


async def _send(producer: Any, topic: str, *values: bytes) -> list[int]:
    futures = [await producer.send(topic, value=value, partition=0) for value in values]
    return [(await future).offset for future in futures]


async def _committed(bench: Bench, topic: str) -> tuple[int, str] | None:
    place = TopicPartition(topic, 0)
    async with bench.connection.admin() as admin:
        found = (await admin.list_consumer_group_offsets(bench.prefix + GROUP, partitions=[place])).get(place)
    return None if found is None or found.offset < 0 else (found.offset, found.metadata)


@sees(([0, 1], [3], [(0, b"a"), (1, b"b"), (3, b"c")], 5))
async def markers_take_offsets(bench: Bench) -> Any:
    """Each transaction leaves a gap of one offset, and a reader's position passes the last one."""
    topic, producer = await bench.topic(), await bench.producer("id")
    await producer.begin_transaction()
    first = await _send(producer, topic, b"a", b"b")
    await producer.commit_transaction()
    await bench.values_become(topic, [b"a", b"b"])
    await producer.begin_transaction()
    second = await _send(producer, topic, b"c")
    await producer.commit_transaction()
    found = await bench.values_become(topic, [b"a", b"b", b"c"])
    reader = await bench.consumer()
    place = TopicPartition(topic, 0)
    return first, second, found, (await reader.end_offsets([place]))[place]


@sees(([(0, b"before")], [b"before", b"open", b"plain"], 1, 3, [b"before", b"open", b"plain"]))
async def an_open_transaction_holds_readers_back(bench: Bench) -> Any:
    """What stands behind an open transaction, a plain record too, is read only when that has ended."""
    topic, place = await bench.topic(), TopicPartition(await bench.topic("other"), 0)
    place = TopicPartition(topic, 0)
    plain, producer = await bench.producer(), await bench.producer("id")
    await _send(plain, topic, b"before")
    await producer.begin_transaction()
    await _send(producer, topic, b"open")
    await _send(plain, topic, b"plain")
    held, all_of_it = await bench.read(topic), await bench.read(topic, "read_uncommitted")
    committed, uncommitted = await bench.consumer(), await bench.consumer(isolation_level="read_uncommitted")
    ends = [(await reader.end_offsets([place]))[place] for reader in (committed, uncommitted)]
    await producer.commit_transaction()
    after = await bench.values_become(topic, [b"before", b"open", b"plain"])
    return held, [value for _, value in all_of_it], *ends, [value for _, value in after]


@sees(([b"new"], [b"old", b"new"], "ProducerFenced", "IllegalOperation"))
async def a_successor_aborts_and_fences(bench: Bench) -> Any:
    """A producer that starts with an id ends what its predecessor left open, and that one can do nothing more."""
    topic = await bench.topic()
    old = await bench.producer("id")
    await old.begin_transaction()
    await _send(old, topic, b"old")
    new = await bench.producer("id")
    await new.begin_transaction()
    await _send(new, topic, b"new")
    await new.commit_transaction()
    error = await kind_of_error(old.commit_transaction())
    again = await kind_of_error(old.commit_transaction())
    found = await bench.values_become(topic, [b"new"])
    return [value for _, value in found], [v for _, v in await bench.read(topic, "read_uncommitted")], error, again


@sees(("ProducerFenced", "ProducerFenced", []))
async def a_fenced_one_sends_nothing(bench: Bench) -> Any:
    """Neither a record nor offsets of a fenced producer arrive."""
    topic = await bench.topic()
    first, second = await bench.producer("one"), await bench.producer("two")
    await first.begin_transaction()
    await second.begin_transaction()
    await bench.producer("one")
    await bench.producer("two")
    record = await kind_of_error(_send(first, topic, b"late"))
    offsets = {TopicPartition(topic, 0): OffsetAndMetadata(1, "")}
    moved = await kind_of_error(second.send_offsets_to_transaction(offsets, bench.prefix + GROUP))
    return record, moved, await bench.read(topic)


@sees((None, (7, "a stamp"), (7, "a stamp"), (9, "another")))
async def offsets_wait_for_their_transaction(bench: Bench) -> Any:
    """Offsets of an open transaction are not there yet; the old ones are, with their metadata."""
    topic, producer = await bench.topic(), await bench.producer("id")
    place, group = TopicPartition(topic, 0), bench.prefix + GROUP
    before = await _committed(bench, topic)
    await producer.begin_transaction()
    await producer.send_offsets_to_transaction({place: OffsetAndMetadata(7, "a stamp")}, group)
    await producer.commit_transaction()
    first = await eventually(lambda: _committed(bench, topic), within=PATIENCE)
    await producer.begin_transaction()
    await producer.send_offsets_to_transaction({place: OffsetAndMetadata(9, "another")}, group)
    pending = await _committed(bench, topic)
    await producer.commit_transaction()

    async def moved() -> tuple[int, str] | None:
        found = await _committed(bench, topic)
        return found if found != first else None

    return before, first, pending, await eventually(moved, within=PATIENCE)


@sees((3, None))
async def offsets_of_an_aborted_transaction_are_gone(bench: Bench) -> Any:
    """What a successor aborts has not moved any offset."""
    topic, other = await bench.topic(), await bench.topic("other")
    group = bench.prefix + GROUP
    old = await bench.producer("id")
    await old.begin_transaction()
    await old.send_offsets_to_transaction({TopicPartition(other, 0): OffsetAndMetadata(5, "")}, group)
    new = await bench.producer("id")
    await new.begin_transaction()
    await new.send_offsets_to_transaction({TopicPartition(topic, 0): OffsetAndMetadata(3, "")}, group)
    await new.commit_transaction()
    found = await eventually(lambda: _committed(bench, topic), within=PATIENCE)
    return found[0], await _committed(bench, other)


@sees((11, 11))
async def no_generation_guards_a_transaction(bench: Bench) -> Any:
    """A member that lost its partition still commits its offset in a transaction: only the id fences."""
    topic = await bench.topic()
    place, group = TopicPartition(topic, 0), bench.prefix + GROUP
    zombie, owner = await bench.producer("zombie"), await bench.consumer(group_id=GROUP)
    owner.subscribe([topic])
    await eventually(owner.assignment, within=PATIENCE)
    await zombie.begin_transaction()
    await zombie.send_offsets_to_transaction({place: OffsetAndMetadata(11, "")}, group)
    await zombie.commit_transaction()
    read = await eventually(lambda: owner.committed(place), within=PATIENCE)
    return read, (await eventually(lambda: _committed(bench, topic), within=PATIENCE))[0]


@sees(([b"after"], "ProducerFenced"))
async def a_transaction_that_lasts_too_long_is_aborted(bench: Bench) -> Any:
    """The broker ends it by itself, and its producer is fenced by that."""
    topic, plain = await bench.topic(), await bench.producer()
    slow = await bench.producer("id", transaction_timeout_ms=1_000)
    await slow.begin_transaction()
    await _send(slow, topic, b"too slow")
    await _send(plain, topic, b"after")
    found = await bench.values_become(topic, [b"after"])
    return [value for _, value in found], await kind_of_error(slow.commit_transaction())


@sees(("IllegalOperation", "no error", "IllegalOperation"))
async def a_transaction_has_a_beginning(bench: Bench) -> Any:
    """Nothing is sent outside of one, an empty one may be committed, two can't be open."""
    topic, producer = await bench.topic(), await bench.producer("id")
    outside = await kind_of_error(producer.send(topic, value=b"a", partition=0))
    await producer.begin_transaction()
    empty = await kind_of_error(producer.commit_transaction())
    await producer.begin_transaction()
    return outside, empty, await kind_of_error(producer.begin_transaction())


@sees((["MessageSizeTooLargeError", "IllegalOperation"], [(0, b"after")]))
async def a_client_refuses_what_it_would_never_send(bench: Bench) -> Any:
    """Too large before anything compresses it, or neither key nor value; and goes on."""
    topic, producer = await bench.topic(), await bench.producer()
    large = await kind_of_error(producer.send(topic, value=b"x" * 1_048_576, partition=0))
    nothing = await kind_of_error(producer.send(topic, partition=0))
    await _send(producer, topic, b"after")
    return [large, nothing], await bench.values_become(topic, [b"after"])
