"""What we ask of Rossum, as values: path, query and lane of each call. Nothing here touches the network.

Objects are addressed by id below our own base URL, never by a URL out of an answer: the token stays there.
Paths and parameters are those of Rossum's API reference (https://elis.rossum.ai/api/docs/).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from connector.domain.ids import AnnotationId, DocumentId, QueueId, format_clock
from connector.domain.readings import CLOCKS, Listing
from connector.errors import Retryable
from connector.ports import Lane
from connector.rossum.fields import id_of

#: The largest page that Rossum gives, and so the most ids that one call can ask about.
LARGEST_PAGE = 100

_ROW_FIELDS = ("id", "url", "status", "queue", "document", "created_at", *CLOCKS)
_READING_FIELDS = (
    *_ROW_FIELDS, "schema", "metadata", "automated", "modified_at", "modifier", "relations", "messages",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Call:
    """One call of the API.

    Attributes:
        endpoint: The path as a template, e.g. `/annotations/{id}`: the bounded name for metrics and errors.
        path: Below the base URL, with a leading slash.
        body: JSON to send along; never shown.
    """

    lane: Lane
    endpoint: str
    path: str
    params: tuple[tuple[str, str], ...] = ()
    method: str = "GET"
    body: bytes = field(default=b"", repr=False)

    @property
    def name(self) -> str:
        """Method and template."""
        return f"{self.method} {self.endpoint}"


def annotations_by_id(ids: Iterable[int], lane: Lane) -> Call:
    """Status, clocks and metadata of up to 100 annotations of any queue."""
    params = (("id", _csv(ids)), ("page_size", str(LARGEST_PAGE)), ("fields", ",".join(_READING_FIELDS)))
    return Call(lane, "/annotations", "/annotations", params)


def exports_by_id(queue: QueueId, ids: Iterable[int]) -> Call:
    """Captured data of up to 100 annotations of one queue; a GET never changes their status."""
    params = (("format", "json"), ("id", _csv(ids)), ("page_size", str(LARGEST_PAGE)))
    return Call(Lane.CAPTURED, "/queues/{id}/export", f"/queues/{queue}/export", params)


def export_file(queue: QueueId, ids: Iterable[int], params: tuple[tuple[str, str], ...]) -> Call:
    """The captured data of some annotations of one queue as a file; `params` say in which form."""
    return Call(Lane.CAPTURED, "/queues/{id}/export", f"/queues/{queue}/export", (("id", _csv(ids)), *params))


def moved_by_export(queue: QueueId, ids: Iterable[int], statuses: Iterable[str], to_status: str) -> Call:
    """Move those of up to 100 annotations that are in one of `statuses` to `exporting` or `exported`."""
    params = (
        ("format", "json"),
        ("id", _csv(ids)),
        ("status", ",".join(statuses)),
        ("to_status", to_status),
        ("page_size", str(LARGEST_PAGE)),
    )
    return Call(Lane.CAPTURED, "/queues/{id}/export", f"/queues/{queue}/export", params, "POST")


def document(number: DocumentId) -> Call:
    """One document."""
    return Call(Lane.READS, "/documents/{id}", f"/documents/{number}")


def documents_by_id(ids: Iterable[int]) -> Call:
    """Up to 100 documents."""
    params = (("id", _csv(ids)), ("page_size", str(LARGEST_PAGE)))
    return Call(Lane.READS, "/documents", "/documents", params)


def documents_created(file_name: str | None, after: datetime, before: datetime, *, page: int) -> Call:
    """One page of the documents created in a window, of one original file name if given."""
    named = () if file_name is None else (("original_file_name", file_name),)
    window = (("created_at_after", format_clock(after)), ("created_at_before", format_clock(before)))
    return _document_page((*named, *window), page)


def documents_named(file_name: str) -> Call:
    """One page of the documents of an original file name, the newest first where Rossum heeds the ordering."""
    params = (("original_file_name", file_name), ("ordering", "-id"), *_page(1))
    return Call(Lane.READS, "/documents", "/documents", params)


def changed_annotation(number: AnnotationId, body: bytes) -> Call:
    """Fields of an annotation to be changed."""
    return Call(Lane.READS, "/annotations/{id}", f"/annotations/{number}", (), "PATCH", body)


def documents_below(parent: int, page: int) -> Call:
    """One page of the documents whose parent is that document."""
    return _document_page((("parent", str(parent)),), page)


def _document_page(filters: tuple[tuple[str, str], ...], page: int) -> Call:
    params = (*filters, ("ordering", "id"), *_page(page))
    return Call(Lane.READS, "/documents", "/documents", params)


def listing_page(listing: Listing, lane: Lane = Lane.SWEEPS) -> Call:
    """One page of a sweep; arrivals have no ordering of their own, so they come by document."""
    clock = listing.clock
    params = (
        ("queue", _csv(listing.queues)),
        (f"{clock}_after", listing.after),
        (f"{clock}_before", listing.before),
        ("ordering", "document" if clock == "arrived_at" else f"{clock},document"),
        ("fields", ",".join(_ROW_FIELDS)),
        *_page(listing.page),
    )
    return Call(lane, "/annotations", "/annotations", params)


def annotation(number: AnnotationId) -> Call:
    """One annotation."""
    return Call(Lane.READS, "/annotations/{id}", f"/annotations/{number}")


def ready_page(queue: QueueId, page: int) -> Call:
    """One page of the annotations of a queue that wait for a person, with their documents."""
    params = (
        ("queue", str(queue)),
        ("status", "to_review"),
        ("ordering", "document"),
        ("sideload", "documents"),
        ("fields", ",".join(_READING_FIELDS)),
        *_page(page),
    )
    return Call(Lane.OPS, "/annotations", "/annotations", params)


def embedded_url(number: AnnotationId, body: bytes, *, start: bool) -> Call:
    """A URL that opens an annotation in the validation screen; with `start` its review begins."""
    name = "start_embedded" if start else "create_embedded_url"
    return Call(Lane.OPS, f"/annotations/{{id}}/{name}", f"/annotations/{number}/{name}", (), "POST", body)


def task(url: str) -> Call:
    """The task of an upload, as an answer rather than a redirect."""
    return Call(Lane.READS, "/tasks/{id}", f"/tasks/{_number(url, 'tasks')}", (("no_redirect", "true"),))


def upload_object(url: str) -> Call:
    """What an upload became."""
    return Call(Lane.READS, "/uploads/{id}", f"/uploads/{_number(url, 'uploads')}")


def document_content(url: str) -> Call:
    """The bytes of a document, by the URL of the document or of its content."""
    number = _number(url.removesuffix("/content"), "documents")
    return Call(Lane.READS, "/documents/{id}/content", f"/documents/{number}/content")


def upload(queue: QueueId, *, reject_identical: bool) -> Call:
    """One upload to a queue; its body is streamed."""
    strict = (("reject_identical", "true"),) if reject_identical else ()
    return Call(Lane.UPLOADS, "/uploads", "/uploads", (("queue", str(queue)), *strict), "POST")


def current_user() -> Call:
    """Whose credentials these are."""
    return Call(Lane.OPS, "/auth/user", "/auth/user")


def group(number: int) -> Call:
    """One of the roles that users have."""
    return Call(Lane.OPS, "/groups/{id}", f"/groups/{number}")


def organizations() -> Call:
    """The cheapest list there is."""
    return Call(Lane.OPS, "/organizations", "/organizations", (("page_size", "1"),))


def queue(number: QueueId) -> Call:
    """One queue."""
    return Call(Lane.OPS, "/queues/{id}", f"/queues/{number}")


def schema(number: int, lane: Lane) -> Call:
    """One schema."""
    return Call(lane, "/schemas/{id}", f"/schemas/{number}")


def hooks(page: int) -> Call:
    """One page of the organisation's hooks."""
    return Call(Lane.OPS, "/hooks", "/hooks", (("page_size", str(LARGEST_PAGE)), ("page", str(page))))


def new_hook(body: bytes) -> Call:
    """A hook to be made."""
    return Call(Lane.OPS, "/hooks", "/hooks", (), "POST", body)


def changed_hook(number: int, body: bytes) -> Call:
    """Fields of a hook to be changed."""
    return Call(Lane.OPS, "/hooks/{id}", f"/hooks/{number}", (), "PATCH", body)


def hook_calls(number: int) -> Call:
    """The last 100 calls of a hook; Rossum keeps them for seven days."""
    return Call(Lane.OPS, "/hooks/logs", "/hooks/logs", (("hook", str(number)),))


def login(body: bytes) -> Call:
    """A new token for user name and password, which travel in the body."""
    return Call(Lane.OPS, "/auth/login", "/auth/login", (), "POST", body)


def _page(number: int) -> tuple[tuple[str, str], ...]:
    return (("page_size", str(LARGEST_PAGE)), ("page", str(number)), ("include_total", "true"))


def _csv(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))


def _number(url: str, kind: str) -> int:
    number = id_of(url)
    if number is None or f"/{kind}/" not in url:
        raise Retryable(f"cannot tell which of Rossum's {kind} is meant: no /{kind}/<id> ends its URL")
    return number
