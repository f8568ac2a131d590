"""Reads Rossum's JSON into readings: tolerant of what is new or absent, strict about what identifies a thing.

Rossum adds fields and statuses at any time and leaves others out, so unknown ones are passed over and absent
ones are None. What cannot be used at all is a `Retryable` that names endpoint and part, never a value.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from connector.domain.ids import AnnotationId, DocumentId, QueueId
from connector.domain.readings import (
    AnnotationReading,
    DocumentReading,
    ExportReading,
    Listing,
    ListingPage,
    ListingRow,
    TaskReading,
    UploadReading,
)
from connector.rossum.answer import Answer
from connector.rossum.fields import (
    Json,
    address,
    clock_text,
    clocks_of,
    flag,
    id_of,
    ids_of,
    metadata_of,
    sentence,
    text_or_none,
    texts,
    upload_url,
)

PAGE_SIZE = 100
_KNOWN_TASK_STATUSES = frozenset({"running", "succeeded", "failed"})

T = TypeVar("T")


class _UnusableError(Exception):
    """A part of an answer cannot be used; says which."""


def read_annotation(answer: Answer) -> AnnotationReading:
    """The annotation of a single GET."""
    return _one(answer, lambda source: _annotation(source, answer.at))


def read_annotations(answer: Answer) -> dict[AnnotationId, AnnotationReading]:
    """The annotations of a list; an unreadable one is left out, so that only a single read of it fails."""
    found = _readable(answer, lambda source: _annotation(source, answer.at))
    return {reading.id: reading for reading in found}


def read_exports(answer: Answer, queue: QueueId) -> dict[AnnotationId, ExportReading]:
    """The annotations of an export of `queue`; an unreadable one is left out likewise."""
    found = _readable(answer, lambda source: _export(source, queue, answer.at))
    return {reading.id: reading for reading in found}


def read_document(answer: Answer) -> DocumentReading:
    """The document of a single GET."""
    return _one(answer, _document)


def read_documents(answer: Answer) -> dict[DocumentId, DocumentReading]:
    """The documents of a list that was asked for by ids; an unreadable one is left out likewise."""
    return {reading.id: reading for reading in _readable(answer, _document)}


def read_every_document(answer: Answer) -> list[DocumentReading]:
    """The documents of a search; an unreadable one spoils the answer, since nobody would miss it."""
    return _every(answer, _document)


def read_listing(answer: Answer, listing: Listing) -> ListingPage:
    """One page of a sweep; an unreadable row spoils it, since nobody would miss it."""
    rows = _every(answer, lambda source: _row(source, listing.clock))
    return ListingPage(tuple(rows), total_of(answer), has_more(answer), answer.at)


def read_task(answer: Answer) -> TaskReading:
    """An upload's task; an unknown status counts as running."""
    if answer.location is not None:
        return TaskReading("succeeded", upload_url(answer.location))
    source = _mapping(answer)
    status = source.get("status")
    if not isinstance(status, str):
        raise answer.senseless("a task without a status")
    content = source.get("content")
    named = content.get("upload") if isinstance(content, Mapping) else None
    upload = upload_url(named) or upload_url(source.get("result_url"))
    known = status if status in _KNOWN_TASK_STATUSES else "running"
    return TaskReading(known, upload, sentence(source.get("detail")), sentence(source.get("code")))


def read_upload(answer: Answer) -> UploadReading:
    """What an upload became."""
    source = _mapping(answer)
    annotations = ids_of(source.get("annotations"))
    documents = ids_of(source.get("documents"))
    if annotations is None or documents is None:
        raise answer.senseless("annotations or documents of an upload are no list of URLs")
    return UploadReading(
        tuple(AnnotationId(number) for number in annotations),
        tuple(DocumentId(number) for number in documents),
    )


def read_task_url(answer: Answer) -> str:
    """The task of an upload that Rossum has accepted."""
    url = _mapping(answer).get("url")
    if not isinstance(url, str) or id_of(url) is None:
        raise answer.senseless("an accepted upload without a task's URL")
    return url


def read_organization(answer: Answer) -> int | None:
    """The organisation of a user object, or the first of a list; None where there is none."""
    source = _mapping(answer)
    if "results" in source:
        return next((number for item in _results(answer) if (number := id_of(item.get("id")))), None)
    return id_of(source.get("organization"))


def read_login(answer: Answer) -> str:
    """The token that a login brought."""
    key = _mapping(answer).get("key")
    if not isinstance(key, str) or not key.isascii() or not key.isprintable() or not key:
        raise answer.senseless("a login without a key")
    return key


def total_of(answer: Answer) -> int | None:
    """How many rows the whole list has, where Rossum says it."""
    pagination = _mapping(answer).get("pagination")
    total = pagination.get("total") if isinstance(pagination, Mapping) else None
    return total if isinstance(total, int) else None


