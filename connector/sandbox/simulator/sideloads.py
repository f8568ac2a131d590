"""``sideload``: the linked objects that lists and searches of annotations bring along, each kind once."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from connector.sandbox.simulator.emails import email_view
from connector.sandbox.simulator.model import API_USER, ORGANIZATION, Annotation, Json
from connector.sandbox.simulator.organizations import organization_view
from connector.sandbox.simulator.queues import queue_view
from connector.sandbox.simulator.schemas import schema_view
from connector.sandbox.simulator.users import user_view
from connector.sandbox.simulator.wire import Call, bad_field
from connector.sandbox.simulator.workspaces import workspace_view

_EMPTY = frozenset({
    "assignees", "automation_blockers", "labels", "notes", "pages", "related_emails", "suggested_edits",
    "workflow_runs",
})  # fmt: skip
_CLOCK_OF = {
    "confirmed_bys": "confirmed_at",
    "deleted_bys": "deleted_at",
    "exported_bys": "exported_at",
    "purged_bys": "purged_at",
    "rejected_bys": "rejected_at",
}


def sideloads(call: Call, rows: list[Annotation]) -> Json:
    """The arrays to add to an answer, by the name that was asked for; unknown names are passed over.

    Raises:
        ApiError: 400, ``content`` without the ``content.schema_id`` that it needs.
    """
    asked = [name for name in (call.parameter("sideload") or "").split(",") if name]
    return {name: _load(call, name, rows) for name in asked if name in _LOADS or name in _EMPTY}


def asks_for_content(call: Call) -> bool:
    """Whether the content comes along, which makes for smaller pages."""
    return "content" in (call.parameter("sideload") or "").split(",")


def _load(call: Call, name: str, rows: list[Annotation]) -> list[Any]:
    """The linked objects of one kind; kinds that the simulator has none of are empty."""
    return _LOADS[name](call, rows) if name in _LOADS else []


def _users(call: Call, numbers: Iterable[int | None]) -> list[Any]:
    return [user_view(call.world, number) for number in sorted({number for number in numbers if number})]


def _done_by(clock: str) -> Callable[[Call, list[Annotation]], list[Any]]:
    return lambda call, rows: _users(call, (row.modifier or API_USER for row in rows if getattr(row, clock)))


def _content(call: Call, rows: list[Annotation]) -> list[Any]:
    """A flat list of the datapoints of those schema ids."""
    wanted = frozenset((call.parameter("content.schema_id") or "").split(",")) - {""}
    if not wanted:
        raise bad_field("content.schema_id", "This parameter is required when sideloading content.")
    return [node for row in rows for node in _datapoints(call.world.views.content(row)) if node["schema_id"] in wanted]


def _datapoints(nodes: list[Json]) -> Iterator[Json]:
    for node in nodes:
        if node["category"] == "datapoint":
            yield node
        else:
            yield from _datapoints(node["children"])


def _documents(call: Call, rows: list[Annotation]) -> list[Any]:
    world = call.world
    return [world.views.document(world.state.documents[number]) for number in sorted({r.document_id for r in rows})]


def _emails(call: Call, rows: list[Annotation]) -> list[Any]:
    numbers = {call.world.state.documents[row.document_id].email for row in rows}
    return [email_view(call, number) for number in sorted(number for number in numbers if number is not None)]


def _queues(call: Call, rows: list[Annotation]) -> list[Any]:
    state = call.world.state
    return [queue_view(call.world, state.queues[number]) for number in sorted({row.queue_id for row in rows})]


def _schemas(call: Call, rows: list[Annotation]) -> list[Any]:
    state = call.world.state
    numbers = sorted({state.queues[row.queue_id].schema_id for row in rows})
    return [schema_view(call.world, state.schemas[number]) for number in numbers if number in state.schemas]


def _workspaces(call: Call, rows: list[Annotation]) -> list[Any]:
    state = call.world.state
    numbers = sorted({state.queues[row.queue_id].workspace_id for row in rows})
    return [workspace_view(call.world, state.workspaces[number]) for number in numbers]


def _organizations(call: Call, rows: list[Annotation]) -> list[Any]:
    return [organization_view(call.world) for _ in {ORGANIZATION for _ in rows}]


def _relations(call: Call, rows: list[Annotation]) -> list[Any]:
    numbers = sorted({number for row in rows for number in row.relations})
    return [call.world.views.relation(call.world.state.relations[number]) for number in numbers]


def _child_relations(call: Call, rows: list[Annotation]) -> list[Any]:
    parents = {row.id for row in rows}
    return [call.world.views.relation(row) for row in call.world.state.relations.values() if row.parent in parents]


_LOADS: dict[str, Callable[[Call, list[Annotation]], list[Any]]] = {
    "content": _content,
    "creators": lambda call, rows: _users(call, (API_USER for _ in rows)),
    "modifiers": lambda call, rows: _users(call, (row.modifier for row in rows)),
    "documents": _documents,
    "emails": _emails,
    "queues": _queues,
    "schemas": _schemas,
    "workspaces": _workspaces,
    "organizations": _organizations,
    "relations": _relations,
    "child_relations": _child_relations,
    **{name: _done_by(clock) for name, clock in _CLOCK_OF.items()},
}
