"""Dead letters as they lie on their topic."""

from dataclasses import dataclass

from connector.contracts.arrivals import Coordinates, identify
from connector.contracts.dead_letters import DOCUMENT_ID, QUEUE, VALUE_LEFT_OUT, original_headers, reasons
from connector.contracts.incoming import names_in
from connector.domain.ids import ImportId
from connector.kafka.reading import TopicRecord
from connector.ports import InnerRecord


@dataclass(frozen=True, slots=True)
class Content:
    """Key, value and headers of an arrival, byte for byte."""

    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """What is known of one dead letter; its content, of which many would fill the memory, is read again when needed.

    Attributes:
        partition, offset: Of the letter itself.
        arrived: Where the arrival was announced.
        import_id: As the letter tells it: an arrival that was repaired may name another one by now. Letters of before
            tell none; it is what their arrival names.
        document_id, queue: As the arrival names them.
        size: Bytes of the arrival's value, as far as it is in the letter.
        redrives: How often it had been sent again before.
        left_out: Bytes of the value where it was too large for the letter; 0 where it was not read.
        unread: The value was not read, so nobody knows how large it is, nor what it names.
        generation: The generation of its import that ended with it, once the ledger has told that it did.
    """

    partition: int
    offset: int
    died_ms: int
    arrived: Coordinates
    import_id: ImportId
    document_id: str | None
    queue: str | None
    size: int
    stage: str
    message: str
    attempts: int
    first_failure: str
    redrives: int
    left_out: int | None = None
    unread: bool = False
    generation: int | None = None

    @property
    def place(self) -> str:
        """How a person names it."""
        return f"{self.partition}:{self.offset}"

    @property
    def without_value(self) -> str:
        """A sentence for where the value should be; empty where it is."""
        if self.left_out is None:
            return ""
        place = f"offset {self.arrived.offset} of {self.arrived.topic}[{self.arrived.partition}]"
        if self.unread:
            return f"it was not read; it was announced at {place}"
        size = f"with {self.left_out} bytes " if self.left_out else ""
        return f"{size}it is too large for a letter: it stands at {place}"


def content_of(record: TopicRecord | InnerRecord) -> Content:
    """What a letter holds."""
    return Content(record.key, record.value, original_headers(record.headers))


def read_letter(record: TopicRecord, cluster: str) -> DeadLetter | None:
    """The dead letter of a record; None for one that another program wrote."""
    ours = reasons(record.headers)
    try:
        arrived = Coordinates(
            cluster=cluster,
            topic=ours["__connect.errors.topic"],
            partition=int(ours["__connect.errors.partition"]),
            offset=int(ours["__connect.errors.offset"]),
            timestamp_ms=record.timestamp_ms,
        )
        content = content_of(record)
        left_out = ours.get(VALUE_LEFT_OUT)
        if left_out is None:
            document_id, queue = names_in(content.value, content.headers)
        else:
            document_id, queue = ours.get(DOCUMENT_ID), ours.get(QUEUE)
        return DeadLetter(
            partition=record.partition,
            offset=record.offset,
            died_ms=record.timestamp_ms,
            arrived=arrived,
            import_id=ImportId(ours.get("dlq-import-id") or identify(content.value, content.headers, arrived)),
            document_id=document_id,
            queue=queue,
            size=len(content.value or b""),
            stage=ours["dlq-reason"],
            message=ours["__connect.errors.exception.message"],
            attempts=int(ours["dlq-attempts"]),
            first_failure=ours["dlq-first-failure"],
            redrives=int(ours["dlq-redrives"]),
            left_out=None if left_out is None else int(left_out or 0),
            unread=left_out == "",
        )
    except (KeyError, ValueError):
        return None
