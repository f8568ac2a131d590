"""The folder of an export under way: the fixed set, what was fetched so far, and so where to go on."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import orjson

from connector.domain.ids import AnnotationId
from connector.errors import Fatal, SettingsError
from connector.export.forms import Part
from connector.export.whole_file import whole_file

_STATE = "state.json"
_MOVING = "moving"
_VERSION = 1


@dataclass(frozen=True, slots=True)
class State:
    """What an export is, fixed when it starts.

    Attributes:
        request: What the person asked for, in words of the command line.
        ids: The fixed set.
        statuses: Their statuses when they were listed.
        left_out: What was named but can't be exported, with the reason.
        window: The window that was listed, for people.
    """

    request: Mapping[str, Any]
    ids: tuple[AnnotationId, ...]
    statuses: tuple[str, ...]
    left_out: Mapping[AnnotationId, str]
    window: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """A chunk of the set that is done."""

    parts: tuple[Part, ...]
    left_out: Mapping[AnnotationId, str]


class Folder:
    """See the module; what it holds is captured data, so that only its owner may read it."""

    def __init__(self, path: Path, state: State) -> None:
        self.path = path
        self.state = state

    @classmethod
    def make(cls, path: Path, state: State) -> Self:
        """A new one.

        Raises:
            Fatal: It can't be written.
        """
        try:
            path.mkdir(mode=0o700, exist_ok=True)
        except OSError as error:
            raise Fatal(f"cannot make the folder {path}: {error.strerror}") from error
        folder = cls(path, state)
        left_out = {str(number): reason for number, reason in state.left_out.items()}
        try:
            _write(path / _STATE, {"version": _VERSION, **asdict(state), "left_out": left_out})
        except BaseException:
            folder.remove()
            raise
        return folder

    @classmethod
    def found(cls, path: Path, request: Mapping[str, Any]) -> Self:
        """The one that an interrupted export of the same request left.

        Raises:
            SettingsError: There is none, or it is of another request.
        """
        try:
            saved = orjson.loads((path / _STATE).read_bytes())
        except FileNotFoundError:
            raise SettingsError(f"nothing to resume: there is no {path}; leave --resume out") from None
        except (OSError, orjson.JSONDecodeError) as error:
            raise SettingsError(f"{path / _STATE} can't be read; remove {path} and start anew") from error
        if saved.get("version") != _VERSION:
            raise SettingsError(f"{path} was written by another version; remove it and start anew")
        differing = [name for name in request if saved["request"].get(name) != request[name]]
        if differing:
            was = ", ".join(f"{name} {_shown(saved['request'].get(name))}" for name in differing)
            raise SettingsError(f"{path} is of another export ({was}); give the same options, or remove it")
        left_out = {AnnotationId(int(number)): reason for number, reason in saved["left_out"].items()}
        state = State(saved["request"], tuple(saved["ids"]), tuple(saved["statuses"]), left_out, saved["window"])
        return cls(path, state)

    def new_file(self, chunk: int, piece: int) -> Path:
        """Where a part is to be written."""
        return self.path / f"{chunk:06}-{piece:03}.part"

    def finish(self, chunk: int, fetched: Fetched) -> None:
        """A chunk is done: its parts and this note are on disk when this returns.

        Raises:
            Fatal: It can't be written.
        """
        parts = [[part.path.name, part.ids] for part in fetched.parts]
        left_out = {str(number): reason for number, reason in fetched.left_out.items()}
        _write(self._note(chunk), {"parts": parts, "left_out": left_out})

    def fetched(self, chunk: int) -> Fetched | None:
        """What is there of a chunk; None unless all of it is."""
        try:
            note = orjson.loads(self._note(chunk).read_bytes())
        except FileNotFoundError:
            return None
        parts = tuple(Part(self.path / name, tuple(ids)) for name, ids in note["parts"])
        return Fetched(parts, {AnnotationId(int(number)): reason for number, reason in note["left_out"].items()})

    @property
    def any_fetched(self) -> bool:
        """Whether any chunk is done."""
        return any(self.path.glob("*.done"))

    @property
    def may_have_moved(self) -> bool:
        """Whether annotations may have been moved in Rossum: no new export would find them by their statuses."""
        return (self.path / _MOVING).exists()

    def begin_moving(self) -> None:
        """Annotations may be moved from now on; on disk when this returns.

        Raises:
            Fatal: It can't be written.
        """
        if not self.may_have_moved:
            _write(self.path / _MOVING, {})

    def remove(self) -> None:
        """The export is complete: nothing of this is needed any more."""
        for file in self.path.iterdir():
            file.unlink()
        self.path.rmdir()

    def _note(self, chunk: int) -> Path:
        return self.path / f"{chunk:06}.done"


def chunks(ids: Sequence[AnnotationId], size: int) -> list[Sequence[AnnotationId]]:
    """The set in calls of at most `size` ids."""
    return [ids[start : start + size] for start in range(0, len(ids), size)]


def _write(path: Path, content: object) -> None:
    with whole_file(path) as file:
        file.write(orjson.dumps(content))


def _shown(value: object) -> str:
    return "none" if value in (None, [], "") else str(value)
