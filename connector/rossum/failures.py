"""The one place that decides what an answer or a broken connection means for the caller.

| what happened | a read | an upload |
|---|---|---|
| 429 | `Throttled` | `Throttled` |
| 401 (after a new login, where there is one), 403, 404 | `NotOurs` | `NotOurs` |
| 400, 409, 413, 415, 422 | `Retryable` | `Rejected` |
| other 4xx | `Retryable` | `Retryable`; 408 `Ambiguous` |
| redirects, 5xx, senseless answers | `Retryable` | `Ambiguous` |
| no connection, before the first byte of a body | `Retryable` | `Retryable` |
| connection broken or too slow after that | `Retryable` | `Ambiguous` |
| the source failed, or the work is not ours any more | | as it is |
"""

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from connector.errors import Ambiguous, ConnectorError, NotOurs, Rejected, Retryable, Stage, Throttled
from connector.rossum.fields import sentence
from connector.rossum.multipart import MultipartBody

#: What an exchange raises when the network or the other side fails; timeouts are OSErrors.
NETWORK_ERRORS = (aiohttp.ClientError, OSError)
#: Pause after a 429 that names none (seconds).
DEFAULT_RETRY_AFTER = 1.0

_NOT_OURS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)


class AnswerTooLargeError(Retryable):
    """An answer is larger than we are ready to hold."""


def failure_of_read(endpoint: str, status: int, words: str, *, retry_after: float) -> ConnectorError:
    """What a read's unwanted status means; `words` are Rossum's own, from `words_of`."""
    said = f"Rossum answered {status} to {endpoint}{words}"
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return Throttled(f"{said}; the next call leaves in {retry_after:g} s", retry_after=retry_after)
    if status in _NOT_OURS:
        return NotOurs(f"{said}; {_advice(status)}", http_status=status)
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return Retryable(f"{said}, a redirect; check ROSSUM__BASE_URL")
    return Retryable(f"{said}; it is asked again later")


def failure_of_upload(endpoint: str, status: int, words: str, *, retry_after: float) -> ConnectorError:
    """What an upload's status means, other than that it was accepted."""
    said = f"Rossum answered {status} to {endpoint}{words}"
    if status in _REFUSED:
        return Rejected(said, stage=Stage.UPLOAD, http_status=status)
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_refusal and status != HTTPStatus.REQUEST_TIMEOUT:
        return failure_of_read(endpoint, status, words, retry_after=retry_after)
    return Ambiguous(f"{said}; whether the document was imported must be looked up")


def failure_of_exchange(endpoint: str, error: BaseException) -> Retryable:
    """What a broken exchange means for a read."""
    return Retryable(f"no answer to {endpoint} from Rossum: {_cause(error)}; it is asked again later")


def failure_of_sending(endpoint: str, error: BaseException, body: MultipartBody) -> Exception:
    """What a broken exchange means for an upload."""
    if body.failure is not None:
        return body.failure
    if not body.started:
        return Retryable(f"no connection to Rossum for {endpoint}: {_cause(error)}; nothing was sent")
    return Ambiguous(f"no answer to {endpoint} from Rossum: {_cause(error)}; whether it was imported must be looked up")


def unreadable_acceptance(endpoint: str, why: str) -> Ambiguous:
    """Rossum accepted an upload in words that we cannot read."""
    return Ambiguous(f"Rossum accepted {endpoint}, but {why}; whether it was imported must be looked up")


def words_of(content_type: str, payload: bytes) -> str:
    """What Rossum says about an error, as the end of a sentence: its `detail`, or the fields it names."""
    if "json" not in content_type:
        return ""
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return ""
    said = sentence(_said(body))
    return f": {said}" if said else ""


def retry_after_of(value: str | None, now: datetime) -> float:
    """The pause that a `Retry-After` header asks for (seconds): a number, or a date seen from `now`; RFC 9110."""
    if value is None:
        return DEFAULT_RETRY_AFTER
    try:
        return max(0.0, float(value)) if value.strip().isascii() else DEFAULT_RETRY_AFTER
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(value) - now).total_seconds())
    except (ValueError, TypeError):
        return DEFAULT_RETRY_AFTER


def _said(body: Any) -> str:
    if not isinstance(body, Mapping):
        return body if isinstance(body, str) else ""
    if isinstance(body.get("detail"), str):
        return str(body["detail"])
    return "; ".join(f"{name}: {_joined(problems)}" for name, problems in body.items())


def _joined(problems: Any) -> str:
    items = problems if isinstance(problems, list) else [problems]
    return " ".join(item for item in items if isinstance(item, str))


def _advice(status: int) -> str:
    if status == HTTPStatus.UNAUTHORIZED:
        return "check ROSSUM__TOKEN, or ROSSUM__USERNAME and ROSSUM__PASSWORD"
    return "check that the queue exists and that the credentials may use it"


def _cause(error: BaseException) -> str:
    """The kind of a network error; its text may name addresses, so it stays in the chained exception."""
    if isinstance(error, TimeoutError):
        return f"too slow ({type(error).__name__})"
    return type(error).__name__
