"""The one place that decides what an answer or a broken connection means for the caller.

A change is any other call with a body, such as one of a hook; the caller may always repeat it.

| what happened | a read | a change | an upload |
|---|---|---|---|
| 429 | `Throttled` | `Throttled` | `Throttled` |
| 401 (after a new login, where there is one), 403, 404 | `NotOurs` | `NotOurs` | `NotOurs` |
| 403, 404 that are not in Rossum's own words (JSON) | `Retryable` | `Retryable` | `Retryable` |
| 400, 409, 413, 415, 422 | `Retryable` | `Rejected` | `Rejected` |
| 409 where identical documents are to be refused | | | `Identical` |
| other 4xx | `Retryable` | `Retryable` | `Retryable`; 408 `Ambiguous` |
| redirects, 5xx | `Retryable` | `Retryable` | `Ambiguous`; before the end of the body `BrokenOff` |
| senseless answers | `Retryable` | `Retryable` | `Ambiguous` |
| no connection, before the first byte of a body | `Retryable` | `Retryable` | `Retryable` |
| connection broken or too slow before the closing boundary of an upload | | | `BrokenOff` |
| connection broken or too slow after that | `Retryable` | `Retryable` | `Ambiguous` |
| the source failed, or the work is not ours any more | | | as it is |
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
import orjson

from connector.errors import (
    Ambiguous,
    BrokenOff,
    ConnectorError,
    Identical,
    NotOurs,
    Rejected,
    Retryable,
    Stage,
    Throttled,
)
from connector.rossum.answer import Received
from connector.rossum.fields import sentence
from connector.rossum.multipart import MultipartBody

#: What an exchange raises when the network or the other side fails; timeouts are OSErrors.
NETWORK_ERRORS = (aiohttp.ClientError, OSError)

_NO_SUCH_THING = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.NOT_FOUND})
_REFUSED = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.CONFLICT,
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
_LOOK = "whether it was imported must be looked up"
_NOTHING = "nothing was imported"


def failure_of_read(endpoint: str, received: Received) -> ConnectorError:
    """What a read's unwanted status means."""
    status, said = received.status, _said(endpoint, received)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        pause = received.retry_after
        return Throttled(f"{said}; the next call leaves in {pause:g} s", retry_after=pause)
    if status == HTTPStatus.UNAUTHORIZED:
        return NotOurs(f"{said}; check ROSSUM__TOKEN, or ROSSUM__USERNAME and ROSSUM__PASSWORD", http_status=status)
    if status in _NO_SUCH_THING and received.is_json:
        return NotOurs(f"{said}; check that it exists and that the credentials may use it", http_status=status)
    if status in _NO_SUCH_THING or _is_redirect(status):
        return Retryable(f"{said}, which is not Rossum's API speaking; check ROSSUM__BASE_URL and what is before it")
    return Retryable(f"{said}; it may work later")


def failure_of_change(endpoint: str, received: Received) -> ConnectorError:
    """What an unwanted status of a change means."""
    if received.status in _REFUSED:
        return Rejected(_said(endpoint, received), stage=Stage.VALIDATE, http_status=received.status)
    return failure_of_read(endpoint, received)


def failure_of_upload(
    endpoint: str, received: Received, *, is_complete: bool, refuses_identical: bool = False
) -> ConnectorError:
    """What an upload's status means, other than that it was accepted.

    Args:
        endpoint: For the sentence.
        received: The answer.
        is_complete: Whether the closing boundary was handed over: before, there is nothing to import.
        refuses_identical: Whether Rossum was asked to refuse what it has; nothing else makes an upload a conflict.
    """
    status, said = received.status, _said(endpoint, received)
    if status == HTTPStatus.CONFLICT and refuses_identical:
        return Identical(said, annotations=_named(received, "annotations"), documents=_named(received, "documents"))
    if status in _REFUSED:
        return Rejected(said, stage=Stage.UPLOAD, http_status=status)
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_refusal and status != HTTPStatus.REQUEST_TIMEOUT:
        return failure_of_read(endpoint, received)
    if not is_complete:
        return BrokenOff(f"{said} before the upload had ended; {_NOTHING}")
    return Ambiguous(f"{said}; {_LOOK}")


def failure_of_login(received: Received) -> ConnectorError:
    """What a refused login means; always 401, since 403 and 404 would speak of a queue."""
    status, said = received.status, _said("the login", received)
    is_refusal = HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR
    if is_refusal and status != HTTPStatus.TOO_MANY_REQUESTS:
        advice = "check ROSSUM__USERNAME, ROSSUM__PASSWORD and ROSSUM__BASE_URL"
        return NotOurs(f"{said}; {advice}", http_status=HTTPStatus.UNAUTHORIZED)
    return failure_of_read("the login", received)


def failure_of_exchange(endpoint: str, error: BaseException, base_url: str) -> Retryable:
    """What a broken exchange means for a read; told with the address, since a wrong one ends in it, too."""
    return Retryable(f"no answer to {endpoint} from Rossum at {base_url} (ROSSUM__BASE_URL): {_cause(error)}")


def failure_of_sending(endpoint: str, error: BaseException, body: MultipartBody) -> Exception:
    """What a broken exchange means for an upload."""
    if body.failure is not None:
        return body.failure
    if not body.started:
        return Retryable(f"no connection to Rossum for {endpoint}: {_cause(error)}; nothing was sent")
    if not body.complete:
        return BrokenOff(f"{endpoint} broke off before its end: {_cause(error)}; {_NOTHING}")
    return Ambiguous(f"no answer to {endpoint} from Rossum: {_cause(error)}; {_LOOK}")


def unreadable_acceptance(endpoint: str) -> Ambiguous:
    """Rossum accepted an upload in words that we can't read, or before it had all of it."""
    return Ambiguous(f"Rossum accepted {endpoint} without naming a task; {_LOOK}")


def _named(received: Received, kind: str) -> tuple[int, ...]:
    """Ids of the objects of a kind whose URLs stand anywhere in an answer; what its body looks like is unknown."""
    text = received.payload.decode(errors="replace") if received.is_json else ""
    return tuple(sorted({int(number) for number in re.findall(rf"/{kind}/(\d{{1,18}})", text)}))


def words_of(received: Received) -> str:
    """What Rossum says about an error: its `detail`, or the fields that it names; empty for anything else."""
    if not received.is_json:
        return ""
    try:
        body = orjson.loads(received.payload)
    except orjson.JSONDecodeError:
        return ""
    return sentence(_detail(body)) or ""


def _said(endpoint: str, received: Received) -> str:
    words = words_of(received)
    return f"Rossum answered {received.status} to {endpoint}" + (f": {words}" if words else "")


def _detail(body: Any) -> str:
    if not isinstance(body, Mapping):
        return body if isinstance(body, str) else ""
    if isinstance(body.get("detail"), str):
        return str(body["detail"])
    return "; ".join(f"{name}: {_joined(problems)}" for name, problems in body.items())


def _joined(problems: Any) -> str:
    items = problems if isinstance(problems, list) else [problems]
    return " ".join(item for item in items if isinstance(item, str))


def _is_redirect(status: int) -> bool:
    return HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST


def _cause(error: BaseException) -> str:
    """The kind of a network error; its text may name addresses, so it stays in the chained exception."""
    return f"too slow ({type(error).__name__})" if isinstance(error, TimeoutError) else type(error).__name__
