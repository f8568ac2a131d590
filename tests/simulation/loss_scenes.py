"""Scenes of records that are deleted before the connector has read them: it goes on, and says so."""

from aiokafka.structs import TopicPartition

from tests.simulation.late_words import ARRIVED, IMPORTS, WORK
from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import Document, put
from tests.simulation.world import FIRST_OPS_PORT, World

OPS_TOKEN = "ops token of the scenes"
#: Records that come and go, of each topic.
LOST = 12
#: Longer than a pass of the trimmer.
AT_REST = 40.0


def _cut(world: World, topic: str) -> int:
    """Delete all records of a topic; how many offsets nobody had read."""
    groups = world.broker.committed.values()
    unread = 0
    for number in world.broker.partitions(topic):
        place = TopicPartition(topic, number)
        log = world.broker.log(place)
        committed = max([offsets[place].offset for offsets in groups if place in offsets], default=log.end)
        unread += log.trim(log.end) - committed
    return unread


def _told(world: World, topic: str) -> int:
    """How many lost offsets of a topic the replicas have told."""
    lines = [dict(word.split("=", 1) for word in line.split() if "=" in word) for line in world.logs]
    losses = [line for line in lines if line.get("place", "").startswith(topic + "[")]
    return sum(int(line["begins"]) - int(line["committed"]) for line in losses)


def _add_and_cut(world: World, topics: tuple[str, ...]) -> dict[str, int]:
    """Records that nobody reads in time: how many of each topic are gone unread."""
    for topic in topics:
        for number in range(LOST):
            place = TopicPartition(topic, number % len(world.broker.partitions(topic)))
            world.broker.append(place, (None, Document(f"lost-{number}", "exported").arrival(), ()))
    return {topic: _cut(world, topic) for topic in topics}


async def _goes_on(scene: Scene, unread: dict[str, int]) -> list[str]:
    """What is told of them before anything new comes, and what becomes of that."""
    await pause(AT_REST)
    told = {topic: _told(scene.world, topic) for topic in unread}
    after = [Document("after", "exported")]
    put(scene.world, after[0])
    broken = await scene.ended(after)
    if told != unread or min(unread.values()) < LOST:
        broken.append(f"gone unread: {unread} (at least {LOST} each), told: {told}")
    if told != {topic: _told(scene.world, topic) for topic in unread}:
        broken.append("told twice")
    return broken


async def _after_an_outage(scene: Scene, *topics: str) -> list[str]:
    """A replica is away while records come and go."""
    world = scene.world
    await pause(AT_REST)
    world.kill(world.replicas[0])
    unread = _add_and_cut(world, topics)
    world.start_replica(0)
    return await _goes_on(scene, unread)


@staged(1)
async def arrivals_vanish_during_an_outage(scene: Scene) -> list[str]:
    """Retention is shorter than the outage; no partition has ever seen an arrival before."""
    return await _after_an_outage(scene, ARRIVED)


@staged(1)
async def inner_records_vanish_during_an_outage(scene: Scene) -> list[str]:
    """Somebody deletes what the owners have not read; what they trim themselves is none of it."""
    world = scene.world
    before = [Document(f"doc-{number}", "exported") for number in range(30)]
    for document in before:
        put(world, document)
    broken = await scene.ended(before)
    return broken + await _after_an_outage(scene, IMPORTS, WORK)


@staged(1, OPS__TOKEN=OPS_TOKEN)
async def arrivals_vanish_while_the_intake_is_held_back(scene: Scene) -> list[str]:
    """A person has paused it for longer than arrivals are kept."""
    await _operation(scene.world, "pause")
    await pause(AT_REST)
    unread = _add_and_cut(scene.world, (ARRIVED,))
    await _operation(scene.world, "resume")
    return await _goes_on(scene, unread)


@staged(1)
async def the_arrivals_topic_is_deleted(scene: Scene) -> list[str]:
    """The replica goes on and says what is wrong; with the topic, arrivals come out again."""
    world = scene.world
    first, last = Document("first", "exported"), Document("last", "exported")
    put(world, first)
    broken = await scene.ended([first])
    well = await _told_by(world)
    gone = {place: world.broker.logs.pop(place) for place in list(world.broker.logs) if place.topic == ARRIVED}
    await pause(AT_REST)
    ill = await _told_by(world)
    world.broker.logs |= gone
    put(world, last)
    broken += await scene.ended([first, last])
    told = well, ill, await _told_by(world)
    if told != (_WELL, (200, 200, f"there is no topic {ARRIVED} that this user may read"), _WELL):
        broken.append(f"told before, while and after it was away: {told}")
    return broken


@staged(1, OPS__TOKEN=OPS_TOKEN)
async def a_backlog_of_arrivals_is_seen(scene: Scene) -> list[str]:
    """While a person holds it back, which is no reason to complain; none is left of it afterwards."""
    world = scene.world
    await _operation(world, "pause")
    await pause(2.0)
    documents = [Document(f"doc-{number}", "exported") for number in range(LOST)]
    for document in documents:
        put(world, document)
    await pause(AT_REST)
    behind, told = await _lag(world), await _told_by(world)
    await _operation(world, "resume")
    broken = await scene.ended(documents)
    if (behind, told, await _lag(world)) != (LOST, _WELL, 0):
        broken.append(f"behind by {behind} of {LOST}, told {told}, behind by {await _lag(world)} at the end")
    return broken


_WELL = 200, 200, None


async def _told_by(world: World) -> tuple[int, int, str | None]:
    """Whether the replica is alive and ready, and what it says of the intake."""
    ops = f"http://127.0.0.1:{FIRST_OPS_PORT}"
    async with world.http.get(f"{ops}/livez") as livez, world.http.get(f"{ops}/readyz") as readyz:
        return livez.status, readyz.status, (await readyz.json())["warnings"].get("intake")


async def _lag(world: World) -> float:
    """How many arrivals it is behind."""
    async with world.http.get(f"http://127.0.0.1:{FIRST_OPS_PORT}/metrics") as response:
        lines = (await response.text()).splitlines()
    return sum(float(line.split()[-1]) for line in lines if "_consumer_lag{" in line and f'"{ARRIVED}"' in line)


async def _operation(world: World, name: str) -> None:
    url, headers = f"http://127.0.0.1:{FIRST_OPS_PORT}/v1/{name}", {"Authorization": f"Bearer {OPS_TOKEN}"}
    async with world.http.post(url, headers=headers) as response:
        response.raise_for_status()
