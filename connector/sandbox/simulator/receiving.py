"""Takes in the body of an upload piece by piece: multipart, or one raw file; hashed on the way."""

import hashlib
import re
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import unquote

import orjson
from aiohttp import BodyPartReader

from connector.sandbox.simulator.content_store import ContentStore
from connector.sandbox.simulator.kinds import CONTAINERS, HEAD, kind_inside, kind_of
from connector.sandbox.simulator.metadata import checked_metadata
from connector.sandbox.simulator.model import Json
from connector.sandbox.simulator.wire import ApiError, Call, bad_field

LARGEST = 40 * 1024 * 1024  # bytes of all files of one request
_PIECE = 1 << 16
_FIELD_LIMIT = 1 << 20  # bytes of a metadata or values part
_IN_MEMORY = 1 << 20  # bytes of a ZIP or office document before it goes to a temporary file
_JSON_FIELDS = frozenset({"metadata", "values"})
_FILE_NAME = re.compile(r"filename\*=(?:utf-8|UTF-8)''([^;]+)|filename=\"?([^\";]+)\"?")


class ReceivedFile:
    """One file that has arrived or is arriving; its bytes are kept only while there is room."""

    def __init__(self, name: str, store: ContentStore) -> None:
        self.name = name
        self.size = 0
        self.kind: str | None = None
        self.spool: IO[bytes] | None = None
        self._store = store
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._kept: bytearray | None = bytearray()

    def feed(self, piece: bytes) -> None:
        """Take the next bytes; the first ones tell the kind."""
        if self.size == 0:
            self.kind = kind_of(piece[:HEAD])
            if self.kind in CONTAINERS:
                self.spool = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed by discard
        self.size += len(piece)
        self._sha256.update(piece)
        self._md5.update(piece)
        if self.spool is not None:
            self.spool.write(piece)
        if self._kept is None:
            return
        if self._store.reserve(len(piece)):
            self._kept += piece
        else:
            self._forget()

    def end(self) -> None:
        """All bytes have come: an office document can be told from an archive."""
        if self.spool is not None and self.kind is not None:
            self.kind = kind_inside(self.kind, self.spool)

    def _forget(self) -> None:
        if self._kept is not None:
            self._store.release(len(self._kept))
            self._kept = None

    @property
    def sha256(self) -> str:
        """SHA-256 of the content, hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """MD5 of the content, hexadecimal: the key of Rossum's duplicate relations."""
        return self._md5.hexdigest()

    def keep_as(self, document_id: int) -> None:
        """Hand the bytes, if they are still there, to the store as that document's."""
        if self._kept is not None:
            self._store.put(document_id, bytes(self._kept))
            self._kept = None

    def discard(self) -> None:
        """Give back what is still held."""
        self._forget()
        if self.spool is not None:
            self.spool.close()


@dataclass(slots=True)
class Received:
    """A whole request: its files, and its JSON fields as objects."""

    files: list[ReceivedFile] = field(default_factory=list)
    metadata: Json = field(default_factory=dict)
    values: Json = field(default_factory=dict)
    parent: str | None = None

    @property
    def size(self) -> int:
        """Bytes of all files so far."""
        return sum(file.size for file in self.files)

    def discard(self) -> None:
        """Give back what the files still hold."""
        for file in self.files:
            file.discard()


async def receive(call: Call) -> Received:
    """Read the request's body.

    Raises:
        ApiError: 400 for what is missing, empty, unreadable or of an unknown kind; 413 for more than 40 MB.
    """
    received = Received()
    declared = call.request.content_length
    if declared is not None and declared > LARGEST + _FIELD_LIMIT:
        raise _too_large()
    try:
        if call.request.content_type.startswith("multipart/"):
            await _receive_parts(call, received)
        else:
            await _receive_raw(call, received)
        _check(received)
    except BaseException:
        received.discard()
        raise
    return received


async def _receive_parts(call: Call, received: Received) -> None:
    try:
        reader = await call.request.multipart()
        while (part := await reader.next()) is not None:
            if isinstance(part, BodyPartReader):
                await _receive_part(call, received, part)
    except (ValueError, AssertionError) as error:
        detail = f"Multipart form parse error - {error}"
        raise ApiError(HTTPStatus.BAD_REQUEST, {"detail": detail, "code": "parse_error"}) from error


async def _receive_part(call: Call, received: Received, part: BodyPartReader) -> None:
    if part.name == "content":
        file = ReceivedFile(part.filename or "document", call.world.contents)
        received.files.append(file)
        await _fill(received, file, _pieces(part))
    elif part.name in _JSON_FIELDS:
        set_json(received, part.name, await small_part(part), named=bool(part.filename))
    elif part.name == "parent":
        received.parent = (await small_part(part)).decode(errors="replace")
    else:
        await part.release()


async def small_part(part: BodyPartReader, limit: int = _FIELD_LIMIT) -> bytes:
    """The whole of a part that is no file.

    Raises:
        ApiError: 413, it has more bytes than the limit.
    """
    text = bytearray()
    while piece := await part.read_chunk(_PIECE):
        text += piece
        if len(text) > limit:
            raise _too_large()
    return bytes(text)


def set_json(received: Received, name: str, text: bytes, *, named: bool) -> None:
    """Store a JSON field; a part with a file name is refused as the real API does.

    Raises:
        ApiError: 400, it is no JSON object, or too large.
    """
    try:
        value: Any = None if named else orjson.loads(text)
    except orjson.JSONDecodeError:
        value = None
    if not isinstance(value, dict):
        raise bad_field(name, "Value must be valid JSON.")
    if name == "metadata":
        received.metadata = checked_metadata(value)
    else:
        received.values = value


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(_PIECE):
        yield piece


async def _receive_raw(call: Call, received: Received) -> None:
    file = ReceivedFile(_raw_name(call), call.world.contents)
    received.files.append(file)
    await _fill(received, file, call.request.content.iter_chunked(_PIECE))


def _raw_name(call: Call) -> str:
    """The name of a raw body: its ``Content-Disposition``, else the path's last segment."""
    if found := _FILE_NAME.search(call.request.headers.get("Content-Disposition", "")):
        return unquote(found[1]) if found[1] else found[2]
    if call.name:
        return unquote(call.name)
    raise bad_field("content", "This field is required.")


async def _fill(received: Received, file: ReceivedFile, pieces: AsyncIterator[bytes]) -> None:
    """Feed a file; the first piece is made long enough to tell its kind."""
    first = b""
    async for piece in pieces:
        if file.size == 0:
            first += piece
            if len(first) >= HEAD:
                file.feed(first)
        else:
            file.feed(piece)
        if received.size > LARGEST:
            raise _too_large()
    if file.size == 0 and first:
        file.feed(first)


def _check(received: Received) -> None:
    if not received.files:
        raise bad_field("content", "This field is required.")
    for file in received.files:
        if file.size == 0:
            raise bad_field("content", "The submitted file is empty.")
        file.end()
        if file.kind is None:
            raise bad_field("content", f"File type of {file.name} is not supported.")


def _too_large() -> ApiError:
    return ApiError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"detail": "Uploaded files exceed the limit of 40 MB."})
