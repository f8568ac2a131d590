"""Reads the filters of list and export queries; an unusable value is a 400 that names its field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.clock import MICROS, parse_instant
from connector.sandbox.simulator.model import CLOCKS, STATUSES, Annotation

EARLIEST, LATEST = -(2**62), 2**62
Bounds = tuple[int, int]
Test = Callable[[Annotation], bool]


class FilterError(Exception):
    """A filter whose value cannot be used."""

    status = HTTPStatus.BAD_REQUEST

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.body = {name: [message]}


@dataclass(slots=True)
class Filters:
    """What the rows of a query have in common; None = anything. Windows are half open, in microseconds."""

    ids: list[int] | None = None
    queues: frozenset[int] | None = None
    statuses: frozenset[str] | None = None
    documents: frozenset[int] | None = None
    windows: dict[str, Bounds] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)


def numbers(query: Mapping[str, str], name: str) -> list[int] | None:
    """A comma list of ids, or None when it is not given."""
    text = query.get(name)
    if not text:
        return None
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise FilterError(name, "Enter a whole number.") from error


def window(query: Mapping[str, str], clock: str, behaviour: Behaviour) -> Bounds | None:
    """The instants between ``<clock>_after`` and ``<clock>_before``, or None without either."""
    after = _bound(query, f"{clock}_after", behaviour)
    before = _bound(query, f"{clock}_before", behaviour)
    if after is None and before is None:
        return None
    inclusive = 1 if behaviour.bounds_inclusive else 0
    start = EARLIEST if after is None else after + 1 - inclusive
    return start, LATEST if before is None else before + inclusive


def _bound(query: Mapping[str, str], name: str, behaviour: Behaviour) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        instant = parse_instant(text)
    except ValueError as error:
        raise FilterError(name, "Enter a valid date/time.") from error
    return instant // MICROS * MICROS if behaviour.filter_seconds else instant


def read_filters(query: Mapping[str, str], behaviour: Behaviour) -> Filters:
    """The annotation filters of a query; parameters that are none are ignored.

    Raises:
        FilterError: a value that cannot be used.
    """
    filters = Filters(ids=numbers(query, "id"), queues=_set(query, "queue"), documents=_set(query, "document"))
    if statuses := query.get("status"):
        filters.statuses = frozenset(statuses.split(","))
        if unknown := sorted(filters.statuses - set(STATUSES)):
            raise FilterError("status", f"Select a valid choice. {unknown[0]} is not one of the available choices.")
    for clock in CLOCKS:
        if (bounds := window(query, clock, behaviour)) is not None:
            filters.windows[clock] = bounds
    filters.tests = _tests(query)
    return filters


def _set(query: Mapping[str, str], name: str) -> frozenset[int] | None:
    found = numbers(query, name)
    return None if found is None else frozenset(found)


def _tests(query: Mapping[str, str]) -> list[Test]:
    """The filters that few use, each as a function of one row."""
    tests: list[Test] = []
    if any(query.get(name, "").lower() == "true" for name in _NEVER_TRUE):
        tests.append(_none)
    if query.get("labels") or query.get("assignees"):
        tests.append(_none)
    modifiers = _set(query, "modifier")
    if modifiers is not None:
        tests.append(lambda row: row.modifier in modifiers)
    tests += [_done_by(clock, users) for by, clock in DONE_BY.items() if (users := _set(query, by)) is not None]
    return tests


_NEVER_TRUE = (
    "automated", "restricted_access", "has_email_thread_with_replies", "has_email_thread_with_new_replies",
)  # fmt: skip
DONE_BY = {
    "confirmed_by": "confirmed_at",
    "deleted_by": "deleted_at",
    "exported_by": "exported_at",
    "purged_by": "purged_at",
    "rejected_by": "rejected_at",
}


def _none(_: Annotation) -> bool:
    """No simulated annotation has what is asked for."""
    return False


def _done_by(clock: str, users: frozenset[int]) -> Test:
    return lambda row: getattr(row, clock) is not None and (row.modifier or 1) in users
