"""Faults of groups, of the way to Kafka, of other people and of strangers; registered by being imported."""

import contextlib
from datetime import timedelta

import aiohttp

from tests.simulation.nemesis import Nemesis, fault
from tests.simulation.virtual_loop import pause
from tests.simulation.world import BASE, FIRST_WEBHOOK_PORT

#: Seconds in which a replica must have gone that was asked to.
GONE_WITHIN = 45.0


@fault(often=2)
async def commits_repeated(nemesis: Nemesis) -> None:
    """Clients lose the coordinator in a commit and repeat it; the first request arrives seconds later."""
    wire = nemesis.world.wire
    wire.late_commits = 0.3
    await pause(nemesis.lasting(8.0))
    wire.late_commits = 0.0


@fault(often=2)
async def cut_off(nemesis: Nemesis) -> None:
    """One replica does not reach Kafka, the others do: they take its partitions, it does not know."""
    victim = nemesis.victim()
    if victim is None:
        return
    nemesis.world.wire.cut_off.add(victim.name)
    await pause(nemesis.world.random.choice([1.0, 8.0, 20.0]))
    nemesis.world.wire.cut_off.discard(victim.name)


@fault()
async def slow_broker(nemesis: Nemesis) -> None:
    """Every call takes a hundred times longer."""
    nemesis.world.wire.slow = 100.0
    await pause(nemesis.lasting(15.0))
    nemesis.world.wire.slow = 1.0


@fault(often=2)
async def put_out(nemesis: Nemesis) -> None:
    """A member is thrown out of its group, and learns it at its next heartbeat."""
    world = nemesis.world
    group = world.random.choice(list(world.broker.groups.values()))
    if group.members:
        group.leave(world.random.choice(group.members))


@fault()
async def scaled_out(nemesis: Nemesis) -> None:
    """One replica more for a while, which then goes as it should."""
    world = nemesis.world
    index = nemesis.places + world.started
    replica = world.start_replica(index)
    await pause(world.random.uniform(3.0, 20.0))
    if replica not in world.replicas:
        return
    replica.stop.set()
    asked = world.loop.time()
    while not replica.task.done() and world.loop.time() < asked + GONE_WITHIN and replica in world.replicas:
        await pause(0.5)
    if replica in world.replicas:
        undisturbed = world.loop.runs(replica.name)
        if undisturbed and not replica.task.done():
            world.failures.append(f"{replica.name} did not go within {GONE_WITHIN:g} s")
        world.kill(replica)


@fault()
async def other_doors(nemesis: Nemesis) -> None:
    """People have documents exported that came by another door, without a webhook; some of them twice."""
    world = nemesis.world
    now = (BASE + timedelta(seconds=world.loop.time() + world.shifted)).timestamp()
    body = {"count": world.random.randint(1, 3), "status": "exported", "from": now, "to": now}
    first, last = (await world.control("/annotations", body))["ids"]
    if world.random.random() < 0.5:
        await pause(nemesis.lasting(10.0))
        again = world.random.randint(first, last)
        await world.control(f"/annotations/{again}/status", {"status": "to_review"})
        await pause(nemesis.lasting(5.0))
        await world.control(f"/annotations/{again}/status", {"status": "exported"})


@fault()
async def strangers(nemesis: Nemesis) -> None:
    """Webhooks that are forged, unreadable, or of a queue that nobody asked for."""
    world = nemesis.world
    port = FIRST_WEBHOOK_PORT + world.random.randrange(nemesis.places)
    signatures: list[dict[str, str]] = [{}, {"X-Rossum-Signature-SHA256": "sha256=" + "0" * 64}]
    for body in (b'{"annotation": {"id": 1}}', b"not json", b"\xff" * 100):
        with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError):
            timeout = aiohttp.ClientTimeout(total=5.0)
            headers = world.random.choice(signatures)
            url = f"http://127.0.0.1:{port}/hooks/rossum"
            async with world.http.post(url, data=body, headers=headers, timeout=timeout) as answer:
                if answer.status < 400:
                    world.failures.append(f"a forged webhook was answered {answer.status}")


@fault()
async def rossum_time(nemesis: Nemesis) -> None:
    """Rossum's clock is set forward."""
    seconds = nemesis.world.random.choice([5.0, 300.0])
    nemesis.world.shifted += seconds
    await nemesis.world.control("/time", {"shift": seconds})
