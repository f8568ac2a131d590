"""``POST /annotations/search``: a subset of the query language, walked by a cursor in ``pagination.next``."""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

import orjson
from aiohttp import web

from connector.sandbox.simulator.annotations import chosen_fields, find_annotations
from connector.sandbox.simulator.clock import parse_instant
from connector.sandbox.simulator.model import CLOCKS, Annotation, Json
from connector.sandbox.simulator.paging import LARGEST_PAGE, Place, invalid_page, place_of
from connector.sandbox.simulator.sideloads import asks_for_content, sideloads
from connector.sandbox.simulator.wire import ApiError, Call, Routes, bad_field, id_of, respond

LARGEST = 500  # rows of one page, unless content comes along
_ATTRIBUTES = {
    "id": "id",
    "queue": "queue_id",
    "document": "document_id",
    "status": "status",
    "created_at": "created_at",
}
_ATTRIBUTES |= {clock: clock for clock in CLOCKS}
_ALL = Place(1, 2**40)
Test = Callable[[Any], bool]


async def search(call: Call) -> web.Response:
    """One page of the annotations that meet every condition of ``query.$and``."""
    body = await call.json()
    page = place_of(call, LARGEST_PAGE if asks_for_content(call) else LARGEST)
    start, mark = _cursor(call, body)
    ordering = call.parameter("ordering") or ""
    query = {"ordering": ordering, "search": str((body.get("query_string") or {}).get("string") or "")}
    rows, _ = find_annotations(call, query, _ALL)
    for test in _conditions((body.get("query") or {}).get("$and") or []):
        rows = [row for row in rows if test(row)]
    if "id" in ordering.split(",") or "-id" in ordering.split(","):
        rows = sorted(rows, key=attrgetter("id"), reverse="-id" in ordering)
    if start is None:
        start = page.start
        if page.number > page.pages(len(rows)):
            raise invalid_page()
    stop = start + page.size
    following = _next(call, f"{stop}.{mark}") if stop < len(rows) else None
    block = {"total": len(rows), "total_pages": page.pages(len(rows)), "next": following, "previous": None}
    shape, view, found = chosen_fields(call), call.world.views.annotation, rows[start:stop]
    return respond({"pagination": block, "results": [shape(view(row)) for row in found], **sideloads(call, found)})


def _next(call: Call, cursor: str) -> str:
    query = [(name, value) for name, value in call.request.query.items() if name not in {"search_after", "page"}]
    address = f"{call.world.views.base}/annotations/search"
    return f"{address}?{urlencode([*query, ('search_after', cursor)])}"


def _cursor(call: Call, body: Json) -> tuple[int | None, str]:
    """Where the page starts, and the mark of this search: another body or ordering must not go on with it.

    None without a cursor: then ``page`` tells, as the vendor's client sends it.
    """
    told = orjson.dumps([body, call.parameter("ordering")], option=orjson.OPT_SORT_KEYS)
    mark = hashlib.sha256(told).hexdigest()[:12]
    cursor = call.parameter("search_after")
    if cursor is None:
        return None, mark
    start, _, known = cursor.partition(".")
    if not start.isdecimal():
        raise ApiError(HTTPStatus.GONE, {"detail": "The cursor is no longer valid."})
    if known != mark:
        raise ApiError(HTTPStatus.BAD_REQUEST, {"detail": "Query and ordering must not change between pages."})
    return int(start), mark


def _conditions(clauses: list[Json]) -> list[Callable[[Annotation], bool]]:
    """The tests of ``{"field": {"$eq": value}}`` and the like."""
    tests = []
    for clause in clauses:
        for name, conditions in clause.items():
            if name not in _ATTRIBUTES or not isinstance(conditions, dict):
                raise bad_field("query", f"The simulator cannot search by {name}.")
            tests += [_condition(name, operator, wanted) for operator, wanted in conditions.items()]
    return tests


def _condition(name: str, operator: str, wanted: Any) -> Callable[[Annotation], bool]:
    value: Any = [_plain(name, each) for each in wanted] if isinstance(wanted, list) else _plain(name, wanted)
    tests: dict[str, Test] = {
        "$eq": lambda found: found == value,
        "$in": lambda found: found in value,
        "$gt": lambda found: found is not None and found > value,
        "$gte": lambda found: found is not None and found >= value,
        "$lt": lambda found: found is not None and found < value,
        "$lte": lambda found: found is not None and found <= value,
        "$after": lambda found: found is not None and found > value,
        "$before": lambda found: found is not None and found < value,
        "$emptyOrMissing": lambda found: (found is None) == bool(value),
    }
    if operator not in tests:
        raise bad_field("query", f"The simulator does not know {operator}.")
    read, test = attrgetter(_ATTRIBUTES[name]), tests[operator]
    return lambda row: test(read(row))


def _plain(name: str, value: Any) -> Any:
    """The value as rows hold it: ids out of URLs, instants as microseconds."""
    if isinstance(value, bool) or value is None or name == "status":
        return value
    if name in {"id", "queue", "document"}:
        return id_of(value)
    try:
        return parse_instant(str(value))
    except ValueError as error:
        raise bad_field("query", f"{name}: Enter a valid date/time.") from error


ROUTES: Routes = {"POST /annotations/search": search}
