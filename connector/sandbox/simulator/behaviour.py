"""The unknown and nasty habits of the real thing, as switches that can be thrown while it runs."""

from dataclasses import dataclass, field, fields
from typing import Any


def _one_of(first: str, *others: str) -> str:
    """A switch with several positions, which starts in the first."""
    positions: str = field(default=first, metadata={"positions": (first, *others)})
    return positions


@dataclass(slots=True)
class Behaviour:
    """Current position of every switch; durations are seconds."""

    list_lag: float = 0.0
    """Lists, search and export show the state of that long ago; a read by id is current."""
    null_clocks: bool = False
    """Status clocks are shown as null, although filters still find them."""
    clock_delay: float = 0.0
    """A status clock (with its true value) appears that long after the status."""
    tied_clocks: int = 0
    """That many status changes in a row share one clock value; 0 and 1 = each has its own."""
    filter_seconds: bool = False
    """Bounds of filters lose their fraction of a second before they are compared."""
    bounds_inclusive: bool = False
    """Whether ``_after`` and ``_before`` include the very instant."""
    default_order: str = _one_of("id", "-id")
    """In which order annotations come that nobody asked an order for."""
    refuse_large_pages: bool = False
    """Whether a ``page_size`` above the most is a 400 instead of the most."""
    totals_on_request: bool = False
    """Whether ``total`` and ``total_pages`` are null unless ``include_total=true`` asks for them."""
    cursor_lists: bool = False
    """Whether ``/engine_fields`` is paged by a cursor, named at the top level of the answer."""
    limit_scope: str = _one_of("organization", "token")
    """Whose requests are limited together."""
    refusal_body: str = _one_of("json", "text", "empty")
    """What a 401 or 429 carries."""
    task_delay: float = 0.2
    """How long the task of an upload runs."""
    task_content_early: bool = False
    """Whether a task that still runs names its upload already."""
    task_code: str = "upload_failed"
    """The ``code`` of a task that failed; empty = it has none."""
    annotations_reversed: bool = False
    """Whether an upload lists its annotations in the other order than its documents."""
    closed_queue_status: int = 400
    """The status that refuses an upload to a queue whose deletion was asked for."""
    failing_file: str = ""
    """An upload with this in the name of a file is a 500 once all of it has come, nothing is kept; empty = none is."""
    conflict_names: bool = False
    """Whether the refusal of an identical document names the documents and annotations that are there."""
    rename_files: bool = False
    """Spaces, brackets and other unusual characters of file names become underscores."""
    overwrite_metadata: bool = False
    """At the end of an import another extension replaces the annotation's metadata."""
    merge_metadata: bool = False
    """Whether a PATCH of an annotation's metadata keeps the keys that it does not name."""
    inherit_metadata: bool = False
    """Whether the children of a split have the metadata of their parent."""
    strict_status: bool = False
    """Whether a PATCH of an annotation's status is a 409 unless Rossum documents that way."""
    export_format: str = _one_of("json", "csv", "xml", "xlsx")
    """What an export is that asks for no format."""
    xml_page: int = 0
    """Annotations in an XML export that names no page; 0 = all."""
    csv_layout: str = _one_of("line_items", "documents")
    """Whether CSV and XLSX have a row for each line item, or one for each annotation with its first."""
    lean_export: bool = False
    """Whether the JSON export is without ``automated``, ``modified_at`` and ``assigned_at``."""
    bare_post_moves: str = _one_of("nothing", "exporting", "exported")
    """Where a POST export without ``to_status`` moves what it exports."""
    hook_pause: float = 1.0
    """How long a webhook waits for its second attempt; each further pause is twice as long."""
    hook_new_request_ids: bool = False
    """Whether each attempt of a webhook has a ``request_id`` of its own."""
    hook_extra_headers: bool = False
    """Whether webhooks carry a ``User-Agent`` of Rossum's and the id of the delivery in a header."""
    hook_json_only: bool = False
    """Whether a content hook that answers 2xx with something else than JSON has failed."""
    hook_secret_hidden: bool = False
    """Whether hooks are shown without the secret that their calls are signed with."""
    admin_user: bool = False
    """Whether the first user has the role of an admin, for whom ``start_embedded`` is not."""
    untyped_exports: bool = False
    """Whether datapoints of JSON exports tell no type."""
    new_things: bool = False
    """Whether it is a later Rossum: statuses, fields, types, categories and hook events that nobody knows yet."""
    interface_event: bool = False
    """Whether a hook may want ``invocation.interface``, which only the vendor's client knows."""
    viewer_user: bool = False
    """Whether the first user has the role of a viewer, who may change nothing."""

    def update(self, changes: dict[str, Any]) -> None:
        """Throw the named switches and leave the others.

        Raises:
            ValueError: an unknown switch or a value of another kind; nothing was changed.
        """
        known = {switch.name: switch for switch in fields(self)}
        kinds = {name: type(getattr(self, name)) for name in known}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no switch called {name!r}; there are {', '.join(sorted(known))}")
            positions = known[name].metadata.get("positions")
            if positions is not None and value not in positions:
                raise ValueError(f"{name} must be one of {', '.join(positions)}, not {value!r}")
            _check(name, value, kinds[name])
        for name, value in changes.items():
            setattr(self, name, kinds[name](value))


def _check(name: str, value: Any, kind: type) -> None:
    """Refuse a value that the switch cannot take."""
    if kind in (bool, str):
        if not isinstance(value, kind):
            raise ValueError(f"{name} must be {'true or false' if kind is bool else 'a text'}, not {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{name} must be a number of 0 or more, not {value!r}")


@dataclass(slots=True)
class HookTrouble:
    """What happens to webhooks on their way; the first three are probabilities, the last is seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0

    def update(self, changes: dict[str, Any]) -> None:
        """Set the named troubles and leave the others.

        Raises:
            ValueError: an unknown name, or a value out of range; nothing was changed.
        """
        for name, value in changes.items():
            if name not in {"loss", "duplicate", "reorder", "delay"}:
                raise ValueError(f"no hook trouble called {name!r}; there are loss, duplicate, reorder, delay")
            _check(name, value, float)
            if name != "delay" and value > 1:
                raise ValueError(f"{name} is a probability between 0 and 1, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, float(value))
