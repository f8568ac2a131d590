"""`python -m tests.chaos`: the long form - many kills, freezes, restarts of the broker and broken wires.

With --sigterms it is that of `test_termination.py` instead: replicas are ended in order, again and again.

It stops by itself: when all is done (with --hours, then), or at the first round in which something is wrong. A stroke
takes about 5 s, so the amounts below, some 500 strokes, take about 45 minutes on two cores.
"""

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from connector.clock import SystemClock
from tests.chaos.plan import Plan, split
from tests.chaos.rounds import Outcome, Tell, round_of_chaos
from tests.chaos.terminations import round_of_terminations
from tests.support.kafka_artifacts import CACHE, NoArtifacts
from tests.support.kafka_broker import LocalKafka, outlives_itself
from tests.support.kafka_settings import SOON_BACK

VERSIONS = "4.4.0,3.9.2"
#: What is done on a broker of its own.
Work = Callable[[LocalKafka, Path, Tell], Awaitable[Outcome]]
#: Seeds between two repetitions of the whole.
NEXT_SEEDS = 1_000


def main() -> None:
    """Run rounds until all is done or something is wrong; the exit code is 0 or 1, 3 without a Kafka."""
    given = _parser().parse_args()
    # The client reports each broker that is away, and here they are away all the time.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        sys.exit(asyncio.run(_run(given)))
    except NoArtifacts as error:
        sys.stderr.write(f"chaos needs a broker of its own: {error}\n")
        sys.exit(3)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    amounts = {"documents": 10_000, "kills": 200, "bounces": 30, "zombies": 100, "swallowed": 500, "seed": 1}
    for name, amount in amounts.items():
        parser.add_argument(f"--{name}", type=int, default=amount, help=f"default {amount}")
    parser.add_argument("--sigterms", type=int, default=0, help="only end replicas so often, on the first Kafka")
    parser.add_argument("--hours", type=float, default=0.0, help="repeat with other seeds for so long; default once")
    parser.add_argument("--kafka", default=VERSIONS, help=f"versions that share the work; default {VERSIONS}")
    return parser


async def _run(given: argparse.Namespace) -> int:
    clock = SystemClock()
    if given.sigterms:
        return int(not await _round_of_terminations(given.kafka.split(",")[0], given.sigterms, given.seed, clock))
    ends_at = clock.monotonic() + given.hours * 3600
    whole = Plan(given.documents, given.kills, given.bounces, given.zombies, given.swallowed, seed=given.seed)
    repetition = 0
    while True:
        for version, plan in _shares(whole, given.kafka.split(","), seed=given.seed + repetition * NEXT_SEEDS):
            if not await _round(version, plan, clock):
                return 1
        repetition += 1
        if clock.monotonic() >= ends_at:
            return 0


def _shares(whole: Plan, versions: list[str], *, seed: int) -> list[tuple[str, Plan]]:
    """What each version does of it; a single broker is bounced only where it survives that."""
    bounced = [version for version in versions if outlives_itself(version)]
    if whole.bounces and not bounced:
        sys.stderr.write("no bounces: a single broker of none of these versions keeps transactions whole over one\n")
    shares = []
    for part, version in enumerate(versions):
        bounces = split(whole.bounces, bounced.index(version), len(bounced)) if version in bounced else 0
        shares.append((version, replace(whole.share(part, len(versions), seed=seed + part), bounces=bounces)))
    return shares


async def _round(version: str, plan: Plan, clock: SystemClock) -> bool:
    async def work(broker: LocalKafka, folder: Path, tell: Tell) -> Outcome:
        return await round_of_chaos(broker, plan, folder, tell)

    return await _alone(version, plan.seed, clock, work, doors=plan.replicas)


async def _round_of_terminations(version: str, times: int, seed: int, clock: SystemClock) -> bool:
    async def work(broker: LocalKafka, folder: Path, tell: Tell) -> Outcome:
        return await round_of_terminations(broker.bootstrap_servers, times, folder, tell, seed=seed)

    return await _alone(version, seed, clock, work, doors=0)


async def _alone(version: str, seed: int, clock: SystemClock, work: Work, *, doors: int) -> bool:
    """One round on a broker of its own; its logs stay when it fails."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{seed}-", dir=CACHE.parent))
    began = clock.monotonic()

    def tell(words: str) -> None:
        sys.stderr.write(f"{clock.monotonic() - began:6.0f} s  Kafka {version}  {words}\n")

    # Only where it may be killed: the others must not be fenced by a machine that stands still.
    properties = SOON_BACK if outlives_itself(version) else None
    with LocalKafka(version, doors=doors, properties=properties) as broker:
        outcome = await work(broker, folder, tell)
    sys.stdout.write(f"{outcome.line} kafka={version} seconds={clock.monotonic() - began:.0f}\n")
    sys.stdout.flush()
    for problem in outcome.problems:
        sys.stderr.write(f"{problem}\n")
    if outcome.problems:
        sys.stderr.write(f"the logs of all processes are in {folder}\n")
        return False
    shutil.rmtree(folder)
    return True


if __name__ == "__main__":
    main()
