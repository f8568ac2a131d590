"""What an application may ask of an embedded URL: the body of `POST /v1/annotations/{id}/embedded-url`, checked.

Only names stand in the sentences, never a value: the URLs are the application's and may hold what is secret to it.
"""

from typing import Any, Final
from urllib.parse import urlsplit

import orjson

from connector.domain.embedded import EmbeddedOrder
from connector.domain.ids import AnnotationId

#: Bytes of a body.
LARGEST_ORDER: Final = 16_384
#: Characters of a URL that browsers and servers still take.
LONGEST_URL: Final = 2_000
#: Seconds, as Rossum has it: 162 hours.
LONGEST_LIFE: Final = 583_200

_URLS: Final = ("return_url", "cancel_url", "postpone_url", "delete_url")
_LIFE: Final = "max_token_lifetime_s"
_START: Final = "start"


class OrderError(Exception):
    """A body that can't be used; the sentence says which part, and what it should be."""


def read_order(annotation: AnnotationId, body: bytes) -> EmbeddedOrder:
    """The order in a body; an empty one asks for nothing special.

    Raises:
        OrderError: It is none.
    """
    try:
        asked = orjson.loads(body) if body else {}
    except orjson.JSONDecodeError:
        raise OrderError("the body is not JSON") from None
    if not isinstance(asked, dict):
        raise OrderError("the body is not a JSON object")
    known = {*_URLS, _LIFE, _START}
    if not known.issuperset(asked):
        raise OrderError(f"there is {', '.join((*_URLS, _LIFE, _START))}, and nothing else")
    given = {name: value for name, value in asked.items() if value is not None}
    start = given.pop(_START, False)
    if not isinstance(start, bool):
        raise OrderError("start must be true or false")
    for name, value in given.items():
        if name == _LIFE:
            _check_life(value)
        else:
            _check_url(name, value)
    return EmbeddedOrder(annotation, start, given)


def _check_life(value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= LONGEST_LIFE:
        raise OrderError(f"{_LIFE} must be a whole number of seconds from 1 to {LONGEST_LIFE}")


def _check_url(name: str, value: Any) -> None:
    """A browser goes there with its user: only plain web addresses will do."""
    sentence = f"{name} must be a complete http(s) URL of at most {LONGEST_URL} characters, without user or password"
    if not isinstance(value, str) or len(value) > LONGEST_URL or not value.isascii() or not value.isprintable():
        raise OrderError(sentence)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise OrderError(sentence) from None
    if parts.scheme not in ("http", "https") or not host or parts.username is not None or " " in value:
        raise OrderError(sentence)
