"""Finds what is secret in what was written, in whatever form programs write a text by accident."""

import base64
import json
from collections.abc import Collection, Iterable
from urllib.parse import quote

import orjson


def leaks(hidden: Iterable[str], written: Collection[bytes]) -> set[str]:
    """Those of some texts that stand in what was written."""
    return {text for text in hidden if any(form in piece for form in _forms(text) for piece in written)}


def encoded(raw: bytes) -> set[bytes]:
    """The part of its base64 that is the same whatever stands before and behind it, for each of three places."""
    return {base64.b64encode(bytes(n) + raw)[-(-8 * n // 6) : 8 * (n + len(raw)) // 6] for n in range(3)}


def _forms(text: str) -> set[bytes]:
    """As it is, in a URL, in base64, and inside of a string of JSON or of Python: of text or bytes, once or twice."""
    raw = text.encode()
    plain = {text, repr(text)[1:-1], repr(raw)[2:-1]}
    once = plain | {form for some in plain for form in _in_json(some)}
    twice = once | {form for some in once for form in _in_json(some)}
    return {form.encode() for form in twice} | {quote(text).encode()} | encoded(raw)


def _in_json(text: str) -> tuple[str, str]:
    """Inside of a string of JSON, where letters beyond ASCII are kept and where they are not."""
    return orjson.dumps(text)[1:-1].decode(), json.dumps(text)[1:-1]
