"""Finds the annotations of a list or export query: filters, order, and the rows of one page.

A query over one clock, ordered by it, is answered from the sorted indexes without touching other rows; the
result of any other query is kept until something changes, so that walking its pages costs one search.
"""

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from operator import attrgetter
from typing import Any

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.filters import DONE_BY, Bounds, Filters, numbers, read_filters
from connector.sandbox.simulator.indexes import Slice
from connector.sandbox.simulator.model import API_USER, CLOCKS, USERNAMES, Annotation
from connector.sandbox.simulator.state import State

_KEPT_RESULTS = 8
# These choose a page or its looks, not the rows.
_LOOKS = frozenset(
    {"page", "page_size", "fields", "fields!", "sideload", "content.schema_id", "include_total", "format"}
)
_ATTRIBUTES = {
    "document": "document_id",
    "document__arrived_at": "arrived_at",
    "queue": "queue_id",
    "status": "status",
    "created_at": "created_at",
    "modifier": "modifier",
    **{clock: clock for clock in CLOCKS},
}
_RARE = frozenset({"search", "queue__workspace"})
Rows = list[Annotation]
Slots = tuple[int, int]


class Listings:
    """Answers annotation queries."""

    def __init__(self, state: State, behaviour: Behaviour) -> None:
        self._state = state
        self._behaviour = behaviour
        self._kept: OrderedDict[tuple[tuple[str, str], ...], tuple[int, Rows]] = OrderedDict()

    def forget(self) -> None:
        """Search afresh from now on: the rules have changed, not the rows."""
        self._kept.clear()

    def find(self, query: Mapping[str, str], slots: Slots | None) -> tuple[Rows, int]:
        """The rows ``slots[0]`` to ``slots[1]`` of a query (None = all), and how many it has in all.

        Raises:
            FilterError: a filter value that cannot be used.
        """
        filters = read_filters(query, self._behaviour)
        order = [part for part in query.get("ordering", "").split(",") if part.lstrip("-") in _ORDERED]
        start, stop = slots or (0, None)
        if self._is_walk(filters, order, query):
            return self._walk(filters, order[0], start, stop)
        rows = self._result(query, filters, order)
        return rows[start:stop], len(rows)

    def _is_walk(self, filters: Filters, order: list[str], query: Mapping[str, str]) -> bool:
        """Whether the sorted index of one clock is the answer."""
        plain = filters.ids is None and filters.documents is None and not filters.tests
        special = any(name.startswith("relations__") or name in _RARE for name in query if query[name])
        one_clock = len(filters.windows) == 1 and order[:1] == list(filters.windows)
        return plain and not special and one_clock and order[1:] in ([], ["document"]) and self._is_current()

    def _is_current(self) -> bool:
        return self._behaviour.list_lag <= 0

    def _walk(self, filters: Filters, clock: str, start: int, stop: int | None) -> tuple[Rows, int]:
        slices = self._slices(clock, filters.windows[clock], filters)
        total = sum(piece.stop - piece.start for piece in slices)
        if len(slices) == 1:
            bucket, first, last = slices[0]
            end = last if stop is None else min(last, first + stop)
            return bucket[first + start : end], total
        merged = heapq.merge(*map(_rows_of, slices), key=self._state.indexes.key(clock))
        return list(islice(merged, start, stop)), total

    def _slices(self, clock: str, bounds: Bounds, filters: Filters) -> list[Slice]:
        self._state.indexes.ensure(clock, self._state.annotations.values())
        queues, statuses = filters.queues, filters.statuses

        def wanted(queue: int, status: str) -> bool:
            return (queues is None or queue in queues) and (statuses is None or status in statuses)

        return self._state.indexes.slices(clock, bounds, wanted)

    def _result(self, query: Mapping[str, str], filters: Filters, order: list[str]) -> Rows:
        """All rows in their order; kept until the next change."""
        if not self._is_current():
            return self._search(query, filters, order)
        key = tuple(sorted((name, value) for name, value in query.items() if value and name not in _LOOKS))
        version, rows = self._kept.get(key, (-1, []))
        if version != self._state.version:
            rows = self._search(query, filters, order)
            self._kept[key] = (self._state.version, rows)
        self._kept.move_to_end(key)
        while len(self._kept) > _KEPT_RESULTS:
            self._kept.popitem(last=False)
        return rows

    def _search(self, query: Mapping[str, str], filters: Filters, order: list[str]) -> Rows:
        rows = self._shown(self._candidates(filters))
        for test in [*_tests_of(filters), *self._rare(query)]:
            rows = [row for row in rows if test(row)]
        if not order and self._behaviour.default_order == "-id":
            rows.reverse()
        for part in reversed(order):
            rows.sort(key=self._key(part.lstrip("-")), reverse=part.startswith("-"))
        return rows

    def _candidates(self, filters: Filters) -> Iterable[Annotation]:
        """A superset of the rows, in order of id, as small as is cheap to have."""
        known = self._state.annotations
        if filters.ids is not None:
            return (known[number] for number in sorted(set(filters.ids)) if number in known)
        if filters.documents is not None:
            found = (self._state.documents.get(number) for number in sorted(filters.documents))
            return (known[number] for document in found if document for number in document.annotations)
        if filters.windows and self._is_current():
            clock, bounds = next(iter(filters.windows.items()))
            slices = self._slices(clock, bounds, filters)
            return sorted((row for piece in slices for row in _rows_of(piece)), key=attrgetter("id"))
        return known.values()

    def _shown(self, rows: Iterable[Annotation]) -> Rows:
        """The rows as lists show them now."""
        if self._is_current():
            return list(rows)
        return [shown for row in rows if (shown := self._state.lagged(row)) is not None]

    def _rare(self, query: Mapping[str, str]) -> list[Callable[[Annotation], bool]]:
        """Filters that need other objects: relations, and the search in file names."""
        tests: list[Callable[[Annotation], bool]] = []
        asked = {name: query.get(f"relations__{name}") for name in ("type", "key", "parent")}
        if any(asked.values()):
            related = {
                number
                for relation in self._state.relations.values()
                if all(value in {None, "", str(getattr(relation, name))} for name, value in asked.items())
                for number in relation.annotations
            }
            tests.append(lambda row: row.id in related)
        if (workspaces := numbers(query, "queue__workspace")) is not None:
            queues = self._state.queues
            tests.append(lambda row: queues[row.queue_id].workspace_id in workspaces)
        if text := query.get("search", "").lower():
            documents = self._state.documents
            tests.append(lambda row: text in documents[row.document_id].file_name.lower())
        return tests

    def _key(self, name: str) -> Callable[[Annotation], Any]:
        """The order by one attribute; rows without a value come first."""
        if name == "document__original_file_name":
            documents = self._state.documents
            return lambda row: documents[row.document_id].file_name
        read = attrgetter(_ATTRIBUTES[name]) if name in _ATTRIBUTES else _person(name)
        return lambda row: (value is not None, value) if (value := read(row)) is not None else (False, 0)