def has_more(answer: Answer) -> bool:
    """Whether there is a next page; without a word about it, a full page is taken for a yes."""
    source = _mapping(answer)
    pagination = source.get("pagination")
    if isinstance(pagination, Mapping) and "next" in pagination:
        return bool(pagination["next"])
    return len(_results(answer)) >= PAGE_SIZE


def _annotation(source: Json, at: datetime) -> AnnotationReading:
    clocks = clocks_of(source)
    created_at = clock_text(source.get("created_at"))
    if created_at is not None:
        clocks.setdefault("arrived_at", created_at)
    return AnnotationReading(
        id=_annotation_id(source),
        url=_text(source, "url"),
        status=_text(source, "status"),
        queue=_queue(source),
        document=_document_id(source.get("document")),
        clocks=clocks,
        at=at,
        schema=text_or_none(source.get("schema")),
        **metadata_of(source.get("metadata")),
        automated=flag(source.get("automated")),
        modified_at=clock_text(source.get("modified_at")),
        modifier=address(source.get("modifier")),
        created_at=created_at,
        relations=texts(source.get("relations")),
        messages=_messages(source.get("messages")),
    )


def _export(source: Json, queue: QueueId, at: datetime) -> ExportReading:
    shown = source.get("document")
    document: Json = shown if isinstance(shown, Mapping) else {"url": shown}
    content = source.get("content")
    if not isinstance(content, list) and content is not None:
        raise _UnusableError("content of an export is no list")
    return ExportReading(
        id=_annotation_id(source),
        url=_text(source, "url"),
        status=_text(source, "status"),
        queue=queue,
        at=at,
        content=content or [],
        exported_at=clock_text(source.get("exported_at")),
        arrived_at=clock_text(source.get("arrived_at")),
        document=_document_id(document.get("url")),
        document_url=text_or_none(document.get("url")),
        file_name=text_or_none(document.get("file_name")),
        schema=address(source.get("schema")),
        **metadata_of(source.get("metadata")),
        automated=flag(source.get("automated")),
        modified_at=clock_text(source.get("modified_at")),
        modifier=address(source.get("modifier")),
    )


def _document(source: Json) -> DocumentReading:
    number = id_of(source.get("id")) or id_of(source.get("url"))
    created_at = clock_text(source.get("created_at")) or clock_text(source.get("arrived_at"))
    if number is None or created_at is None:
        raise _UnusableError("a document without id or created_at")
    return DocumentReading(
        id=DocumentId(number),
        url=_text(source, "url"),
        file_name=text_or_none(source.get("original_file_name")) or "",
        created_at=created_at,
        parent=_document_id(source.get("parent")),
        annotations=tuple(AnnotationId(found) for found in ids_of(source.get("annotations")) or ()),
    )


def _row(source: Json, clock: str) -> ListingRow:
    clocks = clocks_of(source)
    if clock == "arrived_at" and clock not in clocks:
        created_at = clock_text(source.get("created_at"))
        clocks |= {} if created_at is None else {clock: created_at}
    return ListingRow(
        id=_annotation_id(source),
        status=_text(source, "status"),
        queue=_queue(source),
        document=_document_id(source.get("document")),
        clocks=clocks,
    )


def _annotation_id(source: Json) -> AnnotationId:
    number = id_of(source.get("id")) or id_of(source.get("url"))
    if number is None:
        raise _UnusableError("an annotation without an id")
    return AnnotationId(number)


def _queue(source: Json) -> QueueId:
    number = id_of(source.get("queue"))
    if number is None:
        raise _UnusableError("an annotation without a queue")
    return QueueId(number)


def _document_id(reference: Any) -> DocumentId | None:
    number = id_of(reference)
    return None if number is None else DocumentId(number)


def _messages(value: Any) -> str | None:
    """What Rossum says about an annotation, as one line."""
    items = value if isinstance(value, list) else []
    parts = [item.get("content") or item.get("error") for item in items if isinstance(item, Mapping)]
    return sentence("; ".join(part for part in parts if isinstance(part, str))) or None


def _text(source: Json, name: str) -> str:
    value = source.get(name)
    if not isinstance(value, str):
        raise _UnusableError(f"an object without {name}")
    return value


def _mapping(answer: Answer) -> Json:
    if not isinstance(answer.data, Mapping):
        raise answer.senseless("not a JSON object")
    return answer.data


def _results(answer: Answer) -> list[Json]:
    results = _mapping(answer).get("results")
    if not isinstance(results, list) or not all(isinstance(item, Mapping) for item in results):
        raise answer.senseless("results are not a list of objects")
    return results


def _one(answer: Answer, read: Callable[[Json], T]) -> T:
    try:
        return read(_mapping(answer))
    except _UnusableError as error:
        raise answer.senseless(str(error)) from error


def _every(answer: Answer, read: Callable[[Json], T]) -> list[T]:
    try:
        return [read(item) for item in _results(answer)]
    except _UnusableError as error:
        raise answer.senseless(str(error)) from error


def _readable(answer: Answer, read: Callable[[Json], T]) -> Iterable[T]:
    for item in _results(answer):
        try:
            yield read(item)
        except _UnusableError:
            continue
