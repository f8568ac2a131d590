"""Events that are too large: stored whole first, and nothing is published while that can't be done."""

import hashlib
from dataclasses import dataclass, field

import orjson
import pytest

from connector.contracts.envelope import Event, EventMode, encode_data, to_record
from connector.contracts.events import AnnotationCaptured, AnnotationInfo
from connector.domain.messages import Via
from connector.domain.outcome import Outcome
from connector.engine.circuits import Circuit
from connector.engine.claims import Claims
from connector.errors import Retryable, Throttled
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock

ROOM = 1000


@dataclass
class Shelf:
    """A claim store in a dict; while it is `broken` it takes nothing."""

    broken: bool = False
    asked: int = 0
    bodies: dict[str, bytes] = field(default_factory=dict)

    async def keep(self, name: str, body: bytes) -> str:
        """Keep a body."""
        self.asked += 1
        if self.broken:
            raise Retryable("no room")
        self.bodies[name] = body
        return f"s3://claims/{name}"


def outcome(content: str) -> Outcome:
    """One captured event with that in its tree."""
    info = AnnotationInfo(id=1, url="https://x/annotations/1", status="exported", queue=2)
    data = AnnotationCaptured(document_key="k", annotation=info, revision_count=1, fields={}, content=[content])
    event = Event("the-id", "annotation.captured", "s", "annotations/1", "", "k", "r", Via.READ, data)
    return Outcome(events=(event,))


def claims(shelf: Shelf, clock: VirtualClock) -> Claims:
    """The unit under test."""
    return Claims(shelf, room=ROOM, circuit=Circuit("claim_store", clock=clock, telemetry=Telemetry()))


async def test_what_fits_is_not_stored() -> None:
    """The event stays as it is."""
    shelf = Shelf()
    small = outcome("small")

    secured = await claims(shelf, VirtualClock()).secured(small)

    assert secured == small
    assert shelf.asked == 0


async def test_what_does_not_fit_is_stored_whole_and_referenced() -> None:
    """The object is named by the event's id and the digest; the event tells place, size and digest, and fits."""
    shelf = Shelf()
    large = outcome("x" * ROOM)
    body = encode_data(large.events[0].data)
    digest = hashlib.sha256(body).hexdigest()

    [event] = (await claims(shelf, VirtualClock()).secured(large)).events

    data = orjson.loads(encode_data(event.data))
    url = f"s3://claims/the-id/{digest}.json"
    assert shelf.bodies == {f"the-id/{digest}.json": body}
    assert data["claim"] == {"url": url, "size": len(body), "sha256": digest}
    assert data["omitted"] == ["content"]
    assert len(encode_data(event.data)) <= ROOM
    assert dict(to_record(event, EventMode.BINARY).headers)["ce_dataref"] == url.encode()


async def test_while_the_store_is_down_nothing_may_be_published() -> None:
    """Each refusal tells when to come again, and the store is not asked more often than that."""
    shelf, clock = Shelf(broken=True), VirtualClock()
    tested = claims(shelf, clock)

    with pytest.raises(Throttled) as first:
        await tested.secured(outcome("x" * ROOM))
    with pytest.raises(Throttled):
        await tested.secured(outcome("y" * ROOM))

    assert first.value.retry_after > 0
    assert shelf.asked == 1


async def test_once_the_store_is_back_the_event_goes_out() -> None:
    """After the pause the same outcome is secured."""
    shelf, clock = Shelf(broken=True), VirtualClock()
    tested = claims(shelf, clock)
    with pytest.raises(Throttled) as refused:
        await tested.secured(outcome("x" * ROOM))
    shelf.broken = False
    await clock.advance(refused.value.retry_after)

    secured = await tested.secured(outcome("x" * ROOM))

    assert len(shelf.bodies) == len(secured.events) == 1
