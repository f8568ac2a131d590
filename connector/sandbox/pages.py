"""Small documents that every viewer opens, made in code: a one-page PDF and a PNG."""

import struct
import zlib
from collections.abc import Sequence
from typing import Final

_PNG_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"
_PNG_SIZE: Final = 64
_PNG_STRIPE: Final = 8
_GREY: Final = 0


def pdf(lines: Sequence[str]) -> bytes:
    """A one-page PDF 1.4 with these lines of text (Latin-1)."""
    shown = " ".join(f"({_escaped(line)}) Tj T*" for line in lines)
    text = f"BT /F1 12 Tf 60 780 Td 18 TL {shown} ET".encode("latin-1", errors="replace")
    fonts = b"<< /Font << /F1 5 0 R >> >>"
    objects = (
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources %s >>" % fonts,
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    )
    body = b"%PDF-1.4\n"
    places = []
    for number, content in enumerate(objects, start=1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    count = len(objects) + 1
    trailer = b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (count, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n%s" % (count, table) + trailer


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def png(text: str) -> bytes:
    """A striped grey 64 x 64 PNG that carries the text as its title."""
    row = bytes(255 * (column // _PNG_STRIPE % 2) for column in range(_PNG_SIZE))
    pixels = (b"\0" + row) * _PNG_SIZE
    header = struct.pack(">IIBBBBB", _PNG_SIZE, _PNG_SIZE, 8, _GREY, 0, 0, 0)
    title = b"Title\0" + text.encode("latin-1", errors="replace")
    chunks = ((b"IHDR", header), (b"tEXt", title), (b"IDAT", zlib.compress(pixels)), (b"IEND", b""))
    return _PNG_SIGNATURE + b"".join(_chunk(name, data) for name, data in chunks)


def _chunk(name: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
