"""Whether the captured data of an annotation is wanted, and whether it can still be had."""

import asyncio
from collections.abc import Mapping, Sequence

from connector.domain import annotation_state as rules
from connector.domain.annotation_state import Policy
from connector.domain.ids import AnnotationId, QueueId
from connector.domain.readings import AnnotationReading, ExportReading
from connector.domain.retention import below_floor
from connector.domain.rows import AnnotationRow
from connector.engine.circuits import NO_SUCH_QUEUE
from connector.errors import NotOurs
from connector.ports import Rossum


def is_wanted(
    row: AnnotationRow | None, reading: AnnotationReading, policy: Policy, *, floor: str | None, replay: bool
) -> bool:
    """Whether captured data must be read: a revision is not published yet, and not everything is too old to be."""
    if not rules.captures_wanted(row, reading, policy):
        return False
    found = rules.facts(row, (), reading, policy)
    beyond = rules.beyond_horizon(row, reading, found, policy) | below_floor(row, reading, found, floor)
    return replay or bool(set(found) - beyond)


async def is_gone(rossum: Rossum, listed: AnnotationReading, policy: Policy) -> bool:
    """Whether the captured data that the list promises can't be had any more.

    The export alone is no proof: it may lag, or leave out what it can't show. Only the annotation itself tells that it
    is gone, was purged, or has another revision by now; that one is then read in its turn.

    Raises:
        Retryable, NotOurs: Rossum can't tell now.
    """
    single = await rossum.annotation(listed.id)
    if single is None or single.status == "purged":
        return True
    clocks = [rules.CLOCK_OF[status] for status in policy.capture]
    return any(single.clocks.get(clock, "") > listed.clocks.get(clock, "") for clock in clocks)


async def exports_by_queue(
    rossum: Rossum, by_queue: Mapping[QueueId, Sequence[AnnotationId]]
) -> tuple[dict[AnnotationId, ExportReading], dict[QueueId, NotOurs]]:
    """Captured data of annotations of several queues, and which of these queues Rossum refuses us.

    Raises:
        Retryable, NotOurs: Rossum can't tell now, or refuses us altogether.
    """
    reads = (rossum.exports(queue, ids) for queue, ids in by_queue.items())
    answers = await asyncio.gather(*reads, return_exceptions=True)
    found: dict[AnnotationId, ExportReading] = {}
    refused: dict[QueueId, NotOurs] = {}
    for queue, answer in zip(by_queue, answers, strict=True):
        if isinstance(answer, NotOurs) and answer.http_status in NO_SUCH_QUEUE:
            refused[queue] = answer
        elif isinstance(answer, BaseException):
            raise answer
        else:
            found.update(answer)
    return found, refused
