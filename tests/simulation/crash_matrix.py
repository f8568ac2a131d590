"""Kills a replica at every boundary of its work, once and again, and looks whether every promise holds.

python -m tests.simulation.crash_matrix            each boundary, both sides of its effect, one crash and two
python -m tests.simulation.crash_matrix --pairs N  N random pairs of boundaries
python -m tests.simulation.crash_matrix --boundary NAME -v  that boundary alone, with its story
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count, islice
from pathlib import Path
from random import Random

from connector.domain.ids import import_entity, import_id_from_document, partition_of
from connector.domain.rows import ImportRow, ImportState
from tests.simulation.assassin import Assassin, Crash
from tests.simulation.boundaries import BOUNDARIES
from tests.simulation.checker import Watcher, is_settled, promised, rows_of, twins, violations
from tests.simulation.children import all_of, in_a_child
from tests.simulation.disks import Disks, Spoil, ahead_of_the_log
from tests.simulation.effects import Phase
from tests.simulation.late_words import late_words
from tests.simulation.run import FORGETFUL, add_hook
from tests.simulation.stage import listen, prepare
from tests.simulation.virtual_loop import VirtualLoop, pause
from tests.simulation.workload import GATHER, POISON, Document, put
from tests.simulation.world import PARTITIONS, SimulatedClock, World, new_world, run_in_virtual_time

#: One document of each kind of story; the second one's upload is taken by Rossum without an answer.
STORIES = ("exported", "exported", "split", "failed_task", "rejected", POISON)
PLACES = 2
#: Deployments, and what is set in each.
DELIVERIES = {
    "exactly-once": {"KAFKA__DELIVERY": "exactly-once"},
    "at-least-once": {"KAFKA__DELIVERY": "at-least-once"},
    "gathering": GATHER | {"IMPORTS__GATHER__WAIT": "1s"},
    "forgetting": FORGETFUL,
    "on disk": {},
    "ahead of the log": {},
}
#: Those that show only what is different in them, beside what `exactly-once` shows.
SPECIAL = frozenset({"gathering", "forgetting", "on disk", "ahead of the log"})
#: Documents that go up together, and what becomes of each such upload: Rossum takes the second one without an answer,
#: refuses the third, and fails the task of the last; the documents of these two go up alone then.
TOGETHER = 3
UPLOADS = ((None, "exported"), ("drop-after", "exported"), ("status:400", "exported"), (None, "failed_task"))
#: Virtual seconds until everything must have come out, and in which every planned crash must have come.
SETTLED_WITHIN, CRASHED_WITHIN = 180.0, 40.0
#: Likewise where all must be forgotten at last, and seconds in which old words about it still come.
FORGOTTEN_WITHIN, LATE = 60.0, 15.0


@dataclass(frozen=True, slots=True)
class Cell:
    """A field of the matrix."""

    delivery: str
    crashes: tuple[Crash, ...]


@dataclass(slots=True)
class Outcome:
    """What came of it."""

    cell: Cell
    broken: list[str] = field(default_factory=list)
    reached: Counter[tuple[str, Phase]] = field(default_factory=Counter)
    kills: list[str] = field(default_factory=list)
    recovered: float = 0.0


def run_cell(cell: Cell, trace: Callable[[str], None] | None = None) -> Outcome:
    """One story with its crashes. The process is not tidied up: let it be a child."""
    outcome = Outcome(cell)

    async def main(loop: VirtualLoop) -> None:
        ours = await new_world(1, loop, **DELIVERIES[cell.delivery])
        if trace is not None:
            ours.trace = trace
        if cell.delivery in KEPT:
            ours.disks = Disks(Path(root), ours.wire, KEPT[cell.delivery](ours))
        listen(ours, everything=trace is not None)
        await _story(ours, outcome)

    with tempfile.TemporaryDirectory(prefix="crash-matrix-") as root:
        run_in_virtual_time(main, tidy=False)
    return outcome


async def _story(ours: World, outcome: Outcome) -> None:
    assassin = Assassin(ours, list(outcome.cell.crashes))
    assassin.install()
    for place in range(PLACES):
        ours.start_replica(place)
        await add_hook(ours, place)
    watcher = Watcher(ours)
    watching = ours.loop.create_task(watcher.watch())
    documents = await ANNOUNCED.get(outcome.cell.delivery, _announce)(ours)
    if outcome.cell.delivery == "forgetting":
        await _forget(ours, documents, assassin)
    await _settle(ours, documents, assassin)
    outcome.recovered = ours.loop.time()
    outcome.broken = await violations(ours, documents, watcher)
    # Nothing but crashes happens here, and one lost answer: whatever is found by looking must be found.
    outcome.broken += [f"a twin: {what}" for what in (twins(ours)).values()]
    outcome.reached, outcome.kills = assassin.reached, assassin.kills
    watching.cancel()
    for replica in list(ours.replicas):
        ours.kill(replica)


def _false_ends(ours: World) -> Spoil:
    """Every import has ended, says a state that is ahead of the log; who believes it loses those that have not."""
    documents = [Document(f"doc-{number}", fate) for number, fate in enumerate(STORIES)]
    ends = {import_entity(one.import_id): ImportRow(ImportState.COMPLETED, one.name) for one in documents}
    return ahead_of_the_log(ends, SimulatedClock(ours.loop))


#: Deployments that keep their states on disk, and what is done to what the dead have left there.
KEPT: dict[str, Callable[[World], Spoil | None]] = {"on disk": lambda _: None, "ahead of the log": _false_ends}


async def _announce(ours: World) -> list[Document]:
    documents = [Document(f"doc-{number}", fate) for number, fate in enumerate(STORIES)]
    await pause(1.0)
    put(ours, documents[0])
    put(ours, documents[0])
    await pause(1.0)
    await ours.control("/faults", {"method": "POST", "path": "/uploads", "action": "drop-after", "times": 1})
    for document in documents[1:]:
        put(ours, document)
        await pause(0.5)
    return documents


async def _announce_together(ours: World) -> list[Document]:
    """Only imports of one partition go up together."""
    every = (f"doc-{number}" for number in count())
    names = (n for n in every if partition_of(import_entity(import_id_from_document(n)), PARTITIONS) == 0)
    documents: list[Document] = []
    for trouble, fate in UPLOADS:
        await pause(3.0)
        # What a crash has kept from being used must not befall a document that goes up alone: a refusal is its end.
        await ours.control("/faults", method="DELETE")
        if trouble is not None:
            await ours.control("/faults", {"method": "POST", "path": "/uploads", "action": trouble, "times": 1})
        documents += [Document(name, fate) for name in islice(names, TOGETHER)]
        for document in documents[-TOGETHER:]:
            put(ours, document)
    return documents


async def _announce_few(ours: World) -> list[Document]:
    """Their rows lie in several partitions, and are forgotten in several transactions."""
    documents = [Document(f"doc-{number}", fate) for number, fate in enumerate(("exported", "rejected", "failed_task"))]
    for document in documents:
        put(ours, document)
        await pause(1.0)
    return documents


async def _forget(ours: World, documents: list[Document], assassin: Assassin) -> None:
    """Until no import has a row any more, and what is told of them once more has come to nothing."""
    late = ours.loop.create_task(late_words(ours))
    until = ours.loop.time() + FORGOTTEN_WITHIN
    entities = {import_entity(document.import_id) for document in documents}
    while ours.loop.time() < until and (assassin.plan or entities & rows_of(ours).keys()):
        await pause(1.0)
    assassin.plan = []
    await pause(LATE)
    late.cancel()


ANNOUNCED = {"gathering": _announce_together, "forgetting": _announce_few}


async def _settle(ours: World, documents: list[Document], assassin: Assassin) -> None:
    """Until all is told and no crash is to come."""
    until = ours.loop.time() + SETTLED_WITHIN
    waits = ours.loop.time() + CRASHED_WITHIN
    while ours.loop.time() < until:
        await pause(1.0)
        if (not assassin.plan or ours.loop.time() > waits) and await is_settled(ours, documents):
            assassin.plan = []
            break
    await pause(2.0)


def reachable(delivery: str) -> Counter[Crash]:
    """Every boundary and side that the story without crashes reaches, and how often.

    Of special ones only what is different then.
    """
    reached = in_a_child(run_cell, Cell(delivery, ())).reached
    known = BOUNDARIES["exactly-once"] - BOUNDARIES[delivery] if delivery in SPECIAL else frozenset()
    return Counter({Crash(name, phase): times for (name, phase), times in reached.items() if name not in known})


def matrix(delivery: str) -> Iterator[Cell]:
    """Each boundary and side with one crash, and with a second one when that place is reached again."""
    for crash in sorted(reachable(delivery), key=str):
        yield Cell(delivery, (crash,))
        yield Cell(delivery, (crash, crash))


def pairs(count: int, first: int) -> Iterator[Cell]:
    """Random pairs of crashes, each at any of the times that its place is reached."""
    reached = {delivery: reachable(delivery) for delivery in DELIVERIES}
    for seed in range(first, first + count):
        random = Random(seed)  # noqa: S311 - the point is that it repeats
        delivery = random.choices(list(DELIVERIES), weights=(3, 1, 1, 1, 1, 1))[0]
        places = sorted(reached[delivery], key=str)
        chosen = [random.choice(places) for _ in range(2)]
        yield Cell(delivery, tuple(replace(c, nth=random.randint(1, reached[delivery][c])) for c in chosen))


def main() -> int:
    """Read the command line and run; 1 when a promise was broken or a boundary not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=0, help="so many random pairs instead of the matrix")
    parser.add_argument("--first", type=int, default=0, help="number of the first pair (0)")
    parser.add_argument("--boundary", help="only cells with this boundary")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes at once (one a core)")
    parser.add_argument("-v", "--verbose", action="store_true", help="tell the stories")
    given = parser.parse_args()
    if os.environ.get("PYTHONHASHSEED") != "0":
        command = [sys.executable, "-m", "tests.simulation.crash_matrix", *sys.argv[1:]]
        return subprocess.run(command, env=os.environ | {"PYTHONHASHSEED": "0"}, check=False).returncode
    prepare()
    cells = list(pairs(given.pairs, given.first) if given.pairs else (c for d in DELIVERIES for c in matrix(d)))
    if given.boundary:
        cells = [cell for cell in cells if any(crash.boundary == given.boundary for crash in cell.crashes)]
    if not cells:
        print(f"no story comes by: {given.boundary}", file=sys.stderr)
        return 1
    whole = not (given.pairs or given.boundary)
    if given.verbose:
        return _sum((in_a_child(partial(run_cell, trace=print), cell) for cell in cells), cells, whole=whole)
    return _sum(all_of(run_cell, cells, given.workers), cells, whole=whole)


