"""One upload over the wire: streamed once, with an outcome that says whether it may have been accepted."""

from http import HTTPStatus

import orjson

from connector.clock import Clock
from connector.errors import Retryable, Throttled
from connector.rossum.answer import Answer, Received
from connector.rossum.failures import NETWORK_ERRORS, failure_of_sending, failure_of_upload, unreadable_acceptance
from connector.rossum.multipart import MultipartBody
from connector.rossum.requests import Call
from connector.rossum.session import Session
from connector.rossum.transport import Sending
from connector.rossum.wire import read_task_url

#: Pause before an upload that found the token expired is tried again with the new one (seconds).
_AFTER_RENEWAL = 0.1


async def send_upload(session: Session, call: Call, body: MultipartBody, *, clock: Clock) -> str:
    """Wait for a slot and send a document; the URL of its task.

    Raises:
        Identical: Rossum has a document of that name and content, and was asked to refuse such.
        Throttled: Rossum said 429, or the token had expired and there is a new one; the body is spent, nothing was
            imported, and it is no attempt.
        Retryable, Ambiguous, Rejected, NotOurs, PartitionLost: As the table in `failures` says.
    """
    await session.budget.take(call.lane)
    token, started = await session.credentials.token(), clock.monotonic()
    received = await _exchange(session, call, body, token)
    session.slow_down(received, started=started)
    if received.status == HTTPStatus.UNAUTHORIZED:
        await session.credentials.renew(token)
        raise Throttled("the token had expired; the upload starts again with a new one", retry_after=_AFTER_RENEWAL)
    session.credentials.worked(token)
    if not HTTPStatus.OK <= received.status < HTTPStatus.MULTIPLE_CHOICES:
        strict = ("reject_identical", "true") in call.params
        raise failure_of_upload(call.name, received, is_complete=body.complete, refuses_identical=strict)
    return _task_url(call, received, body)


async def _exchange(session: Session, call: Call, body: MultipartBody, token: str) -> Received:
    sending = Sending(token, body.headers, body.pieces(), is_transfer=True, size=body.size)
    try:
        try:
            received = await session.transport.exchange(call, sending)
        finally:
            # How far the body came is certain only when nobody writes it any more.
            await body.at_rest()
    except NETWORK_ERRORS as error:
        raise failure_of_sending(call.name, error, body) from error
    if body.failure is not None:
        raise body.failure
    return received


def _task_url(call: Call, received: Received, body: MultipartBody) -> str:
    try:
        if body.complete:
            return read_task_url(Answer(call.name, received.status, received.at, orjson.loads(received.payload)))
    except (orjson.JSONDecodeError, Retryable) as error:
        raise unreadable_acceptance(call.name) from error
    raise unreadable_acceptance(call.name)
