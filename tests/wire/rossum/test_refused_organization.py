"""What becomes of an import whose upload finds that Rossum refuses more than its queue."""

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.domain.rows import ImportState
from connector.engine.attempts import Accepted, Again, Cause
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


@pytest.mark.parametrize("status", [403, 404])
async def test_it_waits_until_rossum_takes_us_again(status: int) -> None:
    """Its queue is not to blame; everything stops visibly, and heals by itself."""
    async with harness.connected() as side, DocumentSources(DocumentLimits(max_bytes=1000)) as documents:
        importer = Importer(side, documents)
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
