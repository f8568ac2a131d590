"""Dead letters as they lie on their topic."""

from dataclasses import dataclass

from connector.contracts.arrivals import Coordinates, identify
from connector.contracts.dead_letters import HEADERS, original_headers
from connector.domain.ids import ImportId
from connector.kafka.reading import TopicRecord


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One dead letter.

    Attributes:
        partition, offset: Of the letter itself.
        arrived: Where the arrival was announced.
        key, value, headers: Of the arrival, byte for byte.
        redrives: How often it had been sent again before.
        generation: The generation of its import that ended with it, once the ledger has told that it did.
    """

    partition: int
    offset: int
    died_ms: int
    arrived: Coordinates
    import_id: ImportId
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    stage: str
    message: str
    attempts: int
    first_failure: str
    redrives: int
    generation: int | None = None

    @property
    def place(self) -> str:
        """How a person names it."""
        return f"{self.partition}:{self.offset}"


def read_letter(record: TopicRecord, cluster: str) -> DeadLetter | None:
    """The dead letter of a record; None for one that another program wrote."""
    ours = {name: value.decode(errors="replace") for name, value in record.headers if name in HEADERS}
    try:
        arrived = Coordinates(
            cluster=cluster,
            topic=ours["__connect.errors.topic"],
            partition=int(ours["__connect.errors.partition"]),
            offset=int(ours["__connect.errors.offset"]),
            timestamp_ms=record.timestamp_ms,
        )
        headers = original_headers(record.headers)
        return DeadLetter(
            partition=record.partition,
            offset=record.offset,
            died_ms=record.timestamp_ms,
            arrived=arrived,
            import_id=identify(record.value, headers, arrived),
            key=record.key,
            value=record.value,
            headers=headers,
            stage=ours["dlq-reason"],
            message=ours["__connect.errors.exception.message"],
            attempts=int(ours["dlq-attempts"]),
            first_failure=ours["dlq-first-failure"],
            redrives=int(ours["dlq-redrives"]),
        )
    except (KeyError, ValueError):
        return None
