"""Sample documents on disk: small files of each kind that Rossum takes, for trying a client by hand."""

import io
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from connector.sandbox.pages import pdf, png

_SIDE: Final = 64
_STRIPE: Final = 8
_SHORT, _LONG = 3, 4  # types of a TIFF's fields
_HEADER = 8  # bytes before a TIFF's pixels
#: A ZIP knows no earlier day; the same bytes come out every time.
_DAY: Final = (1980, 1, 1, 0, 0, 0)


def tiff() -> bytes:
    """A striped grey 64 x 64 TIFF, not compressed."""
    pixels = bytes(255 * (place % _SIDE // _STRIPE % 2) for place in range(_SIDE * _SIDE))
    fields = (
        (256, _LONG, _SIDE),  # width
        (257, _LONG, _SIDE),  # height
        (258, _SHORT, 8),  # bits of a pixel
        (259, _SHORT, 1),  # not compressed
        (262, _SHORT, 1),  # black is zero
        (273, _LONG, _HEADER),  # where the pixels start
        (277, _SHORT, 1),  # values of a pixel
        (278, _LONG, _SIDE),  # rows of the only strip
        (279, _LONG, len(pixels)),  # bytes of it
    )
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in fields)
    directory = struct.pack("<H", len(fields)) + entries + struct.pack("<I", 0)
    return struct.pack("<2sHI", b"II", 42, _HEADER + len(pixels)) + pixels + directory


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in files.items():
            book.writestr(zipfile.ZipInfo(name, _DAY), content, zipfile.ZIP_DEFLATED)
    return stream.getvalue()


def sample_files() -> dict[str, bytes]:
    """Contents by name: two invoices, two images, and a ZIP of an invoice and an image."""
    invoices = {f"invoice-{number}.pdf": pdf([f"Invoice {number}", "A sample document."]) for number in (1, 2, 3)}
    inside = {"invoice-3.pdf": invoices.pop("invoice-3.pdf"), "scan-2.png": png("scan 2")}
    return {**invoices, "scan-1.png": png("scan 1"), "fax.tiff": tiff(), "batch.zip": archive(inside)}


def write_samples(folder: Path) -> list[Path]:
    """Write them to a folder, which is made where it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, content in sample_files().items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    return paths
