"""Durations, sizes and counts as people write them."""

import re
from typing import Any

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_BYTES = {"": 1, "B": 1, "kB": 10**3, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
#: Fifteen digits are thirty million years, or a petabyte: more is a slip of the finger.
_QUANTITY = re.compile(r"\s*([0-9]{1,15}(?:\.[0-9]{1,15})?)\s*([A-Za-z]*)\s*")


def seconds_of(value: Any) -> Any:
    """Seconds of `250ms`, `5s`, `15m`, `2h`, `30d`; numbers are passed on, and what is neither.

    Raises:
        ValueError: Not a duration; neither is `true`, which Python takes for 1.
    """
    if not isinstance(value, str | bool):
        return value
    match = _QUANTITY.fullmatch(str(value))
    if match is None or (match[2] or "s") not in _SECONDS:
        msg = "must be a duration: seconds, or a number with ms, s, m, h or d, e.g. 15m"
        raise ValueError(msg)
    return float(match[1]) * _SECONDS[match[2] or "s"]


def bytes_of(value: Any) -> Any:
    """Bytes of `2MB`, `40MB`, `64KiB`; numbers are passed on, and what is neither.

    Raises:
        ValueError: Not a size; neither is `true`, which Python takes for 1.
    """
    if not isinstance(value, str | bool):
        return value
    match = _QUANTITY.fullmatch(str(value))
    if match is None or match[2] not in _BYTES:
        msg = "must be a size: bytes, or a number with kB, MB, GB, KiB, MiB or GiB, e.g. 40MB"
        raise ValueError(msg)
    return int(float(match[1]) * _BYTES[match[2]])


def duration_text(seconds: float) -> str:
    """The shortest form that :func:`seconds_of` reads back as the same: `400d`, `15m`, `0.5s`."""
    for unit in ("d", "h", "m"):
        if seconds and seconds % _SECONDS[unit] == 0:
            return f"{seconds / _SECONDS[unit]:.0f}{unit}"
    return f"{int(seconds) if seconds == int(seconds) else seconds}s"


def size_text(size: int) -> str:
    """The shortest form that :func:`bytes_of` reads back as the same: `40MB`, `1500`."""
    for unit in ("GB", "MB", "kB"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return str(size)


def counted(count: int, what: str) -> str:
    """A count with its noun, which is given in the singular: `1 row`, `2,000 rows`."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"
