"""Exports as JSON: the elements of all parts in the one list that Rossum's own answer has."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from connector.domain.ids import AnnotationId
from connector.export.forms import Params, Part, Unreadable, annotation_of, first_of_each, in_order


class JsonForm:
    """Elements with all that Rossum says; the pagination is that of a single page."""

    #: Rossum's largest page of JSON.
    params: Params = (("format", "json"), ("page_size", "100"))

    def found(self, path: Path) -> frozenset[AnnotationId]:
        """See the protocol."""
        return frozenset(number for number, _ in _elements(path))

    def write(self, parts: Sequence[Part], out: BinaryIO) -> None:
        """See the protocol."""
        total = sum(len(part.ids) for part in parts)
        pagination = {"total": total, "total_pages": 1, "next": None, "previous": None}
        out.write(b'{"pagination":' + orjson.dumps(pagination) + b',"results":[')
        separator = b"\n"
        for part in parts:
            for element in in_order(part, first_of_each(_elements(part.path))):
                out.write(separator + orjson.dumps(element))
                separator = b",\n"
        out.write(b"\n]}\n")


def _elements(path: Path) -> Iterator[tuple[AnnotationId, Any]]:
    try:
        results = orjson.loads(path.read_bytes())["results"]
        for element in results:
            yield annotation_of(element["url"]), element
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise Unreadable("it is no JSON export") from error
