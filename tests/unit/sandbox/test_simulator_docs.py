"""The simulator's page says what the simulator does, and what it lacks has a reason."""

import re
from dataclasses import fields
from pathlib import Path

import pytest
from rossum_api import AsyncRossumAPIClient, SyncRossumAPIClient

from connector.sandbox import simulator_docs
from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.vendor_endpoints import DOCUMENTED, LEFT_OUT, reasons

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "simulator.md"
WIRE = ROOT / "tests" / "wire" / "simulator"


def _tests(pattern: str) -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(WIRE.glob(pattern)))


def test_the_page_is_current() -> None:
    """`rossum-connector settings-docs` was run after the last change."""
    assert [path.name for path, text in simulator_docs.files(ROOT).items() if path.read_text("utf-8") != text] == []


def test_every_documented_operation_is_covered_or_left_out_for_a_reason() -> None:
    """Exactly one reason for what is missing, and no route that Rossum does not have."""
    documented = {operation for operations in DOCUMENTED.values() for operation in operations}
    missing = simulator_docs.missing()

    assert {operation: len(reasons(operation)) for operation in missing} == dict.fromkeys(missing, 1)
    assert simulator_docs.routes() <= documented


def test_no_reason_outlives_what_it_is_about() -> None:
    """What is covered needs no excuse."""
    missing = simulator_docs.missing()
    told = {place for places in LEFT_OUT.values() for place in places}
    needed = {place for place in told for operation in missing if place in operation}

    assert told == needed
    assert [operation for operation in simulator_docs.routes() if reasons(operation)] == []


def test_every_switch_is_named_in_a_test() -> None:
    """Their text is looked at, not their run: that a test proves what the switch does is for its reader to see."""
    tests = _tests("test_*.py")

    assert [switch.name for switch in fields(Behaviour) if not re.search(rf"\b{switch.name}=", tests)] == []


@pytest.mark.parametrize(("kind", "caller"), [(AsyncRossumAPIClient, "client"), (SyncRossumAPIClient, "sync")])
def test_every_call_of_the_vendors_client_is_named_in_the_tests_or_on_the_page(kind: type, caller: str) -> None:
    """A new version of the client with more calls is noticed here; the text of the tests is looked at, not their run.

    The tests call one of the two clients `sync`.
    """
    calls = {name for name in vars(kind) if not name.startswith("_")}
    named = set(re.findall(rf"\b{caller}\.(\w+)\(", _tests("test_sdk_*.py")))

    page = PAGE.read_text(encoding="utf-8")
    assert [name for name in sorted(calls - named) if f"`{name}`" not in page] == []


def test_a_page_without_markers_is_told() -> None:
    """It says which ones are missing."""
    with pytest.raises(ValueError, match=r"docs/simulator\.md lacks the markers <!-- coverage:begin -->"):
        simulator_docs.with_tables("# Title")
