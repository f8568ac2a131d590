"""What counts as an upload, how long it took, and how often an import was parked."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from connector.contracts.arrivals import Coordinates
from connector.contracts.catalogue import TopicRole
from connector.domain.copies import copy_headers
from connector.domain.identity import Identity
from connector.domain.ids import ImportId, QueueId, event_namespace, import_entity
from connector.domain.readings import UploadRequest
from connector.engine.circuits import Circuit, QueueCircuits
from connector.engine.import_desk import ImportDesk
from connector.engine.services import ImportPolicy
from connector.engine.tickets import Ticket
from connector.errors import Rejected, Retryable, Stage
from connector.metrics import NAMESPACE
from connector.ports import FetchedDocument, InnerRecord
from tests.unit.engine.forgetful_partition import Log, Partition

HOUR = 3600.0
#: Seconds that Rossum takes for an upload.
TAKES = 3.0
POLICY = ImportPolicy(
    queues={},
    default_queue=QueueId(8198),
    retry_for=1000 * HOUR,
    task_after=300.0,
    deadline=1000 * HOUR,
    settle=600.0,
    file_name="{name}",
    dead_letter_empty=False,
    in_flight=1,
)


@dataclass
class CopyLog(Log):
    """Kafka that still has the copies."""

    copies: dict[int, InnerRecord] = field(default_factory=dict)

    async def read_copy(self, offset: int) -> InnerRecord | None:
        """As it was taken."""
        return self.copies[offset]


@dataclass
class Imports:
    """The imports of a partition; their source and Rossum do as they are told."""

    source: Exception | None = None
    answer: Exception | None = None
    slots: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(1))

    def __post_init__(self) -> None:
        """Build it."""
        self.log = CopyLog()
        self.partition = Partition({}, log=self.log)
        self.time, telemetry = self.partition.time, self.partition.telemetry
        services = SimpleNamespace(
            rossum=self,
            documents=self,
            telemetry=telemetry,
            clock=self.time,
            identity=Identity(event_namespace(1), "https://example.test/api/v1"),
            imports=POLICY,
            slots=self.slots,
            circuit=Circuit("rossum", clock=self.time, telemetry=telemetry),
            queues=QueueCircuits((), clock=self.time, telemetry=telemetry),
        )
        self._tasks: list[asyncio.Task[None]] = []
        self.desk = ImportDesk(
            cast("Any", services),
            self.partition.view,
            self.partition.committer,
            self.log,
            spawn=lambda work: self._tasks.append(asyncio.create_task(work)),
            gate=lambda: True,
        )

    @asynccontextmanager
    async def open(self, _source: object) -> AsyncIterator[FetchedDocument]:
        """The document, where its source gives it."""
        if self.source is not None:
            raise self.source
        yield FetchedDocument("a.pdf", "application/pdf", True, 0, _nothing(), lambda: "hash")  # noqa: FBT003 - a record of the product's

    def now(self) -> datetime:
        """Rossum's time."""
        return self.time.now()

    async def server_time(self) -> datetime:
        """The same, asked for."""
        return self.time.now()

    async def upload(self, _request: UploadRequest, _chunks: AsyncIterator[bytes], *, gate: object) -> str:
        """Rossum takes it, or does not, after a while."""
        del gate
        await self.time.elapsed(TAKES)
        if self.answer is not None:
            raise self.answer
        return "https://example.test/api/v1/tasks/1"

    def announce(self) -> None:
        """One arrival."""
        tracker = self.partition.trackers[TopicRole.IMPORTS]
        tracker.deliver(0, now=0)
        value = orjson.dumps({"document_id": "one", "source": {"kind": "inline", "base64": "JVBERi0xLjQ="}})
        headers = tuple(copy_headers(Coordinates("cluster", "arrived", 0, 5, 0), None, []))
        record = InnerRecord(0, import_entity(ImportId("one")).encode(), value, headers, 0)
        self.log.copies[0] = record
        self.desk.take_copy(record, Ticket(TopicRole.IMPORTS, tracker, 0, remaining=1))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The partition works."""
        running = [asyncio.create_task(work) for work in (self.desk.run(), self.partition.committer.run())]
        yield
        for task in (*running, *self._tasks):
            task.cancel()
        await asyncio.gather(*running, *self._tasks, return_exceptions=True)

    def shown(self, name: str, **labels: str) -> float:
        """A sample of the metrics; 0 where there is none."""
        return self.partition.telemetry.registry.get_sample_value(f"{NAMESPACE}_{name}", labels) or 0.0


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""


@pytest.mark.parametrize(
    "source",
    [Rejected("the host is not allowed", stage=Stage.VALIDATE), Retryable("away")],
    ids=["refused for good", "away"],
)
async def test_what_was_never_sent_is_no_upload(source: Exception) -> None:
    """However it ends: nothing left, and nothing took any time."""
    imports = Imports(source=source)

    async with imports.running():
        imports.announce()
        await imports.time.advance(0.9)

    assert imports.shown("uploads_total", outcome="not_sent") == 1
    assert imports.shown("uploads_total", outcome="refused") == imports.shown("uploads_total", outcome="again") == 0
    assert imports.shown("upload_seconds_count") == 0


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [(None, "accepted"), (Rejected("no such kind", stage=Stage.UPLOAD), "refused"), (Retryable("reset"), "again")],
)
async def test_an_upload_takes_as_long_as_rossum_does(answer: Exception | None, outcome: str) -> None:
    """Not as long as it has waited for its slot."""
    slots = asyncio.Semaphore(1)
    imports = Imports(answer=answer, slots=slots)
    await slots.acquire()

    async with imports.running():
        imports.announce()
        await imports.time.advance(100)
        slots.release()
        await imports.time.advance(TAKES + 0.5)

    assert imports.shown("uploads_total", outcome=outcome) == imports.shown("upload_seconds_count") == 1
    assert imports.shown("upload_seconds_sum") == pytest.approx(TAKES)
    assert imports.shown("uploads_total", outcome="not_sent") == 0


async def test_an_import_is_parked_once_however_often_it_is_tried() -> None:
    """It has waited parked since its first long pause."""
    imports = Imports(source=Retryable("away"))

    async with imports.running():
        imports.announce()
        await imports.time.advance(5 * HOUR)
        parked = imports.desk.parked

    assert (parked, imports.shown("imports_parked_total")) == (1, 1)
    assert imports.shown("uploads_total", outcome="not_sent") > 10
