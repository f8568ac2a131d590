"""Where the tests' documents come from: an https server with a CA of its own, files, and the arrivals themselves."""

import base64
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme
from aiohttp import web

from tests.support.deployment import inline, pdf


@dataclass(frozen=True, slots=True)
class Sources:
    """Documents by number, in three places.

    Attributes:
        settings: What the connector needs to be allowed to fetch them.
        unavailable: Numbers of documents that the https server answers with 503 for now.
        text: What a document says; `{}` is its number.
    """

    port: int
    folder: Path
    settings: dict[str, str]
    unavailable: set[int]
    text: str

    def content(self, number: int) -> bytes:
        """What a document is."""
        return pdf(self.text.format(number))

    def arrival(self, number: int, **metadata: Any) -> dict[str, Any]:
        """The arrival of a document: its number decides where it lies."""
        arrival = inline(number, **metadata)
        if number % 3 == 1:
            arrival["source"] = {"kind": "https", "url": f"https://localhost:{self.port}/documents/{number}"}
        elif number % 3 == 2:
            path = self.folder / f"{number}.pdf"
            path.write_bytes(self.content(number))
            arrival["source"] = {"kind": "file", "path": str(path)}
        else:
            arrival["source"] = {"kind": "inline", "base64": base64.b64encode(self.content(number)).decode()}
        return arrival


@asynccontextmanager
async def sources(folder: Path, *, text: str = "document {}") -> AsyncIterator[Sources]:
    """Open them."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    ca_file = folder / "ca.pem"
    authority.cert_pem.write_to_path(str(ca_file))
    files = folder / "files"
    files.mkdir()

    unavailable: set[int] = set()

    async def document(request: web.Request) -> web.Response:
        number = request.match_info["number"]
        if int(number) in unavailable:
            return web.Response(status=503)
        return web.Response(body=pdf(text.format(number)), content_type="application/pdf")

    app = web.Application()
    app.router.add_get("/documents/{number}", document)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        port = int(runner.addresses[0][1])
        settings = {
            "IMPORTS__ALLOWED_HOSTS": f'["localhost:{port}"]',
            "IMPORTS__PRIVATE_NETWORKS": '["127.0.0.0/8", "::1/128"]',
            "IMPORTS__CA_FILE": str(ca_file),
            "IMPORTS__FILE_ROOTS": f'["{files}"]',
        }
        yield Sources(port, files, settings, unavailable, text)
    finally:
        await runner.cleanup()
