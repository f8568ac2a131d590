"""One attempt to bring a document to Rossum: intent first, then the bytes, then what the answer means."""

from collections.abc import AsyncIterator, Awaitable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from typing import TypeVar

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.file_names import sent_name
from connector.domain.ids import QueueId, import_entity
from connector.domain.outcome import Outcome
from connector.domain.readings import Mark, UploadRequest
from connector.domain.rows import ImportRow
from connector.engine.attempts import Accepted, Again, Attempt, Cause, Known, Refused, Unknown
from connector.engine.circuits import NO_SUCH_QUEUE
from connector.engine.committer import Committer
from connector.engine.gather import Member
from connector.engine.gathering import Gathering, Ways
from connector.engine.holding import hold
from connector.engine.resolver import origin_of
from connector.engine.services import Services
from connector.errors import (
    Ambiguous,
    BrokenOff,
    Identical,
    KafkaUnavailable,
    NotOurs,
    Rejected,
    Retryable,
    Stage,
    Throttled,
)
from connector.ports import FetchedDocument, UploadGate

T = TypeVar("T")

#: Digits of the longest id: more than 64 bits are none.
LONGEST_ID = 18


@dataclass(slots=True)
class _Course:
    """How far an attempt has come: the intent row once it is committed, the hash once all was read, its duration."""

    row: ImportRow
    sha256: str | None = None
    seconds: float | None = None


class _SourceFailed(Exception):
    """What a source says of its failure."""


