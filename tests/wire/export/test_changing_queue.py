"""A queue whose annotations change while it is exported: none of the fixed set is missing, none comes twice."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.wire.export.exporting import INSIDE, Disturbed, Export
from tests.wire.rossum.client_harness import Side, connected

#: What people and other programs do meanwhile: changes of status, a purge, a move to another queue.
CHANGES = ("to_review", "exporting", "exported", "deleted", "rejected", "postponed", "purge", "move")
Change = tuple[int, str]
#: Before each call: which annotations, by their place, and what happens to them.
Plan = list[list[Change]]

changes = st.lists(st.tuples(st.integers(0, 10_000), st.sampled_from(CHANGES)), max_size=60)


class Meddler:
    """Changes annotations before each call, as planned."""

    def __init__(self, side: Side, numbers: list[int], plan: Plan, *, grows: bool) -> None:
        self._side = side
        self._grows = grows
        self._numbers = numbers
        self._plan = iter(plan)
        self.touched: set[int] = set()
        self.moved: set[int] = set()

    async def __call__(self) -> None:
        """What happens before the next call."""
        for place, change in next(self._plan, []):
            number = self._numbers[place % len(self._numbers)]
            if number in self.touched:
                continue
            self.touched.add(number)
            path = f"/annotations/{number}/" + (change if change in {"purge", "move"} else "status")
            if change == "move":
                self.moved.add(number)
            await self._side.control("POST", path, {"status": change, "queue": 8199})
        if self._grows:
            await self._side.finished(1, **INSIDE)


async def scenario(count: int, plan: Plan, statuses: frozenset[str], behaviour: dict[str, Any]) -> None:
    """One export and what must hold of it."""
    async with connected() as side:
        with tempfile.TemporaryDirectory() as folder:
            numbers = await side.finished(count, **INSIDE)
            await side.control("POST", "/behaviour", behaviour)
            # Without clocks there are only page numbers: a listing that goes on growing is refused, never cut short.
            meddler = Meddler(side, numbers, plan, grows=not behaviour["null_clocks"])
            export = Export(Path(folder), Disturbed(side.client, meddler), statuses=statuses)

            found = await export.chosen()
            untouched = set(numbers) - meddler.touched
            job = await export.fetched(found)
            exported, left_out = export.numbers(job), set(job.left_out())

    assert max(Counter(exported).values(), default=1) == 1
    assert untouched <= set(found.statuses)
    assert set(exported) | left_out == set(found.statuses)
    assert left_out <= meddler.moved
    assert not left_out & set(exported)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    count=st.integers(90, 320),
    plan=st.lists(changes, max_size=9),
    statuses=st.sampled_from([frozenset[str](), frozenset({"exported"})]),
    behaviour=st.fixed_dictionaries(
        {
            "bounds_inclusive": st.booleans(),
            "filter_seconds": st.booleans(),
            "null_clocks": st.booleans(),
            "tied_clocks": st.sampled_from([0, 150]),
        }
    ),
)
def test_none_is_missing_and_none_comes_twice(
    count: int, plan: Plan, statuses: frozenset[str], behaviour: dict[str, Any]
) -> None:
    """Whatever happens between the calls, and whichever habits Rossum's filters have."""
    asyncio.run(scenario(count, plan, statuses, behaviour))