def _person(name: str) -> Callable[[Annotation], int | str | None]:
    """Who did something to an annotation, by id or, with ``__username``, by name."""
    who, _, by_name = name.partition("__")

    def read(row: Annotation) -> int | str | None:
        user = row.modifier
        if who == "creator":
            user = API_USER
        elif who in DONE_BY:
            user = (row.modifier or API_USER) if getattr(row, DONE_BY[who]) is not None else None
        return USERNAMES.get(user, "") if by_name and user is not None else user

    return read


_PEOPLE = ("creator", "modifier", "modified_by", *DONE_BY)
_ORDERED = frozenset({
    *_ATTRIBUTES, *_PEOPLE, *(f"{who}__username" for who in _PEOPLE), "document__original_file_name",
})  # fmt: skip


def _rows_of(piece: Slice) -> Iterable[Annotation]:
    return map(piece.bucket.__getitem__, range(piece.start, piece.stop))


def _tests_of(filters: Filters) -> list[Callable[[Annotation], bool]]:
    """The plain filters, each as a function of one row."""
    tests: list[Callable[[Annotation], bool]] = []
    queues, statuses, documents = filters.queues, filters.statuses, filters.documents
    if queues is not None:
        tests.append(lambda row: row.queue_id in queues)
    if statuses is not None:
        tests.append(lambda row: row.status in statuses)
    if documents is not None:
        tests.append(lambda row: row.document_id in documents)
    tests += [_within(clock, bounds) for clock, bounds in filters.windows.items()]
    return [*tests, *filters.tests]


def _within(clock: str, bounds: Bounds) -> Callable[[Annotation], bool]:
    read = attrgetter(clock)
    start, stop = bounds
    return lambda row: (value := read(row)) is not None and start <= value < stop
