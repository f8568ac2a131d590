"""What runs of `python -m tests.protections` have seen noticed, kept beside the removals.

A removal counts as long as it is the one that was tried: the same edits, the same witnesses, the same words of theirs.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import orjson

from tests.protections.removal import Removal

FILE = Path(__file__).with_name("noticed.json")
_DIGITS = 16


def name_of(removal: Removal) -> str:
    """Under which it is kept."""
    return f"{removal.fault} {removal.protection}"


def digest(removal: Removal) -> str:
    """Of all that decides what was tried and who had to notice."""
    tried = (removal.edits, removal.tests, removal.stories, removal.raises)
    return hashlib.sha256(repr(tried).encode()).hexdigest()[:_DIGITS]


def write(removal: Removal, *, noticed: bool, among: Iterable[Removal], file: Path = FILE) -> None:
    """Keep what was seen of one; what is no removal any more is left out."""
    kept = _read(file)
    kept.pop(name_of(removal), None)
    if noticed:
        kept[name_of(removal)] = digest(removal)
    kept = {name: kept[name] for name in map(name_of, among) if name in kept}
    file.write_bytes(orjson.dumps(kept, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def unseen(removals: Iterable[Removal], file: Path = FILE) -> list[Removal]:
    """Those that are new or were changed since they were noticed, and those that were not."""
    kept = _read(file)
    return [removal for removal in removals if kept.get(name_of(removal)) != digest(removal)]


def _read(file: Path) -> dict[str, str]:
    kept: dict[str, str] = orjson.loads(file.read_bytes()) if file.is_file() else {}
    return kept
