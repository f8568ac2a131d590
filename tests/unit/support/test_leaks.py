"""A search for leaks finds what a program may write by accident, and nothing else."""

import base64
import json
from urllib.parse import quote

import orjson
import pytest

from connector.domain.ids import AnnotationId
from connector.domain.messages import Hint, Via, encode_work
from connector.domain.rows import AnnotationRow, encode_row
from tests.support.leaks import leaks

#: A letter beyond ASCII, a quotation mark, a backslash and a line break: each is written in its own way.
VALUE = 'Müller "Söhne" \\ 4711\n& Co'
DOCUMENT = b"%PDF-1.4\n" + VALUE.encode() + b"\n%%EOF\n"
ANNOTATION = AnnotationId(4711)

PLANTED = {
    "as it is": VALUE.encode(),
    "a document byte by byte": DOCUMENT,
    "base64": base64.b64encode(DOCUMENT),
    "base64, one byte on": base64.b64encode(b"x" + DOCUMENT),
    "base64, two bytes on": base64.b64encode(b"xy" + DOCUMENT),
    "a log line": json.dumps({"event": "failed", "reason": f"what {VALUE} is"}).encode(),
    "a log line of a repr": json.dumps({"event": "failed", "reason": f"KeyError({VALUE!r})"}).encode(),
    "a log line of bytes": json.dumps({"event": "failed", "reason": f"can't read {DOCUMENT!r}"}).encode(),
    "a log line of JSON": json.dumps({"event": "failed", "reason": json.dumps({"value": VALUE})}).encode(),
    "a log line of our JSON": json.dumps({"event": "failed", "reason": orjson.dumps({"v": VALUE}).decode()}).encode(),
    "a URL": f"https://example.com/?q={quote(VALUE)}".encode(),
    "a hint on work": encode_work([Hint(ANNOTATION, Via.WEBHOOK, status=VALUE)]),
    "a row of the ledger": encode_row(AnnotationRow("exported", VALUE)),
}


@pytest.mark.parametrize("how", PLANTED)
def test_a_leak_is_found(how: str) -> None:
    """Among pieces that are clean, by its text alone."""
    assert leaks({VALUE, "another"}, [b"clean", b"before " + PLANTED[how] + b" behind", b""]) == {VALUE}


def test_nothing_is_found_where_nothing_is() -> None:
    """Parts of it are no leak."""
    assert leaks({VALUE}, [VALUE.encode()[:-1], base64.b64encode(VALUE.encode()[:-4]), b""]) == set()
