"""From arrivals to imports: API calls a document under Rossum's limit, and documents/s without one."""

import asyncio
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson

from benchmarks.bare_clients import IN_FLIGHT
from benchmarks.figures import Bar, Row
from benchmarks.program import cpu_seconds, peak_memory, program
from benchmarks.scale import Scale
from benchmarks.stage import CLOCK, PATIENCE, Stage, stage, start_watched
from tests.support.deployment import inline, pdf

#: Bytes of a document without a limit.
SIZE = 200_000
_LIMITED = ("--rate-limit", "10")
_UNLIMITED = ("--rate-limit", "0", "--review", "-1", "--processing", "3600")


async def run(bootstrap: str, scale: Scale) -> list[Row]:
    """First under the limit, then without."""
    return [*await _limited(bootstrap, scale.limited), *await _unlimited(bootstrap, scale.unlimited)]


async def _limited(bootstrap: str, documents: int) -> list[Row]:
    """Arrivals until all their captured events are out; every call of that time counts, those of the watch too."""
    async with stage(bootstrap, *_LIMITED) as on:
        replica = await start_watched(on)
        before = await on.deployment.control("/counters")
        since = CLOCK.monotonic()
        await on.deployment.announce([inline(number) for number in range(documents)])
        await on.captured.until(documents)
        seconds = max(on.captured.at.values(), default=since) - since
        calls = grown(before, await on.deployment.control("/counters"))
        await replica.stop()
    total = sum(calls.values())
    refused = sum(count for what, count in calls.items() if what.endswith(" 429"))
    missing = documents - len(on.captured.at)
    kinds = ", ".join(f"{count} {what}" for what, count in sorted(calls.items(), key=lambda item: -item[1]))
    each = total / documents
    return [
        Row(
            "10 requests/s: API calls a document",
            f"{each:.3f} ({kinds})",
            bar=Bar("<= 1.1", at_most=1.1),
            figure=each,
        ),
        Row("10 requests/s: imports/s", f"{documents / seconds:.2f} ({documents} in {seconds:.0f} s)"),
        Row("10 requests/s: answers 429", str(refused), bar=Bar("0", at_most=0), figure=refused),
        Row("10 requests/s: not captured", str(missing), bar=Bar("0", at_most=0), figure=missing),
    ]


def grown(before: Mapping[str, Mapping[str, int]], after: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Calls by operation and status that came on top."""
    grown = {
        f"{operation} {status}": count - before.get(operation, {}).get(status, 0)
        for operation, counts in after.items()
        for status, count in counts.items()
    }
    return {what: count for what, count in grown.items() if count}


async def _unlimited(bootstrap: str, documents: int) -> list[Row]:
    """The same files by the bare loop and by the connector, to the same simulator."""
    with tempfile.TemporaryDirectory(prefix="bench-files-") as name:
        folder = Path(name)
        await asyncio.to_thread(_write, folder, documents)
        settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__FILE_ROOTS": orjson.dumps([name]).decode()}
        async with stage(bootstrap, *_UNLIMITED, **settings) as on:
            bare = await _bare(on, folder)
            replica = await on.deployment.start_replica()
            pid = replica.process.pid
            before, cpu, since = await _accepted(on), cpu_seconds(pid), CLOCK.monotonic()
            await on.deployment.announce([_arrival(path, number) for number, path in enumerate(_files(folder))])
            seconds, done = await _until_accepted(on, before, documents, since)
            used, memory = (cpu_seconds(pid) - cpu) / max(1, done), peak_memory(pid)
            await replica.stop()
    rate, bare_rate = done / seconds, bare["done"] / bare["seconds"]
    bare_cpu = bare["cpu"] / bare["done"]
    return [
        Row(
            f"no limit: bare aiohttp, {IN_FLIGHT} at once",
            f"{bare_rate:,.0f} documents/s of {SIZE // 1000} kB, {bare_cpu * 1000:.2f} ms CPU each",
            1.0,
        ),
        Row(
            "no limit: connector, by reference",
            f"{rate:,.0f} documents/s ({done:,} in {seconds:.1f} s), {used * 1000:.2f} ms CPU each, {memory:.0f} MB",
            rate / bare_rate,
            Bar(">= 0.5 x bare", at_least=0.5),
        ),
        Row("no limit: not imported", str(documents - done), bar=Bar("0", at_most=0), figure=documents - done),
    ]


def _write(folder: Path, documents: int) -> None:
    for number in range(documents):
        (folder / f"document-{number:06}.pdf").write_bytes(pdf(f"{number:06}".ljust(SIZE - 20, "x")))


def _files(folder: Path) -> list[Path]:
    return sorted(folder.iterdir())


def _arrival(path: Path, number: int) -> dict[str, Any]:
    return {"source": {"kind": "file", "path": str(path)}, "document_id": f"file-{number}", "queue": "invoices"}


async def _bare(on: Stage, folder: Path) -> Mapping[str, float]:
    async with program("benchmarks.bare_clients", "upload", on.deployment.base_url, "--folder", str(folder)) as loop:
        result: Mapping[str, float] = orjson.loads(await loop.line())
        return result


async def _accepted(on: Stage) -> int:
    counters = await on.deployment.control("/counters")
    return int(counters.get("POST /uploads", {}).get("202", 0))


async def _until_accepted(on: Stage, before: int, wanted: int, since: float) -> tuple[float, int]:
    """Seconds until the last upload was accepted, and how many were."""
    done, moved = 0, CLOCK.monotonic()
    while done < wanted and CLOCK.monotonic() - moved < PATIENCE:
        await asyncio.sleep(0.05)
        if (now := await _accepted(on) - before) != done:
            done, moved = now, CLOCK.monotonic()
    return moved - since, done
