"""The sample documents and arrivals of the sandbox."""

import re
import struct
import zlib
from itertools import islice
from pathlib import Path

import orjson

from connector.contracts.arrivals import Coordinates, read_arrival
from connector.errors import Rejected
from connector.sandbox.pages import pdf, png
from connector.sandbox.samples import KINDS, Form, arrival_of, samples


def test_that_the_cross_references_of_a_pdf_are_right() -> None:
    """Each entry of the table points at its object, and the trailer at the table."""
    page = pdf(["Invoice (1)", "back\\slash"])

    table = int(re.findall(rb"startxref\n(\d+)\n", page)[0])
    entries = re.findall(rb"(\d{10}) 00000 n ", page[table:])

    assert page[table:].startswith(b"xref")
    assert all(page[int(place) :].startswith(b"%d 0 obj" % n) for n, place in enumerate(entries, start=1))
    assert rb"(Invoice \(1\)) Tj" in page


def test_that_a_png_has_sound_chunks() -> None:
    """Every chunk has the right checksum, and the pixels are as many as the header says."""
    image = png("title")

    chunks = {}
    place = 8
    while place < len(image):
        size, name = struct.unpack(">I4s", image[place : place + 8])
        body = image[place + 8 : place + 8 + size]
        assert zlib.crc32(name + body) == struct.unpack(">I", image[place + 8 + size : place + 12 + size])[0]
        chunks[name] = body
        place += 12 + size
    width, height = struct.unpack(">II", chunks[b"IHDR"][:8])
    assert len(zlib.decompress(chunks[b"IDAT"])) == height * (width + 1)
    assert list(chunks)[-1] == b"IEND"


def test_that_arrivals_can_be_read_unless_they_are_broken(tmp_path: Path) -> None:
    """Every sample is an arrival of its document id, in each form; the broken one is rejected."""
    readable, rejected = [], []
    for sample in islice(samples(), len(KINDS)):
        arrival = arrival_of(sample, tmp_path)
        try:
            at = Coordinates("c", "documents.arrived", 0, 0, 0)
            readable.append(read_arrival(arrival.value, arrival.headers, at).document_key)
        except Rejected:
            rejected.append(sample)

    assert [sample.kind.form for sample in rejected] == [Form.BROKEN]
    assert len(readable) == len(set(readable)) == len(KINDS) - 1


def test_that_documents_begin_again_under_other_names(tmp_path: Path) -> None:
    """The second round has the same kinds, other ids and other content."""
    first, *_, again = islice(samples(), len(KINDS) + 1)

    contents = {orjson.loads(arrival_of(one, tmp_path).value)["source"]["base64"] for one in (first, again)}

    assert first.kind is again.kind
    assert first.document_id != again.document_id
    assert len(contents) == 2
