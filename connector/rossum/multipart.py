"""The body of an upload as it goes over the wire, piece by piece, never held as a whole.

Form of RFC 7578; Rossum wants `metadata` and `values` as JSON parts without a file name, and names the document
by the file name of the part `content` (https://elis.rossum.ai/api/docs/#create-upload).
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import orjson

from connector.domain.readings import Enclosed, UploadRequest
from connector.errors import PartitionLost, Retryable
from connector.ports import UploadGate

#: Bytes of an enclosed document that are handed over at once.
_PIECE = 256 * 1024
_UNSAFE_IN_QUOTES = re.compile(r"[^ !#-\[\]-~]")
_CONTENT_TYPE = re.compile(r"[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+(; *[A-Za-z0-9_-]+=[A-Za-z0-9_.-]+)*")


class MultipartBody:
    """One upload's body; can be sent once.

    Attributes:
        started: Whether the first byte was handed over: until then nothing can have been imported.
        size: Bytes of the documents, None where unknown.
        complete: Whether the closing boundary was handed over: until then the body is no valid upload.
        failure: What broke the body off: an error of the source, or `PartitionLost`.
    """

    def __init__(self, request: UploadRequest, chunks: AsyncIterator[bytes], gate: UploadGate) -> None:
        self._boundary = uuid4().hex
        self._announced = request.size
        enclosed = sum(len(document.content) for document in request.enclosed)
        self.size = None if request.size is None else request.size + enclosed
        self._chunks = chunks
        self._gate = gate
        self._head = self._json_part("metadata", request.metadata) + self._json_part("values", request.values)
        self._head += self._content_head(request)
        self._enclosed = [(b"\r\n" + self._content_head(document), document.content) for document in request.enclosed]
        self._tail = f"\r\n--{self._boundary}--\r\n".encode()
        self.started = False
        self.complete = False
        self.failure: Exception | None = None
        self._reading = asyncio.Lock()

    async def at_rest(self) -> None:
        """Wait until nobody reads the source for this body; before, the source can't be closed.

        An exchange that ends early leaves a task of aiohttp's behind, which is cancelled but may not know it yet.
        """
        async with self._reading:
            return

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that belong to the body; without a known size it goes in chunks."""
        headers = {"Content-Type": f"multipart/form-data; boundary={self._boundary}"}
        if self.size is not None:
            heads = len(self._head) + sum(len(head) for head, _ in self._enclosed)
            headers["Content-Length"] = str(heads + self.size + len(self._tail))
        return headers

    async def pieces(self) -> AsyncIterator[bytes]:
        """The body; broken off by the error in `failure` when the source fails or the work is not ours now."""
        self.started = True
        try:
            yield self._head
            async for chunk in self._counted():
                yield chunk
            for head, content in self._enclosed:
                yield head
                for start in range(0, len(content), _PIECE):
                    yield content[start : start + _PIECE]
            self._pass_gate()
        except Exception as error:
            self.failure = error
            raise
        # Nothing was awaited since the gate, so that its answer still holds when the boundary leaves.
        self.complete = True
        yield self._tail

    def _pass_gate(self) -> None:
        if not self._gate():
            raise PartitionLost("another member owns this import now; its upload was broken off")

    async def _counted(self) -> AsyncIterator[bytes]:
        """The source's chunks, as many bytes as were announced."""
        sent = 0
        while chunk := await self._next():
            sent += len(chunk)
            if self._announced is not None and sent > self._announced:
                raise Retryable(f"the document is longer than the {self._announced} bytes that its source announced")
            yield chunk
        if self._announced is not None and sent < self._announced:
            raise Retryable(f"the document ended after {sent} of the {self._announced} bytes that were announced")

    async def _next(self) -> bytes:
        async with self._reading:
            return await anext(self._chunks, b"")

    def _json_part(self, name: str, value: Mapping[str, Any]) -> bytes:
        """A part without a file name: with one, Rossum takes it for a document."""
        if not value:
            return b""
        head = f'--{self._boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n'
        return head.encode() + b"Content-Type: application/json\r\n\r\n" + orjson.dumps(value) + b"\r\n"

    def _content_head(self, document: UploadRequest | Enclosed) -> bytes:
        kind = document.content_type
        kind = kind if _CONTENT_TYPE.fullmatch(kind) else "application/octet-stream"
        disposition = f'form-data; name="content"; {_file_name(document.file_name)}'
        return (f"--{self._boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {kind}\r\n\r\n").encode()


def _file_name(name: str) -> str:
    """The file name parameter; what ASCII in quotes cannot say is said again in the form of RFC 5987."""
    plain = _UNSAFE_IN_QUOTES.sub("_", name)
    if plain == name:
        return f'filename="{name}"'
    return f"filename=\"{plain}\"; filename*=utf-8''{quote(name, safe='')}"
