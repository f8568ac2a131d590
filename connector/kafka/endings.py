"""Why an ownership ended: one word for metrics, one error for what happens next."""

from collections.abc import Iterable
from dataclasses import dataclass

from connector.errors import CommitRepeated, ConnectorError, KafkaUnavailable, PartitionLost, StateFailed


@dataclass(frozen=True, slots=True)
class Ending:
    """How an owner's run ended.

    Attributes:
        reason: `fenced`, `commit_repeated`, `state_failed`, `kafka_unavailable` or `defect`.
        error: What its partition's loop acts on.
    """

    reason: str
    error: ConnectorError


def ending_of(group: BaseExceptionGroup[BaseException]) -> Ending:
    """Lost, or indefinite and so perhaps lost; anything else is a defect of ours, and the owner starts afresh.

    A repeated commit was accepted a moment ago, so the partition is still ours and only its producer is replaced; a
    failed local state says nothing about whose the partition is either.
    """
    errors = list(_flat(group))
    failed = [error for error in errors if isinstance(error, StateFailed)]
    if failed and all(isinstance(error, (StateFailed, PartitionLost, KafkaUnavailable)) for error in errors):
        return Ending("state_failed", failed[0])
    if all(isinstance(error, CommitRepeated) for error in errors):
        return Ending("commit_repeated", CommitRepeated(str(errors[0])))
    if all(isinstance(error, (PartitionLost, KafkaUnavailable)) for error in errors):
        for error in errors:
            if isinstance(error, PartitionLost):
                return Ending("fenced", error)
        return Ending("kafka_unavailable", PartitionLost(str(errors[0])))
    return Ending("defect", KafkaUnavailable("the owner failed; it starts afresh"))


def _flat(group: BaseExceptionGroup[BaseException]) -> Iterable[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _flat(error)
        else:
            yield error
