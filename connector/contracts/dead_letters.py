"""Dead letters: the arrival byte for byte, and why it is there, in the header names that Kafka Connect uses."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.contracts.arrivals import Coordinates
from connector.contracts.envelope import KafkaRecord

_CONNECT = "__connect.errors."
_DLQ = "dlq-"
CONNECTOR_NAME = "rossum-kafka-connector"


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
    """The record for the dead-letter topic; headers of an earlier death are replaced."""
    connect = {
        "topic": at.topic,
        "partition": str(at.partition),
        "offset": str(at.offset),
        "connector.name": CONNECTOR_NAME,
        "task.id": "0",
        "stage": cause.stage.upper(),
        "exception.class.name": cause.error_class,
        "exception.message": cause.message,
    }
    ours = {
        "reason": cause.stage,
        "attempts": str(cause.attempts),
        "first-failure": cause.first_failure,
        "redrives": str(cause.redrives),
    }
    theirs = [(name, content) for name, content in headers if not name.startswith((_CONNECT, _DLQ))]
    added = [(_CONNECT + name, text.encode()) for name, text in connect.items()]
    added += [(_DLQ + name, text.encode()) for name, text in ours.items()]
    return KafkaRecord(key, value, (*theirs, *added))
