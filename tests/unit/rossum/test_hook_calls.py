"""What Rossum's log of a hook says of its calls."""

from datetime import UTC, datetime

import pytest

from connector.domain.readings import HookCall
from connector.rossum.answer import Answer
from connector.rossum.hook_wire import read_hook_calls

LINE = {"request_id": "r", "timestamp": "2026-03-01T12:00:00Z", "annotation_id": 7, "queue_id": 8}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("waiting", HookCall("r", failed=False, runs=True)),
        ("running", HookCall("r", failed=False, runs=True)),
        ("completed", HookCall("r", failed=False)),
        ("failed", HookCall("r", failed=True)),
        ("cancelled", HookCall("r", failed=True)),
        ("something new", HookCall("r", failed=False)),
    ],
)
def test_a_call_is_over_or_not(status: str, expected: HookCall) -> None:
    """Only one that is over was taken or failed."""
    answer = Answer("GET /hooks/logs", 200, datetime(2026, 3, 1, tzinfo=UTC), {"results": [{**LINE, "status": status}]})

    assert read_hook_calls(answer) == [expected]
