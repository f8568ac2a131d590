"""How most chaos tests end: everything there, once, in Rossum and on Kafka, and every replica leaves in order."""

import sys
from collections.abc import Sequence
from typing import Any

from tests.chaos.verdict import Verdict, audit_figure, audit_problems, judge
from tests.support.commands import Done, command
from tests.support.fleet import Fleet
from tests.support.reader import CAPTURED, DEAD_LETTERS, LIFECYCLE, READY, Reader
from tests.support.waiting import eventually


async def all_out_once(ships: Fleet, documents: int, *, within: float = 60, **figures: Any) -> None:
    """Wait until that many documents are captured and completed, and compare all that was seen.

    Raises:
        AssertionError: Something is lost, doubled, out of order, dead-lettered or late; says what.
    """
    world = ships.world
    await eventually(
        lambda: len(world.reader.captured()) >= documents and len(world.reader.named("import.completed")) >= documents,
        within=within,
    )
    roots = await world.root_documents()
    codes = await ships.stop()
    verdict = await compared(ships, documents)
    audit = await audited(ships)
    figures |= {"audit": audit_figure(audit), "longest_wait": f"{world.reader.longest_wait:.1f}s"}
    more = " ".join(f"{name}={value}" for name, value in figures.items())
    sys.stdout.write(f"{verdict.line()} {more}\n")
    assert verdict.problems == []
    assert audit_problems(audit) == []
    assert (verdict.accepted, verdict.terminal, verdict.captured, len(roots)) == (documents,) * 4
    assert world.reader.letters == []
    assert set(codes) == {0}
    assert ships.said("unexpected_error") == []


async def compared(ships: Fleet, documents: int) -> Verdict:
    """What the reader saw while faults went on, against what another reads afterwards and what Rossum has."""
    world = ships.world
    roots = await world.root_documents()
    await eventually(world.reader.caught_up, within=60)
    again = Reader(world.bootstrap, world.prefix, CAPTURED, LIFECYCLE, READY, DEAD_LETTERS)
    async with again.reading():
        await eventually(again.caught_up, within=120)
    return judge((f"doc-{n}" for n in range(documents)), world.reader.events, again.events, roots)


async def audited(ships: Fleet) -> Done:
    """What the audit of a person says of the ledger, the topics and Rossum when all replicas have left."""
    return await command(ships.world.settings, "audit", "--quiet")


def not_in_order(ships: Fleet, verdict: Verdict, documents: int, codes: Sequence[int]) -> list[str]:
    """What must not be beside what the comparison of sets shows; `codes` are those of the replicas at the end."""
    found = []
    if (verdict.accepted, verdict.terminal) != (documents, documents):
        found.append(f"{verdict.accepted} accepted and {verdict.terminal} ended instead of {documents}")
    if set(codes) != {0}:
        found.append(f"exit codes at the end: {codes}")
    if letters := ships.world.reader.letters:
        found.append(f"{len(letters)} dead letters")
    return [*found, *(f"a defect in the log: {line}" for line in ships.said("unexpected_error"))]
