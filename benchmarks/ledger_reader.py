"""Restores all partitions of a ledger into a folder, as a replica does that owns them all; prints one JSON object."""

import argparse
import asyncio
import resource
from pathlib import Path

import orjson
from aiokafka.structs import TopicPartition

from benchmarks.broker import settings_for
from benchmarks.program import on_best_loop
from connector.clock import SystemClock
from connector.contracts.catalogue import TopicRole
from connector.kafka.connection import KafkaConnection
from connector.kafka.names import Names
from connector.kafka.restore import RESTORES_AT_ONCE, restore
from connector.state.folder import DiskStates

_MB = 1_000_000


async def _main(bootstrap: str, prefix: str, folder: Path) -> None:
    clock, settings = SystemClock(), settings_for(bootstrap, prefix).kafka
    names = Names.from_settings(settings, partitions=settings.work_partitions)
    connection = KafkaConnection(settings)
    restoring = asyncio.Semaphore(RESTORES_AT_ONCE)
    since = clock.monotonic()
    with DiskStates(folder, clock, lambda _partition, reason: print(reason)) as states:

        async def one(partition: int) -> int:
            place = TopicPartition(names.topics[TopicRole.LEDGER], partition)
            async with restoring:
                restored = await restore(connection, place, states.open(partition))
            states.keep(partition, "bench")
            return restored.rows

        rows = sum(await asyncio.gather(*(one(partition) for partition in range(names.partitions))))
        seconds = clock.monotonic() - since
        found = {"rows": rows, "seconds": seconds, "cpu": _cpu(), "disk": _size(folder)}
        print(orjson.dumps(found).decode(), flush=True)
        # The memory of this process is asked for from outside, before it goes.
        await asyncio.Event().wait()


def _cpu() -> float:
    """Seconds of a core that this process has used, whatever else the machine did meanwhile."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _size(folder: Path) -> float:
    """MB of all files."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / _MB


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ledger_reader", description=__doc__)
    for name in ("bootstrap", "prefix", "folder"):
        parser.add_argument(name)
    given = parser.parse_args()
    on_best_loop(_main(given.bootstrap, given.prefix, Path(given.folder)))


if __name__ == "__main__":
    main()
