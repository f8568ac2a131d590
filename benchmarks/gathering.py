"""Arrivals that go up together under Rossum's limit: documents/s to `import.completed`, and API calls for each."""

from collections.abc import Mapping

from benchmarks.figures import Bar, Row
from benchmarks.imports import grown
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, Arrivals, reading, stage, start_watched
from connector.contracts.catalogue import TopicRole
from tests.support.deployment import inline

_LIMITED = ("--rate-limit", "10")
#: Documents of one upload, and how long the first waits for others: the defaults.
COUNT, WAIT = 20, "2s"
_GATHERED = {
    "IMPORTS__GATHER__ENABLED": "true",
    "IMPORTS__GATHER__MAX_COUNT": str(COUNT),
    "IMPORTS__GATHER__WAIT": WAIT,
}


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """Arrivals at once; the calls count until the last captured event is out."""
    documents = scale.gathered
    async with stage(bootstrap, *_LIMITED, **_GATHERED) as on:
        lifecycle = reading(on.topics, TopicRole.LIFECYCLE, "import.completed")
        async with lifecycle as completed:
            replica = await start_watched(on)
            before = await on.deployment.control("/counters")
            since = CLOCK.monotonic()
            await on.deployment.announce([inline(number) for number in range(documents)])
            await completed.until(documents)
            await on.captured.until(documents)
            calls = grown(before, await on.deployment.control("/counters"))
            await replica.stop()
    return _rows(documents, since, completed, on.captured, calls)


def _rows(documents: int, since: float, completed: Arrivals, captured: Arrivals, calls: Mapping[str, int]) -> list[Row]:
    """The table."""
    seconds = max(completed.at.values(), default=since) - since
    rate, each = len(completed.at) / max(seconds, 1e-9), sum(calls.values()) / documents
    kinds = ", ".join(f"{count} {what}" for what, count in sorted(calls.items(), key=lambda item: -item[1]))
    refused = sum(count for what, count in calls.items() if what.endswith(" 429"))
    without = documents - len(completed.at)
    missing, twice = documents - len(captured.at), captured.count - len(captured.at)
    return [
        Row("most documents of one upload, wait", f"{COUNT}, {WAIT}"),
        Row(
            "documents/s to import.completed",
            f"{rate:.1f} ({len(completed.at):,} in {seconds:.0f} s)",
            bar=Bar("> 30", at_least=30.0),
            figure=rate,
        ),
        Row("API calls a document", f"{each:.3f} ({kinds})", bar=Bar("<= 0.3", at_most=0.3), figure=each),
        Row("answers 429", str(refused), bar=Bar("0", at_most=0), figure=refused),
        Row("not completed", str(without), bar=Bar("0", at_most=0), figure=without),
        Row("not captured", str(missing), bar=Bar("0", at_most=0), figure=missing),
        Row("captured twice", str(twice), bar=Bar("0", at_most=0), figure=twice),
    ]
