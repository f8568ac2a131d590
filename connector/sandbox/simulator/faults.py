"""Faults that a test orders for requests to come: the first one that matches is taken.

``status:NNN``, ``retry-after:S`` (429), ``drop-before``, ``garbage``: the request is not done.
``drop-after``, ``delay:S``, ``truncate``, ``drip:BYTES_PER_S``, ``content-type:TYPE``: it is done, but its
answer suffers.
"""

import re
from dataclasses import dataclass
from typing import Any

from connector.sandbox.simulator.counters import Counters

_WITH_VALUE = {"status": int, "retry-after": int, "delay": float, "drip": float, "content-type": str}
_WITHOUT_VALUE = frozenset({"drop-before", "drop-after", "garbage", "truncate"})


@dataclass(slots=True)
class Fault:
    """One order; ``action`` is its text, ``left`` counts down, None = until cleared."""

    method: str | None
    path: re.Pattern[str]
    action: str
    kind: str
    value: Any
    left: int | None

    def matches(self, method: str, path: str) -> bool:
        """Whether it is meant for this request; the expression may match anywhere in the path."""
        return self.method in {None, method} and self.path.search(path) is not None


class Faults:
    """The orders still open, oldest first.

    Attributes:
        met: How often each action became of a request: an order may stay open, a request break off before its answer.
    """

    def __init__(self) -> None:
        self._open: list[Fault] = []
        self.met = Counters()

    def order(self, body: dict[str, Any]) -> None:
        """Add one order as the control endpoint receives it.

        Raises:
            ValueError: an unknown action or an unusable value, with what is allowed.
        """
        action = str(body.get("action", ""))
        kind, value = _action(action)
        try:
            path = re.compile(str(body.get("path") or ""))
        except re.error as error:
            raise ValueError(f"path is no regular expression: {error}") from error
        method = body.get("method")
        times = body.get("times") or None
        if times is not None and (not isinstance(times, int) or times < 0):
            raise ValueError(f"times must be a whole number, 0 = until cleared, not {times!r}")
        method = None if method in {None, "", "*"} else str(method).upper()
        self._open.append(Fault(method, path, action, kind, value, times))

    def clear(self) -> None:
        """Forget every order."""
        self._open.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this request, used up by one; ``path`` is what follows ``/api/v1``."""
        if not self._open:
            return None
        fault = next((fault for fault in self._open if fault.matches(method, path)), None)
        if fault is not None and fault.left is not None:
            fault.left -= 1
            if fault.left <= 0:
                self._open.remove(fault)
        return fault


def _action(text: str) -> tuple[str, Any]:
    kind, _, value = text.partition(":")
    if kind in _WITHOUT_VALUE and not value:
        return kind, None
    if kind in _WITH_VALUE and value:
        return kind, _WITH_VALUE[kind](value)
    allowed = ", ".join([*sorted(_WITHOUT_VALUE), *(f"{name}:VALUE" for name in _WITH_VALUE)])
    raise ValueError(f"no fault called {text!r}; there are {allowed}")
