"""One upload over the wire: streamed, with an answer that says whether it was accepted."""

from collections.abc import AsyncIterator

import aiohttp
import orjson

from connector.domain.readings import UploadRequest
from connector.errors import Retryable
from connector.ports import UploadGate
from connector.rossum.answer import Answer
from connector.rossum.failures import (
    NETWORK_ERRORS,
    failure_of_sending,
    failure_of_upload,
    retry_after_of,
    unreadable_acceptance,
    words_of,
)
from connector.rossum.multipart import MultipartBody
from connector.rossum.requests import Call
from connector.rossum.session import CONNECT_TIMEOUT, READ_TIMEOUT, Session
from connector.rossum.wire import read_task_url

#: Seconds for an upload besides its bytes, and the slowest line (bytes a second) that is waited for.
UPLOAD_DEADLINE = 60.0
SLOWEST_LINE = 50_000
#: Size (bytes) assumed where the source tells none.
UNKNOWN_SIZE = 40_000_000
ACCEPTED = 202

Load = tuple[UploadRequest, AsyncIterator[bytes], UploadGate]


async def send_upload(session: Session, call: Call, authorization: dict[str, str], load: Load) -> tuple[str, int]:
    """Send a document; the URL of its task, and the status.

    Raises:
        See `failures`: what an upload's outcome means.
    """
    request, chunks, gate = load
    body = MultipartBody(request, chunks, gate)
    seconds = UPLOAD_DEADLINE + (request.size or UNKNOWN_SIZE) / SLOWEST_LINE
    timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
    try:
        async with session.http.post(
            session.url(call.path),
            params=list(call.params),
            headers={**authorization, **body.headers},
            data=body.pieces(),
            timeout=timeout,
            allow_redirects=False,
        ) as response:
            payload = await response.read()
    except NETWORK_ERRORS as error:
        raise failure_of_sending(call.name, error, body) from error
    except Exception as error:
        if body.failure is not None:
            raise body.failure from error
        raise
    at = session.heard(response)
    if response.status != ACCEPTED:
        pause = retry_after_of(response.headers.get("Retry-After"), at)
        raise failure_of_upload(call.name, response.status, words_of(response.content_type, payload), retry_after=pause)
    try:
        return read_task_url(Answer(call.name, response.status, at, orjson.loads(payload))), response.status
    except (orjson.JSONDecodeError, Retryable) as error:
        raise unreadable_acceptance(call.name, "its answer can't be read") from error
