"""Old messages come again, and what has been copied is deleted from the arrivals topic: the trials of forgetting."""

from aiokafka.structs import TopicPartition

from tests.simulation.stored import Stored
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

ARRIVED, IMPORTS, WORK = "documents.arrived", "rossum.connector.imports", "rossum.connector.work"
INTAKE = "rossum-connector.intake"
#: Virtual seconds between two of them.
EVERY = 2.0


async def late_words(world: World) -> None:
    """Until cancelled, each message of the inner logs may be written once more at any later time."""
    seen: dict[tuple[str, int, int], Stored] = {}
    while True:
        await pause(world.random.uniform(0, 2 * EVERY))
        for topic in (IMPORTS, WORK):
            # Trimmed ones too: a frozen process may still hold them.
            for record in world.records(topic):
                seen.setdefault((topic, record.partition, record.offset), record)
        if seen:
            record = seen[world.random.choice(sorted(seen))]
            world.say(f"late {record.topic}[{record.partition}]@{record.offset}")
            world.broker.append(
                TopicPartition(record.topic, record.partition), (record.key, record.value, record.headers)
            )
        _delete_arrivals(world)


def _delete_arrivals(world: World) -> None:
    """Retention takes what everybody has read: never what somebody has still to copy."""
    committed = world.broker.committed.get(INTAKE, {})
    logs = {place: log for place, log in world.broker.logs.items() if place.topic == ARRIVED}
    if all(place in committed and committed[place].offset == log.end for place, log in logs.items() if log.end):
        for log in logs.values():
            log.trim(log.end)
