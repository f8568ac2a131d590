"""``/documents``: files by name and time, their bytes, and documents without an annotation."""

from collections.abc import Callable, Iterable
from http import HTTPStatus

from aiohttp import web

from connector.sandbox.simulator.filters import FilterError, numbers, window
from connector.sandbox.simulator.imports import keep_file
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import API_USER, Document
from connector.sandbox.simulator.paging import pagination, place_of
from connector.sandbox.simulator.receiving import receive
from connector.sandbox.simulator.wire import (
    ApiError,
    Call,
    Routes,
    id_of,
    no_content,
    not_found,
    raw,
    referenced,
    respond,
)

Test = Callable[[Document], bool]


async def list_documents(call: Call) -> web.Response:
    """One page of documents, by id unless ``ordering`` says otherwise."""
    place = place_of(call)
    try:
        rows = _find(call)
    except FilterError as error:
        raise ApiError(error.status, error.body) from error
    for part in reversed((call.parameter("ordering") or "").split(",")):
        if (name := _ORDERS.get(part.lstrip("-"))) is not None:
            rows.sort(key=name, reverse=part.startswith("-"))
    block = pagination(call, place, len(rows))
    shown = rows[place.start : place.start + place.size]
    return respond({"pagination": block, "results": [call.world.views.document(row) for row in shown]})


_ORDERS: dict[str, Callable[[Document], int | str]] = {
    "id": lambda row: row.id,
    "created_at": lambda row: row.created_at,
    "arrived_at": lambda row: row.created_at,
    "original_file_name": lambda row: row.file_name,
}


def _find(call: Call) -> list[Document]:
    """The documents of the query, as lists show them now."""
    tests = _tests(call)
    lag = call.world.behaviour.list_lag
    latest = call.world.clock.monotonic() - lag
    found = [row for row in _candidates(call) if not row.internal and (lag <= 0 or row.born <= latest)]
    for test in tests:
        found = [row for row in found if test(row)]
    return found


def _candidates(call: Call) -> Iterable[Document]:
    state = call.world.state
    name = call.parameter("original_file_name")
    if name is not None:
        return state.documents_by_name.get(name, [])
    ids = numbers(call.request.query, "id")
    if ids is not None:
        return [state.documents[number] for number in sorted(set(ids)) if number in state.documents]
    return state.documents.values()


def _tests(call: Call) -> list[Test]:
    query = call.request.query
    tests = [
        _within(*bounds)
        for name in ("created_at", "arrived_at")
        if (bounds := window(query, name, call.world.behaviour)) is not None
    ]
    tests += [
        _among(read, frozenset(wanted))
        for name, read in _ID_FILTERS.items()
        if (wanted := numbers(query, name)) is not None
    ]
    if (status := call.parameter("attachment_status")) is not None:
        tests.append(lambda row: row.attachment_status in status.split(","))
    return tests


_ID_FILTERS: dict[str, Callable[[Document], int | None]] = {
    "id": lambda row: row.id,
    "parent": lambda row: row.parent,
    "creator": lambda _: API_USER,
    "email": lambda row: row.email,
}


def _within(start: int, stop: int) -> Test:
    return lambda row: start <= row.created_at < stop


def _among(read: Callable[[Document], int | None], wanted: frozenset[int]) -> Test:
    return lambda row: read(row) in wanted


async def get_document(call: Call) -> web.Response:
    """One document."""
    return respond(call.world.views.document(call.document()))


async def get_content(call: Call) -> web.Response:
    """The bytes as they were sent; 404 once they are purged, or older than what the simulator keeps."""
    document = call.document()
    content = None if document.purged else call.world.contents.get(document.id)
    if content is None:
        raise not_found()
    return raw(content, document.mime_type)


async def create_document(call: Call) -> web.Response:
    """A document without an annotation."""
    received = await receive(call)
    try:
        document = keep_file(call.world, received.files[0])
    finally:
        received.discard()
    document.metadata = received.metadata
    document.parent = id_of(received.parent)
    return respond(call.world.views.document(document), HTTPStatus.CREATED)


async def patch_document(call: Call) -> web.Response:
    """Replace the metadata."""
    document = call.document()
    body = await call.json()
    if "metadata" in body:
        document.metadata = checked_metadata(body["metadata"])
    return respond(call.world.views.document(document))


async def delete_document(call: Call) -> web.Response:
    """Remove it; a conflict while it has annotations."""
    document = call.document()
    if document.annotations:
        raise referenced("Document has annotations.")
    call.world.state.forget_document(document)
    return no_content()


ROUTES: Routes = {
    "GET /documents": list_documents,
    "POST /documents": create_document,
    "GET /documents/{id}": get_document,
    "PATCH /documents/{id}": patch_document,
    "DELETE /documents/{id}": delete_document,
    "GET /documents/{id}/content": get_content,
}
