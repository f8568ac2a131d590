"""Names of all that the connector does to the outside world: where a crash can fall."""

import re
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import Any

from aiokafka.structs import TopicPartition

from connector.domain.gathers import GatherRow
from connector.domain.messages import Hint, decode_work
from connector.domain.rows import ImportRow, WrittenRow
from tests.simulation.stored import Stored

#: Words that stand for topics.
_ROLES = {
    "documents.arrived": "arrived",
    "rossum.documents.lifecycle": "event",
    "rossum.annotations.captured": "captured event",
    "rossum.annotations.ready": "ready event",
    "rossum.dead-letters": "dead letter",
    "rossum.connector.imports": "copy",
    "rossum.connector.work": "work",
    "rossum.connector.ledger": "row",
}
_REQUEST = re.compile(rb"^(GET|POST|PUT|PATCH|DELETE) (?:/api/v1)?(/[^ ?]*)[^ ]* HTTP/1")
_ANSWER = b"HTTP/1."
_CLOSING = b"--\r\n"


class Phase(Enum):
    """On which side of an effect."""

    BEFORE = "before the effect"
    AFTER = "after the effect, before its answer"


def of_append(place: TopicPartition, record: tuple[bytes | None, bytes | None, Any]) -> tuple[str, ...]:
    """What a record is that is about to be stored."""
    role = _ROLES.get(place.topic, place.topic)
    if role == "row":
        return (f"send {kind_of_row(record[1])} row",)
    if role == "work":
        return tuple(sorted({f"send {kind}" for kind in _kinds_of_work(record[1])}))
    return (f"send {role}",)


def kind_of_row(value: bytes | None) -> str:
    """What a ledger row is about, and for imports and gathers where they stand."""
    if value is None:
        return "removed"
    row = WrittenRow.decode(value).row
    return f"{row.kind} {row.state.value}" if isinstance(row, ImportRow | GatherRow) else row.kind


def _kinds_of_work(value: bytes | None) -> Iterable[str]:
    for message in decode_work(value or b"[]"):
        yield f"{message.via.value} hint" if isinstance(message, Hint) else type(message).__name__.lower()


def of_transaction(records: Sequence[Stored]) -> tuple[str, ...]:
    """What a transaction is about to make true."""
    rows = [record for record in records if _ROLES.get(record.topic) == "row"]
    return tuple(sorted({f"commit {kind_of_row(record.value)}" for record in rows})) or ("commit offsets alone",)


def of_fetch(found: Mapping[TopicPartition, Sequence[Any]], group: str | None) -> tuple[str, ...]:
    """What was read, by whom."""
    reader = "look up" if group is None else "consume"
    return tuple(sorted({f"{reader} {_ROLES.get(place.topic, place.topic)}" for place in found}))


def request_of(data: bytes) -> str | None:
    """The request that begins with this piece; numbers in paths are left out."""
    match = _REQUEST.match(data)
    if match is None:
        return None
    path = re.sub(r"\d+", "N", match[2].decode())
    return f"{match[1].decode()} {path}"


def is_answer(data: bytes) -> bool:
    """Whether an answer begins with this piece."""
    return data.startswith(_ANSWER)


def closes_multipart(data: bytes) -> bool:
    """Whether this piece ends a multipart body."""
    return data.rstrip(b"\r\n0").endswith(_CLOSING.rstrip())
