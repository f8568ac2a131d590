"""Hints out of verified webhook bodies."""

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.messages import Hint, Via
from connector.rossum.hooks import PASSING_STATUSES, HookReading, read_hook
from connector.rossum.signature import VerifiedBody

BASE = "https://acme.rossum.app/api/v1"


def annotation(**changes: Any) -> dict[str, Any]:
    """The annotation of a payload."""
    return {
        "id": 314521,
        "url": f"{BASE}/annotations/314521",
        "queue": f"{BASE}/queues/8236",
        "status": "exported",
        "previous_status": "exporting",
        "created_at": "2026-01-01T10:00:00.000000Z",
        "exported_at": "2026-01-01T11:00:00.25Z",
        "confirmed_at": None,
        "metadata": {},
        **changes,
    }


def read(**body: Any) -> HookReading:
    """What a body with these parts says."""
    whole = {
        "request_id": "ae7b",
        "timestamp": "2026-01-01T11:00:01.000000Z",
        "rossum_authorization_token": "very-secret-token",
        "secrets": {"password": "hunter2-secret"},
        "event": "annotation_status",
        "action": "changed",
        **body,
    }
    return read_hook(VerifiedBody(orjson.dumps(whole)))


def test_a_status_change_becomes_one_hint() -> None:
    """Id, queue, status and normalised clocks; nothing else of the body."""
    reading = read(annotation=annotation())

    clocks = {"exported_at": "2026-01-01T11:00:00.250000Z"}
    assert reading.hints == (Hint(314521, Via.WEBHOOK, "exported", 8236, clocks),)  # type: ignore[arg-type] # literal ids
    assert (reading.dropped, reading.timestamp) == (None, "2026-01-01T11:00:01.000000Z")
    assert "secret" not in repr(reading)


def test_an_unknown_status_is_hinted() -> None:
    """Rossum may add statuses; the owner reads what it means."""
    assert read(annotation=annotation(status="in_orbit")).hints[0].status == "in_orbit"


@pytest.mark.parametrize("status", sorted(PASSING_STATUSES))
def test_passing_statuses_are_dropped(status: str) -> None:
    """Nothing is published for a status on the way to another."""
    reading = read(annotation=annotation(status=status))

    assert reading.hints == ()
    assert reading.dropped == "passing status"


CONTENT_ACTIONS = ["initialize", "started", "updated", "confirm", "user_update"]


@pytest.mark.parametrize("action", CONTENT_ACTIONS)
def test_a_content_event_is_a_hint_at_what_it_shows(action: str) -> None:
    """Id, queue, status and clocks as of a status event; the captured values stay behind."""
    shown = annotation(status="to_review", exported_at=None, arrived_at=None, content=[{"value": "18 492.48"}])

    reading = read(event="annotation_content", action=action, annotation=shown)

    assert reading.hints == (Hint(314521, Via.WEBHOOK, "to_review", 8236),)  # type: ignore[arg-type] # literal ids
    assert "18 492" not in repr(reading)
    assert reading.hints == read(annotation=shown).hints


@pytest.mark.parametrize("action", CONTENT_ACTIONS)
def test_a_content_event_on_the_way_is_dropped(action: str) -> None:
    """While somebody works on an annotation each change of a value comes; none of them is worth a look."""
    reading = read(event="annotation_content", action=action, annotation=annotation(status="reviewing"))

    assert reading == HookReading((), "passing status", "2026-01-01T11:00:01.000000Z")


@pytest.mark.parametrize("shown", [None, annotation(id=None, url=None), annotation(queue=None)])
def test_a_content_event_that_cannot_be_read_is_passed_over(shown: Any) -> None:
    """Rossum would show a refusal to the person who works on the annotation."""
    assert read(event="annotation_content", action="updated", annotation=shown).dropped == "unreadable content event"


def test_the_export_gate_makes_the_annotation_known() -> None:
    """It comes before the status is exported: a hint without a clock, so that the annotation is looked at again."""
    reading = read(event="annotation_content", action="export", annotation=annotation(status="exporting"))

    assert reading.hints == (Hint(314521, Via.WEBHOOK, "exporting", 8236),)  # type: ignore[arg-type] # literal ids


def test_an_upload_hints_at_its_annotations() -> None:
    """Files without an annotation yet are passed over."""
    files = [
        {"annotation": None, "queue": f"{BASE}/queues/41"},
        {"annotation": f"{BASE}/annotations/1638", "queue": f"{BASE}/queues/41"},
        "odd",
    ]

    reading = read(event="upload", action="created", files=files)

    assert reading.hints == (Hint(1638, Via.WEBHOOK, queue=41),)  # type: ignore[arg-type] # literal ids
    assert reading.dropped is None


def test_an_upload_without_annotations_is_dropped() -> None:
    """Its annotations are announced by their own status."""
    assert read(event="upload", action="created", files=[]).dropped == "no annotation yet"


@pytest.mark.parametrize(("event", "action"), [("invocation", "scheduled"), ("email", "received"), ("upload", "gone")])
def test_other_events_are_dropped(event: str, action: str) -> None:
    """A hook that is subscribed to more than we use is answered all the same."""
    assert read(event=event, action=action).dropped == "other event"


@pytest.mark.parametrize(
    "body",
    [
        {"annotation": None},
        {"annotation": annotation(queue=None)},
        {"annotation": annotation(id="x", url=None)},
        {"annotation": annotation(status=None)},
        {"event": 7},
        {"event": "upload", "action": "created", "files": {}},
    ],
)
def test_an_unreadable_body_is_refused_with_a_sentence(body: dict[str, Any]) -> None:
    """The part that is wrong is named."""
    with pytest.raises(ValueError, match="the webhook's "):
        read(**body)


@pytest.mark.parametrize("raw", [b"", b"[]", b"\xff", b"{", b"[" * 5000 + b"]" * 5000, b'"text"'])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    """Garbage and depth end in ValueError."""
    with pytest.raises(ValueError, match=r".+"):
        read_hook(VerifiedBody(raw))


VALUES = (
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.text(max_size=8) | st.lists(st.none(), max_size=2)
)


@given(
    changes=st.dictionaries(st.sampled_from(["id", "url", "queue", "status", "exported_at"]), VALUES),
    event=st.sampled_from(["annotation_status", "annotation_content", "upload", None, 5]),
    files=VALUES,
)
def test_any_object_is_read_or_refused(changes: dict[str, Any], event: Any, files: Any) -> None:
    """Whatever a signed body holds, the outcome is hints, a reason or ValueError."""
    body = {"event": event, "action": "created", "annotation": annotation(**changes), "files": files}

    try:
        reading = read_hook(VerifiedBody(orjson.dumps(body)))
    except ValueError:
        return

    assert bool(reading.hints) != bool(reading.dropped)
