"""What a removal is: a protection of the connector taken out by an edit, and who must notice."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Edit:
    """Text of a file replaced by other text; the old one stands there exactly once.

    Attributes:
        file: Below `connector/`.
    """

    file: str
    old: str
    new: str

    def complaint(self, root: Path) -> str | None:
        """Why it can't be made in the tree at `root`; None when it can."""
        path = root / "connector" / self.file
        if not path.is_file():
            return f"connector/{self.file} is not there"
        count = path.read_text(encoding="utf-8").count(self.old)
        return None if count == 1 else f"connector/{self.file} holds {count} times, not once: {self.old!r}"


@dataclass(frozen=True, slots=True)
class Story:
    """A command of the tests whose output must hold a broken promise.

    Attributes:
        module: Below `tests`, as for `python -m`.
        says: What is found in one of its lines then (a regular expression).
    """

    module: str
    options: str
    says: str

    def __str__(self) -> str:
        return f"python -m tests.{self.module} {self.options}"


@dataclass(frozen=True, slots=True)
class Removal:
    """See the module.

    Attributes:
        fault: Number in the README's table of faults.
        protection: What is taken out, in a few words.
        tests: Functions that must fail then, `file below tests/::function`.
        stories: Commands that must tell of it.
        raises: Errors by which those tests may fail beside an assertion and a timeout: what the protection holds back.
        patience: Seconds for each of the tests.
    """

    fault: int
    protection: str
    edits: tuple[Edit, ...]
    tests: tuple[str, ...] = ()
    stories: tuple[Story, ...] = ()
    raises: tuple[str, ...] = ()
    patience: int = 30

    @property
    def witnesses(self) -> int:
        """How many must notice."""
        return len(self.tests) + len(self.stories)

    def complaints(self, root: Path) -> list[str]:
        """Why it can't be tried on the tree at `root`."""
        found = [complaint for edit in self.edits if (complaint := edit.complaint(root))]
        found += [f"{name} is not there" for name in self.tests if not _is_there(root, name)]
        found += [f"{story} is not there" for story in self.stories if not _module(root, story.module)]
        return found if self.witnesses else [*found, "nobody is named who must notice"]


def edited(root: Path, edits: Iterable[Edit]) -> dict[Path, str]:
    """The files of the tree at `root` that edits change, with what they hold afterwards."""
    texts: dict[Path, str] = {}
    for edit in edits:
        path = root / "connector" / edit.file
        text = texts[path] if path in texts else path.read_text(encoding="utf-8")
        texts[path] = text.replace(edit.old, edit.new)
    return texts


def _is_there(root: Path, name: str) -> bool:
    file, _, function = name.partition("::")
    path = root / "tests" / file
    return path.is_file() and f"def {function}(" in path.read_text(encoding="utf-8")


def _module(root: Path, name: str) -> bool:
    path = root / "tests" / Path(*name.split("."))
    return path.with_suffix(".py").is_file() or (path / "__main__.py").is_file()
