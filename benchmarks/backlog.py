"""Arrivals that wait for Rossum's limit of 10 requests a second, and people who export documents meanwhile."""

import asyncio
import random

from benchmarks.figures import Bar, Row, percentile
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, Stage, stage
from tests.support.deployment import QUEUE, inline

#: Exports a second, at random times: now and then two at once, as people do it.
RATE = 1.0
#: Seconds that the connector gets to be busy with the backlog before anybody exports.
SETTLES = 15.0
_SIMULATOR = ("--rate-limit", "10", "--review", "-1", "--processing", "0.5")


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """The product's own budget; the documents of the backlog are imported all the while."""
    async with stage(bootstrap, *_SIMULATOR) as on:
        await on.deployment.start_replica()
        await on.deployment.add_hook(on.deployment.webhook_urls[0])
        order = {"count": scale.people, "queue": QUEUE, "status": "to_review"}
        first, last = (await on.deployment.control("/annotations", order))["ids"]
        await on.deployment.announce([inline(number) for number in range(scale.waiting)])
        await asyncio.sleep(SETTLES)
        left = await _exported(on, range(first, last + 1))
        await on.captured.until(len(left))
        seconds = [on.captured.at[key] - since for key, since in left.items() if key in on.captured.at]
        uploads = len(await on.deployment.control("/documents")) - scale.people
        refused = sum(statuses.get("429", 0) for statuses in (await on.deployment.control("/counters")).values())
    return [
        Row("waiting arrivals", f"{scale.waiting - uploads:,} of {scale.waiting:,} at the end"),
        Row("exports by people", f"{len(left)} at random, {RATE:g} a second"),
        Row("p50", f"{percentile(seconds, 0.5):.2f} s"),
        Row("p99", f"{percentile(seconds, 0.99):.2f} s", bar=Bar("< 3 s", at_most=3), figure=percentile(seconds, 0.99)),
        Row("longest", f"{percentile(seconds, 1.0):.2f} s"),
        Row("missing", str(len(left) - len(seconds)), bar=Bar("0", at_most=0), figure=len(left) - len(seconds)),
        Row("calls answered with 429", f"{refused}", bar=Bar("0", at_most=0), figure=refused),
    ]


async def _exported(on: Stage, numbers: range) -> dict[str, float]:
    """When each was exported, by the key of its event."""
    chance, left = random.Random(5), dict[str, float]()  # noqa: S311 - when people work is no secret
    for number in numbers:
        await asyncio.sleep(chance.expovariate(RATE))
        left[f"rossum:{number}"] = CLOCK.monotonic()
        await on.deployment.control(f"/annotations/{number}/status", {"status": "exported"})
    return left
