"""Genuine webhooks of long ago: taken like any other, counted, and told without filling the log."""

import json

import pytest
from structlog.testing import capture_logs

from connector.metrics import NAMESPACE
from connector.web.receiver import OLD_TOLD_EVERY
from tests.wire.web.web_harness import status_body, webhook_port


@pytest.mark.parametrize(
    ("timestamp", "old"),
    [
        ("2020-01-31T12:00:00.000000Z", 1),
        ("2020-01-31T12:00:00", 1),
        ("2999-01-31T12:00:00Z", 0),
        ("yesterday", 0),
        (1580472000, 0),
    ],
)
async def test_a_webhook_of_long_ago_is_taken_and_counted(timestamp: str | int, old: int) -> None:
    """It is a replay, which does no harm, but somebody may want to know."""
    async with webhook_port() as port:
        answer = await port.post(json.dumps(json.loads(status_body()) | {"timestamp": timestamp}).encode())

        assert answer.status == 200
        assert len(port.work.taken) == 1
        assert port.telemetry.registry.get_sample_value(f"{NAMESPACE}_hooks_old_total") == old


async def test_a_flood_of_old_webhooks_is_told_once_a_minute() -> None:
    """Each is counted."""
    body = json.dumps(json.loads(status_body()) | {"timestamp": "2020-01-31T12:00:00Z"}).encode()
    async with webhook_port() as port:
        with capture_logs() as lines:
            for _ in range(3):
                await port.post(body)
            port.clock.skew = 2 * OLD_TOLD_EVERY
            await port.post(body)

        assert [line["event"] for line in lines] == ["webhook_old"] * 2
        assert port.telemetry.registry.get_sample_value(f"{NAMESPACE}_hooks_old_total") == 4
