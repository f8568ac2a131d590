"""Pages of lists: numbers, totals and the addresses of the neighbours."""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from connector.sandbox.simulator.model import Json
from connector.sandbox.simulator.wire import ApiError, Call, bad_field

DEFAULT_PAGE = 20
LARGEST_PAGE = 100


@dataclass(frozen=True, slots=True)
class Place:
    """Which page is asked for; ``size`` rows each, ``number`` from 1."""

    number: int
    size: int

    @property
    def start(self) -> int:
        """The first row of the page, from 0."""
        return (self.number - 1) * self.size

    def pages(self, total: int) -> int:
        """How many pages there are; an empty list has one."""
        return max(1, -(-total // self.size))


def place_of(call: Call, largest: int = LARGEST_PAGE) -> Place:
    """The page that the query asks for; a size that is too large is clamped, an unusable one ignored.

    Raises:
        ApiError: 404, the page is not a number from 1; 400, the size is too large and ``refuse_large_pages`` is on.
    """
    size = call.parameter("page_size") or ""
    number = call.parameter("page") or "1"
    if not number.isdecimal() or int(number) < 1:
        raise invalid_page()
    wanted = int(size) if size.isdecimal() and int(size) > 0 else DEFAULT_PAGE
    if wanted > largest and call.world.behaviour.refuse_large_pages:
        raise bad_field("page_size", f"Ensure this value is less than or equal to {largest}.")
    return Place(int(number), min(wanted, largest))


def invalid_page() -> ApiError:
    """The page does not exist."""
    return ApiError(HTTPStatus.NOT_FOUND, {"detail": "Invalid page."})


def pagination(call: Call, place: Place, total: int) -> Json:
    """The ``pagination`` block.

    Raises:
        ApiError: 404, the page is beyond the last.
    """
    pages = place.pages(total)
    if place.number > pages:
        raise invalid_page()
    asked = (call.parameter("include_total") or "").lower() == "true"
    told = asked or not call.world.behaviour.totals_on_request
    return {
        "total": total if told else None,
        "total_pages": pages if told else None,
        "next": _address(call, place.number + 1) if place.number < pages else None,
        "previous": _address(call, place.number - 1) if place.number > 1 else None,
    }


def _address(call: Call, number: int) -> str:
    query = [(name, value) for name, value in call.request.query.items() if name != "page"]
    path = call.request.path.partition("/api/v1")[2]
    return f"{call.world.views.base}{path}?{urlencode([*query, ('page', number)])}"


def page_of(call: Call, rows: list[Json]) -> Json:
    """A whole list answer out of rows that are rendered already; ``ordering`` may name any plain field of theirs."""
    for part in reversed((call.parameter("ordering") or "").split(",")):
        name = part.lstrip("-")
        if any(isinstance(row.get(name), str | int) for row in rows):
            rows = sorted(rows, key=_by(name), reverse=part.startswith("-"))
    place = place_of(call)
    block = pagination(call, place, len(rows))
    return {"pagination": block, "results": rows[place.start : place.start + place.size]}


def _by(name: str) -> Callable[[Json], tuple[bool, int, str]]:
    """The order by one field; nothing comes first, numbers before texts."""

    def key(row: Json) -> tuple[bool, int, str]:
        value = row.get(name)
        number = value if isinstance(value, int) else 0
        return value is not None, number, "" if isinstance(value, int) else str(value)

    return key
