"""Turns received files into documents, annotations, an upload and a task."""

import re
from dataclasses import dataclass
from http import HTTPStatus

from connector.sandbox.simulator.kinds import MOST_MEMBERS, ZIP, ArchiveError, Member, listed, members
from connector.sandbox.simulator.model import Annotation, Document, ImportTask, Instructions, Queue, Upload
from connector.sandbox.simulator.receiving import LARGEST, Received, ReceivedFile
from connector.sandbox.simulator.wire import ApiError, bad_field
from connector.sandbox.simulator.world import World

_UNUSUAL = re.compile(r"[^\w.-]")


@dataclass(frozen=True, slots=True)
class Admitted:
    """What one request became."""

    upload: Upload
    task: ImportTask
    annotations: list[Annotation]


def admit(world: World, queue: Queue, received: Received) -> Admitted:
    """Accept the files into the queue; their annotations start to live.

    Raises:
        ApiError: 400 or 413, a ZIP with too much in it; nothing was accepted.
    """
    unpacked = [_unpack(file) for file in received.files]
    instructions = Instructions.of(received.metadata)
    upload = Upload(world.state.next_id("upload"), queue.id, world.clock.now())
    world.state.uploads[upload.id] = upload
    documents: list[Document] = []
    for file, inside in zip(received.files, unpacked, strict=True):
        world.state.accepted[file.name, file.sha256] += 1
        documents += _documents(world, received, file, inside)
    if instructions.fate == "failed_task":
        for document in documents:
            document.internal = True
    else:
        upload.documents = [document.id for document in documents]
    annotations = _annotate(world, queue, received, documents)
    upload.annotations = [annotation.id for annotation in annotations]
    task = _task(world, upload, instructions)
    world.deliveries.upload_created(upload, received.metadata, documents)
    return Admitted(upload, task, annotations)


def _task(world: World, upload: Upload, instructions: Instructions) -> ImportTask:
    number = world.state.next_id("task")
    runs = world.behaviour.task_delay if instructions.task is None else instructions.task
    ready = world.clock.monotonic() + runs
    task = ImportTask(number, upload.id, world.clock.now(), ready, instructions.fate == "failed_task")
    world.state.tasks[number] = task
    return task


@dataclass(frozen=True, slots=True)
class Unpacked:
    """What is in a file: nothing unless it is a ZIP; ``status`` is the attachment status it gets."""

    status: str | None = None
    members: tuple[Member, ...] = ()


def _unpack(file: ReceivedFile) -> Unpacked:
    """Look into a ZIP."""
    if file.kind != ZIP or file.spool is None:
        return Unpacked()
    try:
        archive, infos = listed(file.spool)
        if len(infos) >= MOST_MEMBERS:
            raise bad_field("content", f"Archives must have fewer than {MOST_MEMBERS} files.")
        if sum(info.file_size for info in infos) > LARGEST:
            detail = "The files of the archive exceed the limit of 40 MB."
            raise ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"detail": detail})
        return Unpacked("extracted_archive", tuple(members(archive, infos)))
    except ArchiveError as error:
        return Unpacked(error.status)


def _documents(world: World, received: Received, file: ReceivedFile, inside: Unpacked) -> list[Document]:
    """The document of a file, followed by those of the files inside it."""
    document = keep_file(world, file)
    document.uploaded_metadata = received.metadata
    document.attachment_status = inside.status
    children = [_keep_member(world, document, member) for member in inside.members]
    return [document, *children]


def keep_file(world: World, file: ReceivedFile) -> Document:
    """Store a received file as a document."""
    document = Document(
        id=world.state.next_id("document"),
        file_name=shown_name(world, file.name),
        sent_name=file.name,
        sha256=file.sha256,
        md5=file.md5,
        size=file.size,
        mime_type=file.kind or "application/octet-stream",
        created_at=world.clock.now(),
        born=world.clock.monotonic(),
    )
    file.keep_as(document.id)
    return world.state.add_document(document)


def _keep_member(world: World, archive: Document, member: Member) -> Document:
    document = Document(
        id=world.state.next_id("document"),
        file_name=shown_name(world, member.name),
        sent_name=member.name,
        sha256=member.sha256,
        md5=member.md5,
        size=len(member.content),
        mime_type=member.mime_type or "application/octet-stream",
        created_at=world.clock.now(),
        born=world.clock.monotonic(),
        parent=archive.id,
        attachment_status="processed" if member.mime_type else "filtered_by_queue_mime_type",
        uploaded_metadata=archive.uploaded_metadata,
    )
    if world.contents.reserve(document.size):
        world.contents.put(document.id, member.content)
    return world.state.add_document(document)


def shown_name(world: World, name: str) -> str:
    """The name under which the document is shown."""
    return _UNUSUAL.sub("_", name) if world.behaviour.rename_files else name


def _annotate(world: World, queue: Queue, received: Received, documents: list[Document]) -> list[Annotation]:
    """An annotation for each document that can be read by itself."""
    instructions = Instructions.of(received.metadata)
    if instructions.fate in {"failed_task", "no_annotation"}:
        return []
    made = []
    for document in documents:
        if document.mime_type == ZIP or document.attachment_status not in {None, "processed"}:
            continue
        annotation = world.state.make_annotation(document, queue.id, received.metadata, "importing")
        annotation.instructions = instructions
        annotation.values = received.values or None
        made.append(annotation)
        world.lifecycle.begin(annotation)
    return made
