"""A loop that does a sweep's bare work with Kafka, run as a program: a transaction a page, the next page on its way.

It keeps no ledger, hears of no webhook and survives nothing; it is what the connector's sweep is set against. Prints
one JSON object.
"""

import argparse
import asyncio
from collections import defaultdict
from typing import Any

import aiohttp
import orjson
from aiokafka import AIOKafkaProducer

from benchmarks.bare_clients import PAGE, get
from benchmarks.program import cpu_seconds, on_best_loop
from connector.clock import SystemClock
from connector.collector import calm_collector
from connector.domain.ids import partition_of
from connector.kafka.topics import PUBLIC_PARTITIONS
from tests.support.deployment import QUEUE, TOKEN

_CLOCK = SystemClock()
#: Milliseconds and bytes of the producer: pages are sent at once, each in one batch a partition.
_LINGER_MS, _BATCH = 0, 1_000_000


async def _page(http: aiohttp.ClientSession, url: str) -> tuple[list[dict[str, Any]], str | None]:
    """The exports of one page of annotations, and where the next page is."""
    listing = await get(http, url)
    numbers = ",".join(str(row["id"]) for row in listing["results"])
    base = url.partition("/annotations")[0]
    params = {"format": "json", "id": numbers, "page_size": str(PAGE)}
    exported = await get(http, f"{base}/queues/{QUEUE}/export", params)
    return exported["results"], listing["pagination"]["next"]


async def _send(producer: AIOKafkaProducer, topic: str, rows: list[dict[str, Any]]) -> None:
    """One page as one transaction, one batch a partition."""
    batches: dict[int, Any] = defaultdict(producer.create_batch)
    async with producer.transaction():
        for row in rows:
            key = row["url"].encode()
            batch = batches[partition_of(row["url"], PUBLIC_PARTITIONS)]
            batch.append(key=key, value=orjson.dumps(row), timestamp=None)
        sent = [await producer.send_batch(batch, topic, partition=number) for number, batch in batches.items()]
        await asyncio.gather(*sent)


async def _sweep(http: aiohttp.ClientSession, producer: AIOKafkaProducer, base: str, topic: str) -> int:
    done = 0
    first = f"{base}/annotations?status=exported&ordering=exported_at&page_size={PAGE}"
    reading = asyncio.create_task(_page(http, first))
    following: str | None = first
    while following:
        rows, following = await reading
        if following:
            reading = asyncio.create_task(_page(http, following))
        await _send(producer, topic, rows)
        done += len(rows)
    return done


async def _run(base: str, bootstrap: str, topic: str) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        transactional_id=f"{topic}-loop",
        linger_ms=_LINGER_MS,
        max_batch_size=_BATCH,
        retry_backoff_ms=10,
    )
    await producer.start()
    calm_collector()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {TOKEN}"}) as http:
        since, cpu = _CLOCK.monotonic(), cpu_seconds()
        done = await _sweep(http, producer, base, topic)
        result = {"done": done, "seconds": _CLOCK.monotonic() - since, "cpu": cpu_seconds() - cpu}
    await producer.stop()
    print(orjson.dumps(result).decode(), flush=True)


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("base_url")
    parser.add_argument("--bootstrap-servers", required=True)
    parser.add_argument("--topic", required=True)
    given = parser.parse_args()
    on_best_loop(_run(given.base_url, given.bootstrap_servers, given.topic))


if __name__ == "__main__":
    main()
