"""What every source's bytes go through: counted, hashed, capped, compared with what was announced."""

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

from connector.errors import Rejected, Retryable, Stage


@dataclass(frozen=True, slots=True)
class Opened:
    """A source that is open, unchecked.

    Attributes:
        shown: How messages name it.
        size: Bytes as the source announces them, None where it doesn't.
        chunks: Its bytes, in pieces of at most `limits.CHUNK`.
        file_name: Cleaned.
        content_type: The source's own word.
    """

    shown: str
    size: int | None
    chunks: AsyncGenerator[bytes, None]
    file_name: str | None = None
    content_type: str | None = None


@dataclass(frozen=True, slots=True)
class Expected:
    """What the arrival and the operator say about the bytes; `sha256` in hex, sizes in bytes."""

    max_bytes: int
    size: int | None = None
    sha256: str | None = None


class Meter:
    """Counts and hashes one document and refuses it as soon as it can't be right."""

    def __init__(self, opened: Opened, expected: Expected) -> None:
        self._opened = opened
        self._expected = expected
        self._digest = hashlib.sha256()
        self._total = 0
        self._finished = False
        self._check_announced()

    def take(self, chunk: bytes) -> None:
        """Count a piece.

        Raises:
            Rejected: The document is larger than the cap or than the arrival says.
        """
        self._total += len(chunk)
        if self._total > self._expected.max_bytes:
            raise self._too_large()
        if self._expected.size is not None and self._total > self._expected.size:
            raise self._differs("is larger than", f"{self._expected.size} bytes")
        self._digest.update(chunk)

    def finish(self) -> None:
        """Compare the whole with what was announced.

        Raises:
            Retryable: The source sent another number of bytes than it announced.
            Rejected: The document is empty, or not the one that the arrival describes.
        """
        announced, expected = self._opened.size, self._expected
        if announced is not None and announced != self._total:
            raise Retryable(
                f"{self._opened.shown} announced {announced} bytes and gave {self._total}: it was cut short "
                "or changed while it was read"
            )
        if not self._total:
            raise Rejected(f"{self._opened.shown} is empty.", stage=Stage.VALIDATE)
        if expected.size is not None and expected.size != self._total:
            raise self._differs(f"has {self._total} bytes instead of", f"{expected.size}")
        if expected.sha256 is not None and expected.sha256.lower() != self._digest.hexdigest():
            raise self._differs("has another content than", "that SHA-256")
        self._finished = True

    def sha256(self) -> str:
        """Hex digest of the whole document.

        Raises:
            RuntimeError: Asked before the last chunk was read.
        """
        if not self._finished:
            raise RuntimeError("sha256() is known after the last chunk only; read `chunks` to the end first")
        return self._digest.hexdigest()

    def _check_announced(self) -> None:
        size, wanted = self._opened.size, self._expected.size
        if size is not None and size > self._expected.max_bytes:
            raise self._too_large()
        if size is not None and wanted is not None and size != wanted:
            raise self._differs(f"has {size} bytes instead of", f"{wanted}")

    def _too_large(self) -> Rejected:
        return Rejected(
            f"{self._opened.shown} is larger than the {self._expected.max_bytes} bytes that IMPORTS__MAX_BYTES allows.",
            stage=Stage.VALIDATE,
        )

    def _differs(self, how: str, wanted: str) -> Rejected:
        return Rejected(
            f"{self._opened.shown} {how} {wanted} as the arrival says; announce the document again with the "
            "values of the present file.",
            stage=Stage.FETCH,
        )


async def verified(chunks: AsyncIterator[bytes], meter: Meter) -> AsyncGenerator[bytes, None]:
    """The same bytes; the last piece is held back until all of them are known to be right.

    So a wrong document is never completed at the receiver.
    """
    held = b""
    async for chunk in chunks:
        meter.take(chunk)
        if held:
            yield held
        held = chunk
    meter.finish()
    yield held
