"""What becomes of an import whose upload finds that Rossum refuses more than its queue."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.domain.rows import ImportState
from connector.engine.attempts import Accepted, Again, Cause, Refused
from connector.engine.circuits import Circuit, QueueCircuits
from connector.engine.uploader import Uploader
from tests.support.virtual_clock import VirtualClock
from tests.unit.engine.forgetful_partition import Partition
from tests.unit.engine.test_gather import member
from tests.wire.rossum import client_harness as harness


class Importer:
    """Brings documents to the queue that they name, which nobody has configured."""

    def __init__(self, side: harness.Side, documents: DocumentSources) -> None:
        self.time = VirtualClock()
        self.partition = Partition({})
        telemetry = self.partition.telemetry
        self.circuit = Circuit("rossum", clock=self.time, telemetry=telemetry)
        services = SimpleNamespace(
            clock=self.time,
            rossum=side.client,
            documents=documents,
            telemetry=telemetry,
            imports=SimpleNamespace(gather=None, file_name="{name}", default_queue=None, queues={}),
            slots=asyncio.Semaphore(1),
            circuit=self.circuit,
            queues=QueueCircuits((), clock=self.time, telemetry=telemetry),
        )
        self._uploader = Uploader(cast("Any", services), self.partition.committer, gate=lambda: True)

    async def attempt(self) -> object:
        """How it goes."""
        one = member(1, queue=harness.QUEUE)
        committing = asyncio.create_task(self.partition.committer.run())
        try:
            return await self._uploader.attempt(one.row, one.received)
        finally:
            committing.cancel()
            await asyncio.gather(committing, return_exceptions=True)


@asynccontextmanager
async def importing() -> AsyncIterator[tuple[harness.Side, Importer]]:
    """Rossum, and who brings documents to it."""
    async with harness.connected() as side, DocumentSources(DocumentLimits(max_bytes=1000)) as documents:
        yield side, Importer(side, documents)


@pytest.mark.parametrize("status", [403, 404])
async def test_a_refused_organization_is_not_blamed_on_the_queue(status: int) -> None:
    """Everything stops visibly, and heals by itself."""
    async with importing() as (side, importer):
        await side.fault("^/organizations", f"status:{status}")

        refused = await importer.attempt()
        stopped = importer.circuit.is_open
        await importer.time.advance(60)
        healed = await importer.attempt()

    assert isinstance(refused, Again)
    assert (refused.cause, refused.row.state, stopped) == (Cause.NOT_OURS, ImportState.WAITING, True)
    assert f"Rossum answered {status} to GET /organizations" in refused.reason
    assert "queue" not in refused.reason
    assert isinstance(healed, Accepted)


@pytest.mark.parametrize("status", [403, 404])
async def test_it_waits_as_long_as_rossum_refuses_everything(status: int) -> None:
    """Its upload is refused then, too, and still its queue is not to blame."""
    async with importing() as (side, importer):
        await side.fault("", f"status:{status}", times=0)

        refused = []
        for _ in range(3):
            refused.append(await importer.attempt())
            await importer.time.advance(60)
        asked = await side.count("POST /uploads")
        await side.control("DELETE", "/faults")
        healed = await importer.attempt()

    assert asked > 0
    for end in refused:
        assert isinstance(end, Again)
        assert (end.cause, "queue" in end.reason) == (Cause.NOT_OURS, False)
    assert isinstance(healed, Accepted)


async def test_a_queue_that_is_refused_alone_is_to_blame() -> None:
    """Nobody has configured it, and there is nothing to wait for."""
    async with importing() as (side, importer):
        await side.fault("^/uploads", "status:403")

        refused = await importer.attempt()

    assert isinstance(refused, Refused)
    assert str(refused.error) == "Rossum refuses queue 8198 (403) and it is not among ROSSUM__QUEUES"


async def test_a_rossum_that_goes_away_meanwhile_blames_nobody() -> None:
    """Whose fault it was is asked again with the next upload."""
    async with importing() as (side, importer):
        await side.fault("^/uploads", "status:403")
        await side.fault("^/auth/user", "status:503")

        away = await importer.attempt()

    assert isinstance(away, Again)
    assert away.cause is Cause.UNREACHABLE
