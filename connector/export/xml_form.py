"""Exports as XML: the `annotation` elements of all parts, byte for byte, in one `results`."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO
from xml.parsers import expat

from connector.domain.ids import AnnotationId
from connector.export.forms import Params, Part, Unreadable, annotation_of, first_of_each, in_order

_HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n<export><results>'
#: `export`, `results`, `annotation`.
_DEPTH = 3


class XmlForm:
    """Elements as Rossum wrote them; the pagination is that of a single page."""

    #: Rossum's largest page of lists; nobody says how many it gives in XML without being asked.
    params: Params = (("format", "xml"), ("page_size", "100"))

    def found(self, path: Path) -> frozenset[AnnotationId]:
        """See the protocol."""
        return frozenset(number for number, _ in _Reader(path.read_bytes()).elements())

    def write(self, parts: Sequence[Part], out: BinaryIO) -> None:
        """See the protocol."""
        out.write(_Reader(parts[0].path.read_bytes()).head() if parts else _HEAD)
        for part in parts:
            reader = _Reader(part.path.read_bytes())
            out.writelines(element + b"\n" for element in in_order(part, first_of_each(reader.elements())))
        total = sum(len(part.ids) for part in parts)
        out.write(b"</results><pagination><next/><previous/>")
        out.write(b"<total>%d</total><total_pages>1</total_pages></pagination></export>\n" % total)


class _Reader:
    """Finds where the elements of one document begin and end, without changing a byte of them."""

    def __init__(self, text: bytes) -> None:
        self._text = text
        self._depth = 0
        self._open: tuple[AnnotationId, int] | None = None
        self._found: list[tuple[AnnotationId, int, int]] = []
        self._parser = expat.ParserCreate()
        self._parser.XmlDeclHandler = self._declared
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        try:
            self._parser.Parse(text, True)  # noqa: FBT003 - takes no keywords
        except expat.ExpatError as error:
            raise Unreadable("it is no XML export") from error

    def elements(self) -> Iterator[tuple[AnnotationId, bytes]]:
        """Each annotation with its element."""
        return ((number, self._text[start:stop]) for number, start, stop in self._found)

    def head(self) -> bytes:
        """What comes before the first element: declaration, root, its attributes."""
        return self._text[: self._found[0][1]] if self._found else _HEAD

    def _declared(self, _version: str, encoding: str | None, _standalone: int) -> None:
        if (encoding or "utf-8").lower() != "utf-8":
            raise Unreadable("its encoding is not UTF-8")

    def _doctype(self, *_: object) -> None:
        raise Unreadable("an export has no document type")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        if self._depth == 1 and name != "export":
            raise Unreadable("its root is not `export`")
        if self._depth == _DEPTH and name == "annotation":
            self._open = annotation_of(attributes.get("url")), self._parser.CurrentByteIndex

    def _end(self, _name: str) -> None:
        if self._depth == _DEPTH and self._open is not None:
            number, start = self._open
            stop = self._text.index(b">", self._parser.CurrentByteIndex) + 1
            self._found.append((number, start, stop))
            self._open = None
        self._depth -= 1
