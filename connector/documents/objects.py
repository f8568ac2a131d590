"""Documents in object stores: S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing, asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

from connector.contracts.arrivals import ObjectSource
from connector.documents.guard import Opened
from connector.documents.kinds import media_type
from connector.documents.limits import CHUNK, DocumentLimits
from connector.documents.names import name_from_path
from connector.documents.object_stores import EXTRA, connect, is_from_client
from connector.errors import Rejected, Retryable, SettingsError, Stage

if TYPE_CHECKING:
    from obstore import GetOptions

    from connector.documents.object_stores import Store

_ENTRY = re.compile(r"(s3|gcs|azure)://([A-Za-z0-9$][A-Za-z0-9._-]{0,254})/?")
#: Characters of a key in a message.
_MAX_SHOWN = 200
_NO_NAMES = frozenset({"", ".", ".."})
#: How the client words an answer that it has no error class for.
_STATUS = re.compile(r"\b(?:status|code)\b[^0-9]{0,12}([1-5][0-9]{2})\b")
#: Error codes of S3 and Azure that speak of our credentials or clock, not of the document: people repair those.
_OUR_FAULT = re.compile(
    "ExpiredToken|InvalidToken|InvalidAccessKeyId|SignatureDoesNotMatch|RequestTimeTooSkewed|AuthenticationFailed"
)
#: Answers below 500 after which the document may well come later.
_LATER = frozenset({401, 408, 409, 425, 429})
_FIRST_CLIENT_ERROR, _FIRST_SERVER_ERROR = 400, 500


class ObjectDocuments:
    """Reads objects of the buckets that the operator allows, streamed.

    Where the stores are and how to log in to them is told by the environment, as the stores' own tools read it
    (`AWS_…`, `GOOGLE_…`, `AZURE_…`, or the identity of the machine); an arrival chooses neither.

    Args:
        limits: Which buckets, and how long it may take.

    Raises:
        SettingsError: An entry of the buckets is unusable.
    """

    def __init__(self, limits: DocumentLimits) -> None:
        self._limits = limits
        self._allowed = frozenset(bucket_of(entry) for entry in limits.allowed_buckets)
        self._stores: dict[tuple[str, str], Store] = {}

    @asynccontextmanager
    async def open(self, source: ObjectSource) -> AsyncIterator[Opened]:
        """The object of `source`, in its `version` where one is named.

        Raises:
            Rejected: Not allowed (stage validate); missing or forbidden (stage fetch).
            Retryable: Unreachable, throttled, too slow, or our credentials are refused.
        """
        self._check(source)
        shown = f"{source.kind}://{source.bucket}/{source.key[:_MAX_SHOWN]}"
        patience = self._limits.connect_timeout + self._limits.read_timeout
        with _translated(shown):
            store = self._store(source)
            async with asyncio.timeout(patience):
                result = await store.get_async(source.key, options=_options(source))
        async with aclosing(_pieces(result.stream(CHUNK), shown, self._limits)) as chunks:
            yield Opened(
                shown=shown,
                size=result.meta["size"],
                chunks=chunks,
                file_name=name_from_path(source.key),
                content_type=media_type(str(result.attributes.get("Content-Type", ""))),
            )

    def _check(self, source: ObjectSource) -> None:
        if not self._allowed:
            raise _refused(f"The {source.kind} source is off; set IMPORTS__ALLOWED_BUCKETS.")
        if (source.kind, source.bucket) not in self._allowed:
            raise _refused(f"{source.kind}://{source.bucket} is not in IMPORTS__ALLOWED_BUCKETS.")
        # The client refuses such parts inside of a key, and drops slashes at its ends: that is another object.
        if not _NO_NAMES.isdisjoint(source.key.split("/")):
            raise _refused("The key of the object has empty or relative parts; copy the object to another key.")

    def _store(self, source: ObjectSource) -> "Store":
        place = source.kind, source.bucket
        if place not in self._stores:
            try:
                self._stores[place] = connect(*place, self._limits.connect_timeout, self._limits.read_timeout)
            except ImportError:
                raise _refused(f"Documents of the kind {source.kind} need {EXTRA}.") from None
        return self._stores[place]


def bucket_of(entry: str) -> tuple[str, str]:
    """Kind of store and bucket of an entry of the setting.

    Raises:
        SettingsError: It is none.
    """
    found = _ENTRY.fullmatch(entry)
    if found is None:
        raise SettingsError(
            f"IMPORTS__ALLOWED_BUCKETS: {entry!r} is not a bucket such as s3://invoices, gcs://invoices or "
            "azure://container"
        )
    return found[1], found[2]


def _options(source: ObjectSource) -> "GetOptions":
    return {} if source.version is None else {"version": source.version}


async def _pieces(stream: Any, shown: str, limits: DocumentLimits) -> AsyncGenerator[bytes, None]:
    # Only time spent on waiting for the store counts: the receiver may take as long as it likes.
    loop = asyncio.get_running_loop()
    left = limits.transfer_timeout
    while True:
        started = loop.time()
        with _translated(shown):
            async with asyncio.timeout(left):
                piece = await anext(stream, b"")
        if not piece:
            return
        left -= loop.time() - started
        for start in range(0, len(piece), CHUNK):
            yield piece[start : start + CHUNK]


def _refused(sentence: str) -> Rejected:
    return Rejected(sentence, stage=Stage.VALIDATE)


@contextmanager
def _translated(shown: str) -> Iterator[None]:
    """Turn the client's errors into ours; without their cause, which quotes URLs and answers."""
    try:
        yield
    except TimeoutError:
        raise Retryable(f"{shown} did not answer in time") from None
    except FileNotFoundError:
        raise Rejected(f"{shown}: there is no such object, bucket or version.", stage=Stage.FETCH) from None
    except Exception as error:
        # Anything else is a refusal, or a defect of ours.
        if not is_from_client(error):
            raise
        raise failure_of(error, shown) from None


def failure_of(error: Exception, shown: str) -> Rejected | Retryable:
    """What an error of the client's means for the object that is shown so."""
    kind, text = type(error).__name__, str(error)
    if kind == "UnauthenticatedError" or _OUR_FAULT.search(text):
        return Retryable(f"{shown}: the store refuses our credentials; check them in the environment")
    if kind == "PermissionDeniedError":
        return Rejected(f"{shown}: the store forbids us to read it.", stage=Stage.FETCH, http_status=403)
    status = _status(text)
    if status is not None and _FIRST_CLIENT_ERROR <= status < _FIRST_SERVER_ERROR and status not in _LATER:
        return Rejected(f"{shown}: the store answered {status}.", stage=Stage.FETCH, http_status=status)
    if status is None:
        return Retryable(f"{shown} can't be reached or read; check the store's endpoint and account in the environment")
    return Retryable(f"{shown}: the store answered {status}; it may work later")


def _status(text: str) -> int | None:
    found = _STATUS.search(text)
    return int(found[1]) if found else None
