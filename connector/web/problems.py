"""Errors as the web sees them: `application/problem+json` (RFC 9457)."""

from http import HTTPStatus

import orjson
from aiohttp import web


def problem(status: int, detail: str, *, headers: dict[str, str] | None = None) -> web.Response:
    """An error answer; `detail` is one sentence for a person, without secrets."""
    body = {"type": "about:blank", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return web.Response(
        status=status, body=orjson.dumps(body), content_type="application/problem+json", headers=headers
    )
