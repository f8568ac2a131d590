"""``python -m tests.simulation``: many seeds with their sum, or one of them with its story.

--seeds 2000            that many, from --first on, on all cores
--first 3 --step 29     every 29th: those in which Rossum refuses identical documents
--seed 4711 -v          that one, told line by line
"""

import argparse
import os
import subprocess
import sys
from functools import partial

from tests.simulation.children import all_of, in_a_child
from tests.simulation.run import Verdict, run_seed
from tests.simulation.stage import prepare

FIGURES = ("accepted", "terminal", "captured", "forgotten", "refused", "duplicates", "lost", "twins", "kills", "faults")


def main() -> int:
    """Read the command line and run; 1 when a promise was broken."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--seeds", type=int, default=100, help="how many (100)")
    parser.add_argument("--first", type=int, default=0, help="the first (0)")
    parser.add_argument("--step", type=int, default=1, help="from one to the next (1)")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once (one a core)")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the story of --seed")
    given = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        # The order of sets of texts is part of a story.
        command = [sys.executable, "-m", "tests.simulation", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False).returncode
    if given.seed is not None:
        return _one(given.seed, verbose=given.verbose)
    return _many(range(given.first, given.first + given.seeds * given.step, given.step), given.workers)


def _one(seed: int, *, verbose: bool) -> int:
    prepare()
    verdict = in_a_child(partial(run_seed, trace=print if verbose else None), seed)
    _tell(verdict)
    twins, faults = len(verdict.twins), sum(verdict.faults.values())
    print(f"{verdict.figures} twins={twins} faults={faults} kills={verdict.kills} seed={seed}")
    return bool(verdict.broken)


def _many(seeds: range, workers: int) -> int:
    figures = dict.fromkeys(FIGURES, 0)
    broken, slowest = 0, 0.0
    for done, verdict in enumerate(all_of(run_seed, seeds, workers), 1):
        _add(figures, verdict)
        broken += bool(verdict.broken)
        slowest = max(slowest, verdict.recovered)
        _tell(verdict)
        if done % 100 == 0:
            print(f"{done} of {len(seeds)} seeds, {broken} broken", file=sys.stderr, flush=True)
    sums = " ".join(f"{name}={number}" for name, number in figures.items())
    print(f"{sums} recovered<={slowest:.0f}s broken={broken} seeds={seeds[0]}..{seeds[-1]}")
    return bool(broken)


def _add(figures: dict[str, int], verdict: Verdict) -> None:
    for pair in verdict.figures.split():
        name, _, number = pair.partition("=")
        figures[name] += int(number)
    figures["duplicates"] += sum(what.startswith("I2") for what in verdict.broken)
    figures["lost"] += sum(" lost: " in what for what in verdict.broken)
    figures["refused"] += verdict.refused
    figures["twins"] += len(verdict.twins)
    figures["kills"] += verdict.kills
    figures["faults"] += sum(verdict.faults.values())


def _tell(verdict: Verdict) -> None:
    for what in verdict.broken:
        print(f"seed {verdict.seed}: {what}")
    for what in verdict.twins:
        print(f"seed {verdict.seed}: a twin: {what}")
    if verdict.broken or verdict.twins:
        print(f"  again: python -m tests.simulation --seed {verdict.seed} -v", flush=True)


if __name__ == "__main__":
    sys.exit(main())