class Uploader:
    """Uploads for the imports of one partition."""

    def __init__(self, services: Services, committer: Committer, *, gate: UploadGate) -> None:
        self._services = services
        self._committer = committer
        self._gate = gate
        self._gathering: Gathering | None = None
        if services.imports.gather is not None:
            ways = Ways(gate=gate, outcome_of=self._gathered_outcome, alone=self._alone)
            self._gathering = Gathering(services, committer, services.imports.gather, ways)

    async def attempt(self, row: ImportRow, received: ReceivedArrival) -> Attempt:
        """Try once; never raises for what the document, its source or Rossum did.

        Raises:
            PartitionLost, KafkaUnavailable: The work is somebody else's now, or will be.
        """
        course = _Course(row)
        try:
            if self._gathering is not None and not row.alone:
                return await self._try_together(course, received, self._gathering)
            return await self._try(course, received)
        except KafkaUnavailable:
            raise
        except (_SourceFailed, NotOurs, Retryable, Rejected, Ambiguous, Identical) as error:
            return await self._outcome_of(course, received, error)

    def hurry(self) -> None:
        """Wait for nothing that could be done now."""
        if self._gathering is not None:
            self._gathering.hurry()

    async def _outcome_of(self, course: _Course, received: ReceivedArrival, error: Exception) -> Attempt:
        """What a failure means for the import."""
        return replace(await self._meaning(course, received, error), seconds=course.seconds)

    async def _meaning(self, course: _Course, received: ReceivedArrival, error: Exception) -> Attempt:
        match error:
            case _SourceFailed():
                return Again(course.row, Cause.SOURCE, str(error))
            case NotOurs():
                return await self._not_ours(course.row, received, error)
            case Retryable():
                return self._again(course.row, error)
            case Rejected() | Ambiguous() | Identical():
                return _ended(course, error)
        raise error

    async def _gathered_outcome(self, row: ImportRow, received: ReceivedArrival, error: Exception) -> Attempt:
        return await self._outcome_of(_Course(row), received, error)

    async def _try(self, course: _Course, received: ReceivedArrival) -> Accepted | Again:
        services = self._services
        queue = self._queue(received.arrival.queue)
        await services.circuit.closed()
        async with services.slots:
            if (again := self._not_admitted(course.row, queue)) is not None:
                return again
            async with AsyncExitStack() as stack:
                document = await self._opened(stack, received)
                return await self._upload(course, received, queue, document)

    async def _opened(self, stack: AsyncExitStack, received: ReceivedArrival) -> FetchedDocument:
        return await _of_source(stack.enter_async_context(self._services.documents.open(received.arrival.source)))

    def _not_admitted(self, row: ImportRow, queue: QueueId) -> Again | None:
        circuit = self._services.queues.of(queue)
        if circuit is None or circuit.admits():
            return None
        return Again(row, Cause.QUEUE, f"Rossum refuses queue {queue}", circuit.pause)

    async def _try_together(self, course: _Course, received: ReceivedArrival, gathering: Gathering) -> Attempt:
        services, room = self._services, gathering.room
        queue = self._queue(received.arrival.queue)
        await services.circuit.closed()
        async with services.slots:
            circuit = services.queues.of(queue)
            if circuit is not None and circuit.is_open:
                return Again(course.row, Cause.QUEUE, f"Rossum refuses queue {queue}", circuit.pause)
            async with AsyncExitStack() as stack:
                held = await _of_source(hold(await self._opened(stack, received), room))
                if isinstance(held, FetchedDocument):
                    return self._not_admitted(course.row, queue) or await self._upload(course, received, queue, held)
        try:
            return await gathering.upload(Member(course.row, received, queue, held))
        finally:
            room.give(held.taken)

    async def _alone(self, member: Member) -> Attempt:
        """A document that nobody went up with."""
        course, services = _Course(member.row), self._services
        try:
            async with services.slots:
                again = self._not_admitted(course.row, member.queue)
                return again or await self._upload(course, member.received, member.queue, member.document.opened())
        except KafkaUnavailable:
            raise
        except (_SourceFailed, NotOurs, Retryable, Rejected, Ambiguous, Identical) as error:
            return await self._outcome_of(course, member.received, error)

    def _again(self, row: ImportRow, error: Retryable) -> Again:
        """Rossum failed, before the intent or after it: what a source raises is told apart."""
        if isinstance(error, Throttled):
            return Again(row, Cause.THROTTLED, "throttled", error.retry_after)
        if isinstance(error, BrokenOff):
            return Again(row, Cause.BROKEN, str(error))
        return Again(row, Cause.UNREACHABLE, str(error), self._services.circuit.failed("unreachable"))

    async def _upload(
        self, course: _Course, received: ReceivedArrival, queue: QueueId, document: FetchedDocument
    ) -> Accepted:
        services, arrival = self._services, received.arrival
        request = UploadRequest(
            queue=queue,
            file_name=sent_name(services.imports.file_name, received, document.file_name),
            content_type=document.content_type,
            metadata=Mark(received.import_id, received.document_key, origin_of(received)).beside(arrival.metadata),
            values=arrival.values,
            size=document.size,
        )
        now = await services.rossum.server_time()
        announced = arrival.source.sha256
        row = rules.intent(
            course.row, request, single=document.single, now=now, sha256=announced.lower() if announced else None
        )
        await self._committer.commit(Outcome(rows={import_entity(received.import_id): row}))
        course.row = row
        services.telemetry.upload_started(received.import_id)
        started = services.clock.monotonic()
        try:
            task = await services.rossum.upload(request, _guarded(document, course), gate=self._gate)
        finally:
            course.seconds = services.clock.monotonic() - started
        services.circuit.worked()
        if (circuit := services.queues.of(queue)) is not None:
            circuit.worked()
        return Accepted(row, task, document.sha256(), seconds=course.seconds)

    def _queue(self, wanted: int | str | None) -> QueueId:
        """The queue's id from an id, an API URL, an alias or the default.

        Raises:
            Rejected: No such alias, or none given and no default.
        """
        imports = self._services.imports
        if wanted is None:
            if imports.default_queue is None:
                raise Rejected("the arrival names no queue and ROSSUM__DEFAULT_QUEUE is not set", stage=Stage.VALIDATE)
            return imports.default_queue
        if isinstance(wanted, str) and wanted in imports.queues:
            return imports.queues[wanted]
        last = str(wanted).rstrip("/").rsplit("/", 1)[-1]
        if last.isascii() and last.isdigit() and len(last) <= LONGEST_ID:
            return QueueId(int(last))
        raise Rejected(
            "the arrival's queue is neither an id, a queue URL nor an alias of ROSSUM__QUEUES",
            stage=Stage.VALIDATE,
        )

    async def _not_ours(self, row: ImportRow, received: ReceivedArrival, error: NotOurs) -> Attempt:
        queue = self._queue(received.arrival.queue)
        circuit = self._services.queues.of(queue)
        if error.http_status in NO_SUCH_QUEUE and circuit is not None:
            return Again(row, Cause.QUEUE, str(error), circuit.failed("not_ours"))
        if error.http_status in NO_SUCH_QUEUE:
            try:
                # Whom Rossum refuses altogether it refuses every queue, and not for good.
                await self._services.rossum.organization()
            except NotOurs as everything:
                error = everything
            except Retryable as away:
                return self._again(row, away)
            else:
                reason = f"Rossum refuses queue {queue} ({error.http_status}) and it is not among ROSSUM__QUEUES"
                return Refused(row, Rejected(reason, stage=Stage.VALIDATE, http_status=error.http_status))
        return Again(row, Cause.NOT_OURS, str(error), self._services.circuit.failed("not_ours"))


def _ended(course: _Course, error: Rejected | Ambiguous | Identical) -> Refused | Unknown | Known:
    match error:
        case Rejected():
            return Refused(course.row, error)
        case Ambiguous():
            return Unknown(course.row, str(error), course.sha256)
        case Identical():
            return Known(course.row, error, course.sha256)


async def _of_source(work: Awaitable[T]) -> T:
    """Tell a failing source from a failing Rossum: both may raise `Retryable` inside one attempt."""
    try:
        return await work
    except Retryable as error:
        raise _SourceFailed(str(error)) from error


async def _guarded(document: FetchedDocument, course: _Course) -> AsyncIterator[bytes]:
    """The same for what is read while it is sent."""
    try:
        async for chunk in document.chunks:
            yield chunk
        course.sha256 = document.sha256()
    except Retryable as error:
        raise _SourceFailed(str(error)) from error
