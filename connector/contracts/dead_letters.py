"""Dead letters: the arrival byte for byte, and why it is there, in the header names that Kafka Connect uses."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connector.contracts.arrivals import Coordinates
from connector.contracts.envelope import KafkaRecord

CONNECTOR_NAME: Final = "rossum-kafka-connector"

#: Headers that a dead letter has after those of the arrival, in this order, and what they say. The first ones are
#: those of Connect: https://cwiki.apache.org/confluence/display/KAFKA/KIP-298
HEADERS: Final = {
    "__connect.errors.topic": "Topic of the arrival.",
    "__connect.errors.partition": "Partition of the arrival.",
    "__connect.errors.offset": "Offset of the arrival.",
    "__connect.errors.connector.name": f"Always {CONNECTOR_NAME}.",
    "__connect.errors.task.id": "Always 0: there are no tasks.",
    "__connect.errors.stage": "Where it failed, in capitals: FETCH, VALIDATE, UPLOAD, TASK or EXTRACT.",
    "__connect.errors.exception.class.name": "Class of the error.",
    "__connect.errors.exception.message": "One sentence for a person, without secrets or captured values.",
    "dlq-reason": "Where it failed: the `stage` of `import.failed`.",
    "dlq-attempts": "How often it was tried.",
    "dlq-first-failure": "When it failed first, UTC with microseconds.",
    "dlq-redrives": "How often it had been sent again before.",
}
_NAMES: Final = list(HEADERS)


@dataclass(frozen=True, slots=True)
class Cause:
    """Why an arrival is dead.

    Attributes:
        error_class: Name of the class of error.
        first_failure: Clock text.
        redrives: How often it was sent again before.
    """

    stage: str
    error_class: str
    message: str
    attempts: int
    first_failure: str
    redrives: int


def dead_letter(
    value: bytes | None,
    key: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    at: Coordinates,
    cause: Cause,
) -> KafkaRecord:
    """The record for the dead-letter topic: value, key and headers of the arrival as they are, then the cause.

    Headers of an earlier death of the same arrival are replaced; those of another system's dead letter stay.
    """
    added = (
        at.topic,
        str(at.partition),
        str(at.offset),
        CONNECTOR_NAME,
        "0",
        cause.stage.upper(),
        cause.error_class,
        cause.message,
        cause.stage,
        str(cause.attempts),
        cause.first_failure,
        str(cause.redrives),
    )
    ours = zip(_NAMES, (text.encode(errors="replace") for text in added), strict=True)
    return KafkaRecord(key, value, (*original_headers(headers), *ours))


def original_headers(headers: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """The headers that the arrival had before :func:`dead_letter`: without the run of ours, wherever it is."""
    names = [name for name, _ in headers]
    for start in range(len(names) - len(_NAMES), -1, -1):
        if names[start : start + len(_NAMES)] == _NAMES:
            return (*headers[:start], *headers[start + len(_NAMES) :])
    return tuple(headers)
