"""Removals of protections can still be made, and cover every fault; `python -m tests.protections` makes them."""

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from tests.protections import noticed
from tests.protections.removal import Edit, Removal, Story
from tests.protections.table import REMOVALS
from tests.protections.trial import ROOT

FAULTS = range(1, 25)
_SEEN = re.compile(r"^\| (\d+) \|.*\| (\d+) of (\d+)[^|]*\|$", re.MULTILINE)


def test_every_removal_can_be_made() -> None:
    """Its text stands in the code exactly once, and its tests exist."""
    assert [f"{r.fault} {r.protection}: {what}" for r in REMOVALS for what in r.complaints(ROOT)] == []


def test_every_fault_has_a_protection_that_is_taken_out() -> None:
    """All 24, each removal under a name of its own."""
    names = Counter((removal.fault, removal.protection) for removal in REMOVALS)

    assert sorted({removal.fault for removal in REMOVALS}) == list(FAULTS)
    assert [name for name, count in names.items() if count > 1] == []


def test_every_removal_was_noticed_as_it_is_now() -> None:
    """By a run that wrote it down; whatever is new or changed has to be tried again."""
    faults = sorted({removal.fault for removal in noticed.unseen(REMOVALS)})

    assert faults == [], "run python -m tests.protections " + " ".join(f"--fault {fault}" for fault in faults)


def test_the_readme_tells_how_many_were_noticed() -> None:
    """What runs have seen, for each fault, of as many as there are."""
    rows = {int(fault): (int(seen), int(all_)) for fault, seen, all_ in _SEEN.findall((ROOT / "README.md").read_text())}
    counts = Counter(removal.fault for removal in REMOVALS)
    unseen = Counter(removal.fault for removal in noticed.unseen(REMOVALS))

    assert rows == {fault: (counts[fault] - unseen[fault], counts[fault]) for fault in FAULTS}


def test_what_was_noticed_is_forgotten_when_it_changes(tmp_path: Path) -> None:
    """By another edit, another witness, a run that was not noticed, and with the removal itself."""
    file, (one, two) = tmp_path / "noticed.json", REMOVALS[:2]
    for removal in (one, two):
        noticed.write(removal, noticed=True, among=REMOVALS, file=file)
    changed = [replace(one, edits=two.edits), replace(one, tests=("other.py::test",)), replace(one, protection="new")]

    assert noticed.unseen([one, two, *changed], file) == changed
    noticed.write(two, noticed=False, among=REMOVALS, file=file)
    assert noticed.unseen([one, two], file) == [two]
    noticed.write(two, noticed=True, among=[two], file=file)
    assert noticed.unseen([one, two], file) == [one]


def test_the_readme_names_the_tests_of_every_fault() -> None:
    """Whatever a removal needs to be noticed is among what the table shows."""
    text = (ROOT / "README.md").read_text()
    shown = {int(row[1]): row[0] for row in re.finditer(r"^\| (\d+) \|.*$", text, re.MULTILINE)}

    missing = [
        f"{removal.fault}: {name}"
        for removal in REMOVALS
        for name in _files(removal)
        if f"`{name}`" not in shown[removal.fault]
    ]
    assert sorted(set(missing)) == []


def _files(removal: Removal) -> list[str]:
    commands = {"simulation": "test_seeds.py", "simulation.crash_matrix": "test_crash_matrix.py"}
    stories = [f"simulation/{commands.get(story.module, 'test_scenes.py')}" for story in removal.stories]
    return [*(name.partition("::")[0] for name in removal.tests), *stories]


@pytest.mark.parametrize(
    ("removal", "said"),
    [
        (Removal(1, "x", (Edit("errors.py", "no such text", ""),), ("a",)), "holds 0 times"),
        (Removal(1, "x", (Edit("errors.py", "class ", ""),), ("a",)), "times, not once"),
        (Removal(1, "x", (Edit("nowhere.py", "class", ""),), ("a",)), "connector/nowhere.py is not there"),
        (Removal(1, "x", (), ("unit/test_readme.py::test_nothing",)), "unit/test_readme.py::test_nothing is not there"),
        (Removal(1, "x", (), (), (Story("simulation.nothing", "", "x"),)), "tests.simulation.nothing"),
        (Removal(1, "x", ()), "nobody is named"),
    ],
)
def test_a_removal_that_has_gone_stale_is_told(removal: Removal, said: str) -> None:
    """It can't rot unseen."""
    assert any(said in complaint for complaint in removal.complaints(ROOT))


def test_the_tree_is_not_what_is_edited(tmp_path: Path) -> None:
    """Removals are looked for where they are told to."""
    removal = REMOVALS[0]

    assert all("is not there" in complaint for complaint in removal.complaints(tmp_path))
