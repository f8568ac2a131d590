"""The small values inside Rossum's objects: ids, clocks, marks, texts; an absent or odd one is None."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict

from connector.domain.ids import ImportId, format_clock
from connector.domain.readings import CLOCKS, MARK_KEY, ORIGIN, GatherMark, Mark

#: Longest sentence of Rossum's that we pass on (characters).
LONGEST_TEXT = 300

_MICROSECOND_FORM = len("2018-06-01T21:36:42.223415Z")

Json = Mapping[str, Any]


def id_of(reference: Any) -> int | None:
    """The id behind an id or an object's URL; None when there is none to be found."""
    if isinstance(reference, str):
        last = reference.partition("?")[0].rstrip("/").rpartition("/")[2]
        return int(last) if last.isascii() and last.isdigit() and len(last) < len(str(2**63)) else None
    if isinstance(reference, int) and not isinstance(reference, bool) and reference > 0:
        return reference
    return None


def clock_text(value: Any) -> str | None:
    """A clock in the one form of `format_clock`; None for what is no instant. Without an offset it is UTC."""
    if not isinstance(value, str):
        return None
    try:
        instant = datetime.fromisoformat(value)
        if len(value) == _MICROSECOND_FORM and value[-1] == "Z" and value[10] == "T" and value[19] == ".":
            return value
        return format_clock(instant if instant.tzinfo else instant.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def clocks_of(source: Json) -> dict[str, str]:
    """The clocks of :data:`CLOCKS` that an object shows, normalised."""
    return {name: text for name in CLOCKS if (text := clock_text(source.get(name))) is not None}


class Metadata(TypedDict):
    """An annotation's metadata, taken apart."""

    mark: Mark | None
    gathered: GatherMark | None
    metadata: dict[str, Any]


def metadata_of(value: Any) -> Metadata:
    """Our mark, of one document or of several, and what is left: the customer's own."""
    if not isinstance(value, Mapping):
        return {"mark": None, "gathered": None, "metadata": {}}
    theirs = {key: item for key, item in value.items() if key != MARK_KEY}
    ours = value.get(MARK_KEY)
    if not isinstance(ours, Mapping):
        return {"mark": None, "gathered": None, "metadata": theirs}
    mark = _mark(ours.get("import_id"), ours.get("document_key"), ours)
    return {"mark": mark, "gathered": _gather_mark(ours), "metadata": theirs}


def _mark(import_id: Any, document_key: Any, origin: Json) -> Mark | None:
    if not isinstance(import_id, str) or not isinstance(document_key, str):
        return None
    return Mark(
        ImportId(import_id), document_key, {name: text for name in ORIGIN if isinstance(text := origin.get(name), str)}
    )


def _gather_mark(ours: Json) -> GatherMark | None:
    gather, members = ours.get("gather"), ours.get("members")
    if not isinstance(gather, str) or not isinstance(members, Mapping):
        return None
    marks = {sign: _member(written) for sign, written in members.items()}
    known = {sign: mark for sign, mark in marks.items() if mark is not None}
    own = ours.get("own")
    shown = own.items() if isinstance(own, Mapping) else ()
    return GatherMark(gather, known, {sign: each for sign, each in shown if isinstance(each, Mapping)})


def _member(written: Any) -> Mark | None:
    """Of a list of import id, document key and perhaps the origin."""
    match written:
        case [import_id, document_key, *more]:
            return _mark(import_id, document_key, more[0] if more and isinstance(more[0], Mapping) else {})
    return None


def sentence(value: Any) -> str | None:
    """A text of Rossum's for people, cut to :data:`LONGEST_TEXT`."""
    return value[:LONGEST_TEXT] if isinstance(value, str) else None


def text_or_none(value: Any) -> str | None:
    """The value if it is a text."""
    return value if isinstance(value, str) else None


def flag(value: Any) -> bool | None:
    """The value if it is true or false."""
    return value if isinstance(value, bool) else None


def address(value: Any) -> str | None:
    """The URL of something that is named by its URL, or shown as an object that has one."""
    return text_or_none(value.get("url") if isinstance(value, Mapping) else value)


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def ids_of(value: Any) -> list[int] | None:
    """The ids of a list of URLs (null is an empty one); None for anything else."""
    if value is None:
        return []
    numbers = [id_of(item) for item in value] if isinstance(value, list) else [None]
    found = [number for number in numbers if number is not None]
    return found if len(found) == len(numbers) else None


def upload_url(value: Any) -> str | None:
    """The value if it is the URL of an upload object."""
    return value if isinstance(value, str) and "/uploads/" in value else None
