"""`python -m benchmarks [NAME…] [--quick]`: runs benchmarks and prints one table each.

The exit code is 3 when a figure misses its bar, or without a real Kafka; with small amounts (`--quick`) a missed bar is
only told.
"""

import argparse
import logging
import os
import platform
import sys
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

from benchmarks import backlog, gathering, imports, latency, ledger, sweep, webhook
from benchmarks.figures import Row, missed, show
from benchmarks.program import confined, on_best_loop
from benchmarks.scale import FULL, QUICK, Scale
from connector.clock import SystemClock
from tests.support.find_kafka import Kafka, NoKafka, best_kafka

Benchmark = Callable[[str, Scale], Awaitable[list[Row]]]
ALL: dict[str, tuple[str, Benchmark]] = {
    "webhook": ("webhook -> Kafka -> 2xx, against the same stack without Kafka", webhook.run),
    "latency": ("webhook -> read_committed captured event, 200 documents/s", latency.run),
    "imports": ("arrival -> import: API calls and documents/s", imports.run),
    "gathering": ("arrivals that go up together under 10 requests/s", gathering.run),
    "ledger": ("a ledger of many entries: rebuilt from the topic, restarted with local state", ledger.run),
    "backlog": ("a person's export -> captured event, behind arrivals that wait for 10 requests/s", backlog.run),
    "sweep": ("sweep -> captured events, exactly once, no webhooks", sweep.run),
}


def _busy() -> float:
    """Processes that wanted a core in the last minute: near 0 for figures that mean something."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0


async def _run(names: list[str], scale: Scale, kafka: Kafka) -> list[str]:
    """Run and show them; the bars that were missed."""
    clock, short = SystemClock(), []
    for name in names:
        title, benchmark = ALL[name]
        since = clock.monotonic()
        busy = _busy()
        # A broker of ours takes no time of the server whose intake is measured.
        with confined(kafka.pid, webhook.LOAD_CORE) if name == "webhook" else nullcontext():
            rows = await benchmark(kafka.bootstrap_servers, scale)
        show(f"{name}: {title} ({clock.monotonic() - since:.0f} s; load of the machine before: {busy:.1f})", rows)
        short += [f"{name}: {what}" for what in missed(rows)]
    return short


def main() -> None:
    """Read the command line and run what it names, all without a name."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(ALL)}; all when none is named")
    parser.add_argument(
        "--quick",
        action="store_true",
        help="small amounts, below 90 s; shows that everything works; a missed bar is only told",
    )
    given = parser.parse_args()
    unknown = [name for name in given.names if name not in ALL]
    if unknown:
        parser.error(f"no benchmark {unknown[0]!r}; there are {', '.join(ALL)}")
    # The client reports each retry of a topic that is a moment old; what fails in the end is raised.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        with best_kafka() as kafka:
            print(f"Kafka: {kafka.origin}; Python {platform.python_version()}, {os.cpu_count()} cores")
            scale = QUICK if given.quick else FULL
            short = on_best_loop(_run(given.names or list(ALL), scale, kafka))
    except NoKafka as error:
        print(f"the benchmarks need a real Kafka: {error}", file=sys.stderr)
        sys.exit(3)
    for bar in short:
        print(f"missed: {bar}", file=sys.stderr)
    if short and not given.quick:
        sys.exit(3)


if __name__ == "__main__":
    main()
