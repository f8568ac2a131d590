"""What all owners of a process share, as the settings want it."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from connector.app import ServicesByLedger
from connector.domain.rows import HeaderRow
from connector.engine.circuits import Circuit
from connector.engine.lease import Lease
from connector.metrics import NAMESPACE
from connector.settings_load import load
from connector.telemetry import Telemetry
from tests.support.virtual_clock import VirtualClock

HEADER = HeaderRow("ours", "2026-03-01T00:00:00.000000Z", "group", 1, 31, "1")
BROKER = SimpleNamespace(
    captured_bytes=1_000_000, letter_bytes=1_000_000, max_bytes=1_000_000, names=SimpleNamespace(partitions=1)
)
URL = {"CONNECTOR_WEBHOOK__PUBLIC_URL": "https://nobody.test/hooks/rossum", "CONNECTOR_WEBHOOK__SECRETS": '["s"]'}


@pytest.mark.parametrize(("environment", "is_down"), [(URL, True), ({}, False)], ids=["hook", "sweeps alone"])
def test_webhooks_are_missed_from_the_start_where_there_is_a_hook(
    environment: dict[str, str], *, is_down: bool
) -> None:
    """Its URL may have been dead all along; who only sweeps misses nothing."""
    clock, telemetry = VirtualClock(), Telemetry()
    services = ServicesByLedger(
        load(None, {"CONNECTOR_ROSSUM__QUEUES": '{"receipts": 8198}'} | environment),
        cast("Any", BROKER),
        Circuit("rossum", clock=clock, telemetry=telemetry),
        lease=Lease(clock, 1.0),
        outside=cast("Any", (None, None, None)),
        telemetry=telemetry,
        clock=clock,
    ).of(HEADER)

    services.push.missed(20)

    assert services.push.is_down is is_down
    assert ((telemetry.registry.get_sample_value(f"{NAMESPACE}_push_loss_ratio") or 0) > 0) is is_down
