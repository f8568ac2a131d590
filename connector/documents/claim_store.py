"""Keeps bodies that are too large for Kafka in an object store."""

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from connector.documents.object_stores import EXTRA, connect, is_from_client
from connector.errors import Retryable, SettingsError

if TYPE_CHECKING:
    from connector.documents.object_stores import Store

_CONNECT_TIMEOUT, _READ_TIMEOUT = 10.0, 60.0
#: Seconds for one body.
_PUT_TIMEOUT = 120.0


class ObjectClaims:
    """Implements `ports.ClaimStore` in one bucket, below a prefix.

    Args:
        url: `s3://bucket/prefix`, `gcs://bucket/prefix` or `azure://container/prefix`.
        read_timeout: Seconds without a byte.

    Raises:
        SettingsError: The extra is not installed, or the environment lacks what the store needs.
    """

    def __init__(self, url: str, *, read_timeout: float = _READ_TIMEOUT) -> None:
        parts = urlsplit(url)
        self._url = url.rstrip("/")
        self._prefix = parts.path.strip("/")
        self._store = _connected(parts.scheme, parts.netloc, read_timeout)

    async def keep(self, name: str, body: bytes) -> str:
        """Store a body whole; the URL of the object, which exists from then on.

        Raises:
            Retryable: It was not stored, or nobody knows; to store it again does no harm.
        """
        key = "/".join(part for part in (self._prefix, name) if part)
        try:
            async with asyncio.timeout(_PUT_TIMEOUT):
                # In one request: an object is there whole or not at all.
                await self._store.put_async(
                    key, body, attributes={"Content-Type": "application/json"}, use_multipart=False
                )
        except Exception as error:
            if not isinstance(error, OSError) and not is_from_client(error):
                raise
            # Without its cause, which quotes requests and answers.
            kind = type(error).__name__
            raise Retryable(f"CAPTURE__CLAIM_STORE: {self._url} does not take an event ({kind})") from None
        return f"{self._url}/{quote(name)}"


def _connected(kind: str, bucket: str, read_timeout: float) -> "Store":
    try:
        return connect(kind, bucket, _CONNECT_TIMEOUT, read_timeout)
    except ImportError:
        raise SettingsError(f"CAPTURE__CLAIM_STORE needs {EXTRA}") from None
    except Exception as error:
        if not is_from_client(error):
            raise
        raise SettingsError(
            f"CAPTURE__CLAIM_STORE: the environment does not tell how to reach {kind}://{bucket}: set the account "
            "and the credentials as the tools of that store read them"
        ) from None
