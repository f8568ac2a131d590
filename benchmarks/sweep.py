"""Exported annotations that no webhook announced, until their captured events are out, exactly once.

Set against a loop that does the same work with transactions and nothing else, and against the same without Kafka. The
simulator runs on the same machine and answers all three, so the ratios say less the slower it is.
"""

from collections.abc import Mapping
from datetime import timedelta

import orjson

from benchmarks.figures import Bar, Row
from benchmarks.program import cpu_seconds, peak_memory, program
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, stage
from connector.contracts.catalogue import TopicRole
from tests.support.deployment import QUEUE

#: The annotations were exported in this stretch before now (seconds).
_FROM, _TO = 3000, 60
#: Of the rate of a loop with transactions.
_LEAST = 0.4
_SIMULATOR = ("--rate-limit", "0", "--review", "-1")


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """The bare loop and the connector read the same annotations of the same simulator."""
    now, wanted = CLOCK.now(), scale.exported
    start = (now - timedelta(seconds=_FROM + 300)).isoformat()
    async with stage(bootstrap, *_SIMULATOR, ROSSUM__REQUESTS_PER_SECOND="0", SWEEP__START=start) as on:
        order = {"count": wanted, "queue": QUEUE, "status": "exported"}
        window = {"from": now.timestamp() - _FROM, "to": now.timestamp() - _TO}
        await on.deployment.control("/annotations", order | window)
        async with program("benchmarks.bare_clients", "sweep", on.deployment.base_url) as loop:
            bare: Mapping[str, float] = orjson.loads(await loop.line())
        # To a topic whose events nobody waits for here.
        topic = on.topics.names.topics[TopicRole.READY]
        kafka = ["--bootstrap-servers", bootstrap, "--topic", topic]
        async with program("benchmarks.transactional_loop", on.deployment.base_url, *kafka) as loop:
            transactions: Mapping[str, float] = orjson.loads(await loop.line())
        replica = await on.deployment.start_replica()
        await on.captured.until(1)
        # As the rate is: without the start of the process, which takes as long as some thousand events.
        before, already = cpu_seconds(replica.process.pid), len(on.captured.at)
        await on.captured.until(wanted)
        cpu, memory = cpu_seconds(replica.process.pid) - before, peak_memory(replica.process.pid)
        await replica.stop()
    times = sorted(on.captured.at.values())
    came, twice = len(times), on.captured.count - len(times)
    seconds = times[-1] - times[0] if came > 1 else float("inf")
    rate, bare_rate = came / seconds, bare["done"] / bare["seconds"]
    each = cpu / max(1, came - already)
    loop_rate, loop_cpu = transactions["done"] / transactions["seconds"], transactions["cpu"] / transactions["done"]
    return [
        Row("bare aiohttp + orjson, no Kafka", f"{bare_rate:,.0f} annotations/s ({bare['done']:,})", 1.0),
        Row(
            "a loop with a transaction a page, no ledger",
            f"{loop_rate:,.0f} annotations/s, {loop_cpu * 1e6:.0f} µs CPU each",
            loop_rate / bare_rate,
        ),
        Row(
            "connector, first to last event",
            f"{rate:,.0f} events/s ({came:,} in {seconds:.1f} s), {each * 1e6:.0f} µs CPU each",
            rate / bare_rate,
        ),
        Row("connector / loop with transactions", "", rate / loop_rate, Bar(f">= {_LEAST} x loop", at_least=_LEAST)),
        Row("the same in CPU time (feels other load less)", "loop / connector", loop_cpu / each),
        Row("memory", f"{memory:.0f} MB"),
        Row("missing", str(wanted - came), bar=Bar("0", at_most=0), figure=wanted - came),
        Row("twice", str(twice), bar=Bar("0", at_most=0), figure=twice),
    ]
