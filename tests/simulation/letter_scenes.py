"""Scenes of arrivals that no letter can hold as they are."""

import orjson
from aiokafka.structs import TopicPartition

from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import POISON, Document, put

#: Bytes that Kafka takes where they are compressed, and no client of ours takes uncompressed.
LARGE = 3_000_000
ARRIVED = TopicPartition("documents.arrived", 0)


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
    letters = [dict(record.headers) for record in world.records("rossum.dead-letters")]
    told = sorted((letter["__connect.errors.offset"], letter.get("dlq-value-left-out")) for letter in letters)
    expected = [(b"0", b"%d" % len(padded)), (b"1", b"%d" % len(headers.arrival())), (b"2", None)]
    return found + ([] if told == expected else [f"letters: {told}"])
