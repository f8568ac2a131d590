"""Compares what went in with what came out, as sets: what is lost, doubled, out of order, seen by one reader only."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from tests.support.commands import Done
from tests.support.reader import Seen


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a comparison found; every list is empty when all is well.

    Attributes:
        lost: Documents without a captured event.
        doubled: Event ids that came twice, and documents captured twice without being told twins.
        imported_twice: Import ids with several root documents of which no event tells.
        disordered: Subjects whose clock went back.
        unseen: Events that only one of two readers has seen.
    """

    accepted: int
    terminal: int
    captured: int
    lost: Sequence[str]
    doubled: Sequence[str]
    imported_twice: Sequence[str]
    disordered: Sequence[str]
    unseen: Sequence[str]

    @property
    def problems(self) -> list[str]:
        """All of them, in words."""
        named = {
            "lost": self.lost,
            "doubled": self.doubled,
            "imported twice": self.imported_twice,
            "out of order": self.disordered,
            "seen by one reader only": self.unseen,
        }
        return [f"{what}: {one}" for what, which in named.items() for one in which]

    def line(self) -> str:
        """The figures of a run."""
        return (
            f"accepted={self.accepted} terminal={self.terminal} captured={self.captured} "
            f"duplicates={len(self.doubled) + len(self.imported_twice)} lost={len(self.lost)}"
        )


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a fault happened, of how often it was ordered: an order alone shows nothing."""

    happened: int
    ordered: int

    def __str__(self) -> str:
        return f"{self.happened}/{self.ordered}"


def never_happened(tallies: Mapping[str, Tally]) -> list[str]:
    """Which of the faults, by their names, were ordered for nothing."""
    return [f"nothing shown: {name}={tally}" for name, tally in tallies.items() if tally.ordered and not tally.happened]


def swallowed_answers(met: Mapping[str, Mapping[str, int]]) -> int:
    """Uploads that Rossum has taken without telling, by what its simulator counts of faults that requests met."""
    return sum(
        actions.get("drop-after", 0) for operation, actions in met.items() if operation.startswith("POST /uploads")
    )


def judge(wanted: Iterable[str], seen: Sequence[Seen], again: Sequence[Seen], roots: Counter[str]) -> Verdict:
    """Compare.

    Args:
        wanted: Keys of all announced documents.
        seen: Events as a reader saw them while the faults went on.
        again: The same topics read once more from their beginning, when all was over.
        roots: Root documents in Rossum by import id.
    """
    captured = [event for event in seen if event.name == "annotation.captured" and event.topic.endswith("captured")]
    ended = [event for event in seen if event.name in {"import.completed", "import.failed"}]
    first = [event.key for event in captured if not event.data.get("duplicate_of")]
    return Verdict(
        accepted=sum(event.name == "import.accepted" for event in seen),
        terminal=len({event.headers["ce_subject"] for event in ended}),
        captured=len(captured),
        lost=sorted(set(wanted) - set(first)),
        doubled=[*_twice(map(_identity, seen)), *_twice(first)],
        imported_twice=_imported_twice(seen, roots),
        disordered=_disordered(seen),
        unseen=sorted({_identity(event) for event in seen} ^ {_identity(event) for event in again}),
    )


def audit_problems(done: Done) -> list[str]:
    """What an audit has against a run: its differences, or that it came to no end."""
    lines = done.out.splitlines()
    if done.code == 0 and lines[-1:] == ["no difference"]:
        return []
    return [f"audit: {line}" for line in [*lines, *done.err.splitlines()] if line] or [f"audit: exit code {done.code}"]


def audit_figure(done: Done) -> str:
    """How many differences an audit names; `failed` where it came to no end."""
    last = (done.out.splitlines() or [""])[-1]
    number = "0" if last == "no difference" else last.partition(" difference")[0].replace(",", "")
    return number if number.isdigit() else "failed"


def _identity(event: Seen) -> str:
    return f"{event.topic} {event.name} {event.headers['ce_id']}"


def _twice(names: Iterable[str]) -> list[str]:
    return sorted(name for name, count in Counter(names).items() if count > 1)


def _imported_twice(seen: Sequence[Seen], roots: Counter[str]) -> list[str]:
    told = Counter(
        event.headers["ce_subject"].removeprefix("imports/") for event in seen if event.name == "import.duplicate"
    )
    return sorted(import_id for import_id, count in roots.items() if count > 1 + told[import_id])


def _disordered(seen: Sequence[Seen]) -> list[str]:
    """Each annotation whose clock went back, with its story as it was read."""
    stories: dict[tuple[str, str], list[Seen]] = defaultdict(list)
    for event in seen:
        if event.headers["ce_subject"].startswith("annotations/"):
            stories[event.topic, event.headers["ce_subject"]].append(event)
    return [
        f"{topic} {subject}: " + ", ".join(map(_told, story))
        for (topic, subject), story in stories.items()
        if any(after.headers["ce_time"] < before.headers["ce_time"] for before, after in pairwise(story))
    ]


def _told(event: Seen) -> str:
    return f"{event.name} {event.headers['ce_time']} ({event.key}, by {event.headers.get('ce_observedvia')})"
