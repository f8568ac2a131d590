"""Clients of Rossum that only do the HTTP, each run as a program: what aiohttp can do at most, without Kafka.

`upload` sends every file of a folder as multipart, some at once; `sweep` lists annotations page by page and reads
their exports by id. Each prints one JSON object.
"""

import argparse
import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import orjson

from benchmarks.program import cpu_seconds, on_best_loop
from connector.clock import SystemClock
from connector.collector import calm_collector
from tests.support.deployment import QUEUE, TOKEN

#: Uploads at once, as many as the connector's default.
IN_FLIGHT = 16
#: Annotations of one page, the most that Rossum gives.
PAGE = 100
_CLOCK = SystemClock()


async def _upload(http: aiohttp.ClientSession, base: str, paths: list[Path]) -> int:
    files = iter(paths)

    async def worker(mine: Iterator[Path]) -> int:
        done = 0
        for path in mine:
            form = aiohttp.FormData()
            form.add_field("content", path.read_bytes(), filename=path.name, content_type="application/pdf")
            async with http.post(f"{base}/uploads", params={"queue": str(QUEUE)}, data=form) as answer:
                answer.raise_for_status()
                await answer.read()
            done += 1
        return done

    return sum(await asyncio.gather(*(worker(files) for _ in range(IN_FLIGHT))))


async def _sweep(http: aiohttp.ClientSession, base: str) -> int:
    following: str | None = f"{base}/annotations?status=exported&ordering=exported_at&page_size={PAGE}"
    done = 0
    while following:
        page = await get(http, following)
        following = page["pagination"]["next"]
        numbers = ",".join(str(row["id"]) for row in page["results"])
        params = {"format": "json", "id": numbers, "page_size": str(PAGE)}
        done += len((await get(http, f"{base}/queues/{QUEUE}/export", params))["results"])
    return done


async def get(http: aiohttp.ClientSession, url: str, params: dict[str, str] | None = None) -> Any:
    """The parsed answer.

    Raises:
        aiohttp.ClientResponseError: It says no.
    """
    async with http.get(url, params=params) as answer:
        answer.raise_for_status()
        return orjson.loads(await answer.read())


async def _run(what: str, base: str, paths: list[Path]) -> None:
    calm_collector()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        since, cpu = _CLOCK.monotonic(), cpu_seconds()
        done = await (_upload(http, base, paths) if what == "upload" else _sweep(http, base))
        result = {"done": done, "seconds": _CLOCK.monotonic() - since, "cpu": cpu_seconds() - cpu}
    print(orjson.dumps(result).decode(), flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("upload", "sweep"))
    parser.add_argument("base_url")
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    paths = sorted(given.folder.iterdir()) if given.folder else []
    on_best_loop(_run(given.what, given.base_url, paths))


if __name__ == "__main__":
    main()
