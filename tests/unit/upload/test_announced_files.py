"""Arrivals of local files."""

import base64
from pathlib import Path

import pytest

from connector.contracts.arrivals import Coordinates, FileSource, InlineSource, ReceivedArrival, read_arrival
from connector.contracts.envelope import KafkaRecord
from connector.errors import Rejected
from connector.upload.arrivals import arrival_record
from connector.upload.local_files import LocalFile

AT = Coordinates("c", "documents.arrived", 0, 7, 0)


@pytest.fixture
def file(tmp_path: Path) -> LocalFile:
    """A document."""
    path = tmp_path / "účet.pdf"
    path.write_bytes(b"%PDF-1.4")
    return LocalFile(path, "účet.pdf", "účet.pdf")


def record_of(file: LocalFile, *, queue: str = "8198", by_path: bool = False) -> KafkaRecord:
    """Its arrival."""
    return arrival_record(file, queue, by_path=by_path, metadata={"po": "77"}, values={"upload:x": "1"})


def read(record: KafkaRecord) -> ReceivedArrival:
    """What the connector makes of it."""
    return read_arrival(record.value, record.headers, AT)


def test_the_connector_reads_what_was_announced(file: LocalFile) -> None:
    """Bytes, names, queue, metadata and values are all there."""
    record = record_of(file)

    received = read(record)

    arrival = received.arrival
    assert isinstance(arrival.source, InlineSource)
    assert base64.b64decode(arrival.source.base64) == b"%PDF-1.4"
    assert (arrival.source.size, arrival.queue, arrival.file_name) == (8, "8198", "účet.pdf")
    assert (arrival.metadata, arrival.values) == ({"po": "77"}, {"upload:x": "1"})
    assert (received.document_key, record.key) == ("účet.pdf", "účet.pdf".encode())


def test_the_same_file_is_the_same_import(file: LocalFile) -> None:
    """By path or with its bytes; another content, key or queue is another one."""
    inline, by_path = read(record_of(file)), read(record_of(file, by_path=True))
    elsewhere = read(record_of(file, queue="8199"))
    renamed = read(record_of(LocalFile(file.path, "b", "b")))
    file.path.write_bytes(b"%PDF-1.5")
    changed = read(record_of(file))

    assert isinstance(by_path.arrival.source, FileSource)
    assert by_path.arrival.source.path == str(file.path)
    assert inline.import_id == by_path.import_id
    assert len({inline.import_id, elsewhere.import_id, renamed.import_id, changed.import_id}) == 4


@pytest.mark.parametrize("by_path", [False, True])
def test_what_cannot_be_announced_is_told(tmp_path: Path, file: LocalFile, *, by_path: bool) -> None:
    """An empty file, one that is gone, names that are no key or no text."""
    (tmp_path / "empty.pdf").touch()
    nameless = tmp_path / "\udcff.pdf"
    nameless.write_bytes(b"%PDF-1.4")
    cases = {
        "is empty": LocalFile(tmp_path / "empty.pdf", "empty.pdf", "empty.pdf"),
        "can't be read: No such file": LocalFile(tmp_path / "gone.pdf", "gone.pdf", "gone.pdf"),
        "long has no name for events: choose a shorter one with --document-id": LocalFile(file.path, "long", "x" * 256),
        "odd has no name for events": LocalFile(nameless, "odd", "odd"),
    }

    for said, wrong in cases.items():
        with pytest.raises(Rejected, match=said):
            record_of(wrong, by_path=by_path)
