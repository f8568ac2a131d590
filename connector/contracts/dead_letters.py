"""Dead letters: the arrival byte for byte, and why it is there, in the header names that Kafka Connect uses.

An arrival may be larger than a letter can be, for example where its producer compresses: the letter is without it then,
and says so. The reasons and the place of the arrival are always there, and so are the names by which a person chooses
a letter.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from connector.contracts.arrivals import Coordinates
from connector.contracts.envelope import KafkaRecord
from connector.contracts.incoming import names_in
from connector.domain.ids import ImportId

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
    "dlq-import-id": "The import that failed; `import_id` of its events.",
}
#: After those, only where a letter is without the value of the arrival.
VALUE_LEFT_OUT: Final = "dlq-value-left-out"
DOCUMENT_ID: Final = "dlq-document-id"
QUEUE: Final = "dlq-queue"
OPTIONAL: Final = {
    VALUE_LEFT_OUT: "Bytes of the arrival's value where that is too large for a letter: it stands at the place of the "
    "arrival. Empty where the value was not read, for example because the arrival was deleted before.",
    DOCUMENT_ID: "The document key that the value names, where that is left out.",
    QUEUE: "The queue that the value names, where that is left out.",
}
_NAMES: Final = list(HEADERS)
#: Those that letters had before they told the import id.
_EARLIER: Final = _NAMES[:-1]


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


def dead_letter(  # noqa: PLR0913 - an arrival, and what became of it
    value: bytes | None,
    key: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    at: Coordinates,
    cause: Cause,
    *,
    import_id: ImportId,
    limit: int,
    unread: bool = False,
) -> KafkaRecord:
    """The record for the dead-letter topic: value, key and headers of the arrival as they are, then the cause.

    Headers of an earlier death of the same arrival are replaced; those of another system's dead letter stay.

    Above `limit`, the bytes of the largest record that the topic takes, the value is left out, except for its names;
    where that is not enough, so are the arrival's key and headers. `unread` says that there is a value, but not here.
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
        import_id,
    )
    ours = tuple(zip(_NAMES, (text.encode(errors="replace") for text in added), strict=True))
    theirs = original_headers(headers)
    whole = _record(key, value, (*theirs, *ours))
    if whole.size <= limit and not unread:
        return whole
    ours = (*ours, (VALUE_LEFT_OUT, b"" if unread else b"%d" % len(value or b"")))
    named = (*ours, *_names(value, headers))
    for smaller in (_record(key, None, (*theirs, *named)), _record(None, None, named)):
        if smaller.size <= limit:
            return smaller
    return _record(None, None, ours)


def _names(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes]]:
    names = zip((DOCUMENT_ID, QUEUE), names_in(value, headers), strict=True)
    return [(header, name.encode(errors="replace")) for header, name in names if name is not None]


def _record(key: bytes | None, value: bytes | None, headers: tuple[tuple[str, bytes], ...]) -> KafkaRecord:
    """A record; clients refuse one that has neither key nor value."""
    return KafkaRecord(key, b"" if key is None and value is None else value, headers)


def original_headers(headers: Sequence[tuple[str, bytes]]) -> tuple[tuple[str, bytes], ...]:
    """The headers that the arrival had before :func:`dead_letter`: without the run of ours, wherever it is."""
    start, end = _run(headers)
    return (*headers[:start], *headers[end:])


def reasons(headers: Sequence[tuple[str, bytes]]) -> dict[str, str]:
    """What :func:`dead_letter` has added, by the names of its headers; empty for another program's record."""
    start, end = _run(headers)
    return {name: value.decode(errors="replace") for name, value in headers[start:end]}


def _run(headers: Sequence[tuple[str, bytes]]) -> tuple[int, int]:
    """Where the headers of ours begin and end."""
    names = [name for name, _ in headers]
    for start in range(len(names) - len(_EARLIER), -1, -1):
        end = start + len(_EARLIER)
        if names[start:end] == _EARLIER:
            for later in (*_NAMES[len(_EARLIER) :], *OPTIONAL):
                end += names[end : end + 1] == [later]
            return start, end
    return len(names), len(names)
