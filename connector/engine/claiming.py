"""Claims confirmed annotations of chosen queues: once their data is on Kafka, Rossum counts them as exported."""

from collections.abc import Callable, Collection
from typing import Any

from connector.domain.annotation_state import captured_name
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.outcome import NOTHING
from connector.domain.rows import AnnotationRow
from connector.engine.committer import Committer
from connector.engine.services import Services
from connector.errors import NotOurs, Retryable

_CONFIRMED = "confirmed"


class Claiming:
    """Of one partition. A claim that fails, or whose owner dies, is made again when the annotation is read again.

    Args:
        queues: Whose annotations are claimed.
    """

    def __init__(
        self, services: Services, committer: Committer, queues: Collection[QueueId], *, spawn: Callable[..., Any]
    ) -> None:
        self._services = services
        self._committer = committer
        self._queues = queues
        self._spawn = spawn

    def look(self, annotation: AnnotationId, row: AnnotationRow) -> None:
        """Claim an annotation that has just been decided about, if it is to be claimed."""
        if row.status == _CONFIRMED and row.queue in self._queues and captured_name(_CONFIRMED) in row.published:
            self._spawn(self._claim(annotation, QueueId(row.queue or 0)))

    async def _claim(self, annotation: AnnotationId, queue: QueueId) -> None:
        # What was decided before is committed then: nobody takes a document out of Rossum that is not on Kafka.
        await self._committer.commit(NOTHING)
        circuit = self._services.queues.of(queue)
        if circuit is not None and not circuit.admits():
            return
        try:
            claimed = await self._services.rossum.claim(queue, {annotation})
        except (Retryable, NotOurs) as error:
            self._services.telemetry.claim_failed(annotation, str(error))
            if circuit is not None and isinstance(error, NotOurs):
                circuit.failed("not_ours")
            return
        self._services.telemetry.claimed(len(claimed))
