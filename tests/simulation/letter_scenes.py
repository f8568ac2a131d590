"""Scenes of arrivals that no letter can hold as they are."""

import orjson
from aiokafka.structs import TopicPartition

from connector.kafka.names import Names
from connector.kafka.plain_producer import PlainProducer
from connector.kafka.preflight import look_at_broker
from connector.kafka.reading import TopicRecord
from connector.redrive.letters import read_letter
from connector.redrive.reading import arrivals, contents, unanswered
from connector.redrive.redriver import Redriver
from connector.settings_load import load
from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import POISON, Document, put
from tests.simulation.world import PARTITIONS, MemoryConnection, SimulatedClock, World

#: Bytes that Kafka takes where they are compressed, and no client of ours takes uncompressed.
LARGE = 3_000_000
ARRIVED, LETTERS = TopicPartition("documents.arrived", 0), "rossum.dead-letters"


@staged(2, IMPORTS__EMPTY="dead-letter")
async def arrivals_are_larger_than_letters(scene: Scene) -> list[str]:
    """A value or headers that are only small while compressed, or no value and no key: each a letter; others go on."""
    world = scene.world
    value, headers = Document("large-value", POISON), Document("large-headers", POISON)
    padded = orjson.dumps({**orjson.loads(value.arrival()), "padding": "x" * LARGE})
    world.broker.append(ARRIVED, (None, padded, ()))
    world.broker.append(ARRIVED, (None, headers.arrival(), (("note", b"x" * LARGE),)))
    world.broker.append(ARRIVED, (None, None, ()))
    await pause(10.0)
    others = [Document(f"doc-{number}", "exported") for number in range(6)]
    for document in others:
        put(world, document)
    found = await scene.ended([value, headers, *others])
    await _redrive_all(world)
    await pause(10.0)
    letters = [dict(record.headers) for record in world.records(LETTERS)]
    names = ("dlq-redrives", "__connect.errors.offset", "dlq-value-left-out", "dlq-reason")
    told = sorted(tuple(letter.get(name, b"-") for name in names) for letter in letters)
    left_out = {b"0": b"%d" % len(padded), b"1": b"%d" % len(headers.arrival()), b"2": b"-"}
    expected = [(redrives, at, size, b"validate") for redrives in (b"0", b"1") for at, size in left_out.items()]
    return found + ([] if told == expected else [f"letters: {told}"])


async def _redrive_all(world: World) -> None:
    """All letters, as the command does: those without a value are read where the arrival is, and fail again."""
    settings = load(None, world.settings)
    connection, names = (
        MemoryConnection(settings, world.wire),
        Names.from_settings(settings.kafka, partitions=PARTITIONS),
    )
    broker = await look_at_broker(connection, settings.kafka)
    records = [
        TopicRecord(LETTERS, one.partition, one.offset, one.timestamp, one.key, one.value, one.headers)
        for one in world.records(LETTERS)
    ]
    letters = [letter for one in records if (letter := read_letter(one, broker.cluster)) is not None]
    chosen = await unanswered(connection, names, letters, on_progress=lambda _count: None)
    producer = PlainProducer(connection, max_bytes=broker.max_bytes)
    async with contents(connection, names) as read, arrivals(connection, names) as read_arrival:
        clock = SimulatedClock(world.loop)
        redriver = Redriver(producer, read, read_arrival, names, clock, copy_bytes=broker.letter_bytes)
        async for step in redriver.run(chosen):
            world.say(f"{step.fate} {step.letter.place} {step.sentence}")
    await producer.close()