def _sum(outcomes: Iterable[Outcome], cells: list[Cell], *, whole: bool) -> int:
    broken, kills, slowest = 0, 0, 0.0
    places: set[tuple[str, str, Phase]] = set()
    hit: set[tuple[str, str, Phase]] = set()
    for outcome in outcomes:
        delivery, crashes = outcome.cell.delivery, outcome.cell.crashes
        places.update((delivery, crash.boundary, crash.phase) for crash in crashes)
        hit.update((delivery, crash.boundary, crash.phase) for crash in crashes[: len(outcome.kills)])
        kills += len(outcome.kills)
        slowest = max(slowest, outcome.recovered)
        if promises := promised(delivery, outcome.broken):
            broken += 1
            print(f"{delivery}: {'; '.join(outcome.kills)}")
            print("".join(f"  {what}\n" for what in promises), end="", flush=True)
    names = {(delivery, boundary) for delivery, boundary, _ in hit}
    known = {(delivery, boundary) for delivery in DELIVERIES for boundary in BOUNDARIES[delivery]}
    unreached = known - names if whole else set()
    print(
        f"cells={len(cells)} boundaries={len(names & known)}/{len(known)} sides={len(hit)}/{len(places)} kills={kills} "
        f"settled<={slowest:.0f}s broken={broken}"
    )
    for place in sorted(names - known):
        print("not in the list of boundaries: " + ": ".join(place))
    for place in sorted(unreached):
        print("no story comes by: " + ": ".join(place))
    for delivery, boundary, phase in sorted(places - hit, key=str):
        print(f"never reached: {delivery}: {boundary}, {phase.value}")
    return bool(broken or names - known or unreached)


if __name__ == "__main__":
    sys.exit(main())
