"""Repairs of an arrival before it is sent again: assignments to fields of its data, such as `queue=receipts`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from connector.contracts.incoming import Form, take


class Unfixable(Exception):
    """An arrival whose data can't be changed; the message says why."""


@dataclass(frozen=True, slots=True)
class FixUp:
    """One assignment.

    Attributes:
        path: Steps below the arrival's data, e.g. `("source", "url")`.
        value: What stands there afterwards; None removes the field.
    """

    path: tuple[str, ...]
    value: Any


def read_fix_up(text: str) -> FixUp:
    """The assignment that a person wrote: `queue=8199`, `source.url="https://…"`, `queue=null`.

    What is no JSON behind the sign is text.

    Raises:
        ValueError: There is no `=`, or nothing before it.
    """
    path, sign, value = text.partition("=")
    steps = tuple(path.strip().split("."))
    if not sign or not all(steps):
        raise ValueError(f"{text!r} is no assignment: write for example queue=receipts or source.url=https://…")
    try:
        return FixUp(steps, orjson.loads(value))
    except orjson.JSONDecodeError:
        return FixUp(steps, value)


def fixed(value: bytes | None, headers: Iterable[tuple[str, bytes]], fix_ups: Iterable[FixUp]) -> bytes | None:
    """The arrival's value with the repairs made; without any of them the very bytes.

    Raises:
        Unfixable: Its data is no JSON object that could be changed.
    """
    fix_ups = list(fix_ups)
    if not fix_ups:
        return value
    incoming = take(value, tuple(headers))
    try:
        document = orjson.loads(value or b"")
    except orjson.JSONDecodeError:
        raise Unfixable("its value is not JSON") from None
    holder = document if incoming.form is not Form.STRUCTURED else document.get("data")
    if incoming.form is Form.FOREIGN or not isinstance(holder, dict):
        raise Unfixable("its data is no JSON object")
    for fix_up in fix_ups:
        _assign(holder, fix_up)
    return orjson.dumps(document)


def _assign(holder: dict[str, Any], fix_up: FixUp) -> None:
    for step in fix_up.path[:-1]:
        inner = holder.setdefault(step, {})
        if not isinstance(inner, dict):
            raise Unfixable(f"{step} is no object, so it has no {fix_up.path[-1]}")
        holder = inner
    if fix_up.value is None:
        holder.pop(fix_up.path[-1], None)
    else:
        holder[fix_up.path[-1]] = fix_up.value
