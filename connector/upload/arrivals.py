"""Announces local files on Kafka: as CloudEvents whose id follows from the file, so that a repeated one is no other."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from connector.contracts.arrivals import Arrival, FileSource, InlineSource, Source
from connector.contracts.envelope import TYPE_PREFIX, KafkaRecord, encode_data
from connector.contracts.incoming import SPECVERSION
from connector.domain.ids import arrival_event_id
from connector.errors import Rejected, Stage
from connector.upload.local_files import LocalFile

#: `ce_source` of what this product announces itself.
SOURCE = "urn:rossum-kafka-connector:import"


def arrival_record(
    file: LocalFile, queue: str, *, by_path: bool, metadata: Mapping[str, Any], values: Mapping[str, str]
) -> KafkaRecord:
    """The arrival of a file, with its bytes inside or by its path.

    Raises:
        Rejected: It can't be read (stage fetch), is empty, or its name is no document id (stage validate).
    """
    content = _content(file)
    digest = hashlib.sha256(content).hexdigest()
    try:
        arrival = Arrival(
            source=_source(file, content, digest, by_path=by_path),
            queue=queue,
            document_id=file.key,
            file_name=file.path.name,
            metadata=dict(metadata),
            values=dict(values),
        )
    except ValidationError as error:
        msg = f"{file.name} has no name for events: choose a shorter one with --document-id"
        raise Rejected(msg, stage=Stage.VALIDATE) from error
    headers = {
        "ce_specversion": SPECVERSION,
        "ce_id": arrival_event_id(queue, file.key, digest),
        "ce_source": SOURCE,
        "ce_type": f"{TYPE_PREFIX}document.arrived",
        "content-type": "application/json",
    }
    value = encode_data(arrival)
    return KafkaRecord(file.key.encode(), value, tuple((name, text.encode()) for name, text in headers.items()))


def _source(file: LocalFile, content: bytes, digest: str, *, by_path: bool) -> Source:
    if by_path:
        return FileSource(kind="file", path=str(file.path), sha256=digest, size=len(content))
    encoded = base64.b64encode(content).decode()
    return InlineSource(kind="inline", base64=encoded, sha256=digest, size=len(content))


def _content(file: LocalFile) -> bytes:
    try:
        content = file.path.read_bytes()
    except OSError as error:
        raise Rejected(f"{file.name} can't be read: {error.strerror}", stage=Stage.FETCH) from error
    if not content:
        raise Rejected(f"{file.name} is empty", stage=Stage.VALIDATE)
    return content
