"""One attempt to bring a document to Rossum: intent first, then the bytes, then what the answer means."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.file_names import sent_name
from connector.domain.ids import QueueId, import_entity
from connector.domain.outcome import Outcome
from connector.domain.readings import MARK_KEY, UploadRequest
from connector.domain.rows import ImportRow
from connector.engine.committer import Committer
from connector.engine.services import Services
from connector.errors import (
    Ambiguous,
    NotOurs,
    Rejected,
    Retryable,
    Stage,
    Throttled,
)
from connector.ports import FetchedDocument, UploadGate

#: Rossum's limit for the metadata of an annotation (bytes of JSON).
METADATA_LIMIT = 4096
NO_SUCH_QUEUE = (403, 404)


class Cause(StrEnum):
    """Why an attempt has to be repeated."""

    #: Document or source: the attempt counts.
    SOURCE = "source"
    #: Rossum could not be reached; certainly nothing imported.
    UNREACHABLE = "unreachable"
    #: Rossum said "slow down".
    THROTTLED = "throttled"
    #: Our credentials or rights were refused.
    NOT_OURS = "not_ours"


@dataclass(frozen=True, slots=True)
class Accepted:
    """Rossum has it."""

    row: ImportRow
    task: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Rossum may have it: look."""

    row: ImportRow
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """Rossum certainly does not have it; try later.

    Attributes:
        pause: Seconds that the other side asked for, None to use the schedule.
    """

    row: ImportRow
    cause: Cause
    reason: str
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class Refused:
    """It never will."""

    row: ImportRow
    error: Rejected


Attempt = Accepted | Unknown | Again | Refused


class _SourceFailed(Exception):
    def __init__(self, error: Retryable) -> None:
        super().__init__(str(error))
        self.error = error


class Uploader:
    """Uploads for the imports of one partition."""

    def __init__(self, services: Services, committer: Committer, *, gate: UploadGate) -> None:
        self._services = services
        self._committer = committer
        self._gate = gate

    async def attempt(  # noqa: PLR0911 - one return per way that an attempt ends
        self, row: ImportRow, received: ReceivedArrival
    ) -> Attempt:
        """Try once; never raises for what the document, its source or Rossum did.

        Raises:
            PartitionLost: The work is somebody else's now.
        """
        services = self._services
        holder = [row]
        try:
            queue = self._queue(received.arrival.queue)
            await services.circuit.closed()
            async with services.slots, services.documents.open(received.arrival.source) as document:
                return await self._upload(holder, received, queue, document)
        except Rejected as error:
            return Refused(holder[0], error)
        except Throttled as error:
            return Again(holder[0], Cause.THROTTLED, "throttled", error.retry_after)
        except _SourceFailed as failure:
            return Again(holder[0], Cause.SOURCE, str(failure.error))
        except Retryable as error:
            started = holder[0] is not row
            cause = Cause.UNREACHABLE if started else Cause.SOURCE
            pause = services.circuit.failed("unreachable") if started else None
            return Again(holder[0], cause, str(error), pause)
        except Ambiguous as error:
            return Unknown(holder[0], str(error))
        except NotOurs as error:
            return self._not_ours(holder[0], received, error)

    async def _upload(
        self, holder: list[ImportRow], received: ReceivedArrival, queue: QueueId, document: FetchedDocument
    ) -> Accepted:
        """`holder` shows the caller how far it came: the intent row once it is committed."""
        services, arrival = self._services, received.arrival
        request = UploadRequest(
            queue=queue,
            file_name=sent_name(services.imports.file_name, received, document.file_name),
            content_type=document.content_type,
            metadata=_metadata(received),
            values=arrival.values,
            size=document.size,
        )
        now = await services.rossum.server_time()
        row = rules.intent(holder[0], request, single=document.single, now=now)
        await self._committer.commit(Outcome(rows={import_entity(received.import_id): row}))
        holder[0] = row
        services.telemetry.upload_started(received.import_id)
        task = await services.rossum.upload(request, _guarded(document.chunks), gate=self._gate)
        services.circuit.worked()
        return Accepted(row, task, document.sha256())

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
        if last.isascii() and last.isdigit():
            return QueueId(int(last))
        raise Rejected(
            "the arrival's queue is neither an id, a queue URL nor an alias of ROSSUM__QUEUES",
            stage=Stage.VALIDATE,
        )

    def _not_ours(self, row: ImportRow, received: ReceivedArrival, error: NotOurs) -> Attempt:
        queue = self._queue(received.arrival.queue)
        configured = {*self._services.imports.queues.values(), self._services.imports.default_queue}
        if error.http_status in NO_SUCH_QUEUE and queue not in configured:
            reason = f"Rossum refuses queue {queue} ({error.http_status}) and it is not among ROSSUM__QUEUES"
            return Refused(row, Rejected(reason, stage=Stage.VALIDATE, http_status=error.http_status))
        return Again(row, Cause.NOT_OURS, str(error), self._services.circuit.failed("not_ours"))


async def _guarded(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Tell a failing source from a failing Rossum: both may raise `Retryable` inside one upload."""
    try:
        async for chunk in chunks:
            yield chunk
    except Retryable as error:
        raise _SourceFailed(error) from error


def _metadata(received: ReceivedArrival) -> Mapping[str, Any]:
    """Theirs and our mark.

    Raises:
        Rejected: More than Rossum takes.
    """
    metadata = {
        **received.arrival.metadata,
        MARK_KEY: {"import_id": received.import_id, "document_key": received.document_key},
    }
    size = len(orjson.dumps(metadata))
    if size > METADATA_LIMIT:
        reason = f"metadata with our mark has {size} bytes, Rossum takes {METADATA_LIMIT}"
        raise Rejected(reason, stage=Stage.VALIDATE)
    return metadata
