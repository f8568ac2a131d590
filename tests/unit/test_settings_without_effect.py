"""Settings that would be taken and do nothing are refused, each in a sentence that says what to do."""

from pathlib import Path

import pytest

from connector.errors import SettingsError
from connector.settings_load import load

QUEUES = {"CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198, "receipts": 8199}'}


def complaints(environ: dict[str, str], config: Path | None = None) -> list[str]:
    """What loading says, line by line."""
    with pytest.raises(SettingsError) as caught:
        load(config, environ)
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8200"},
            "CONNECTOR_ROSSUM: ROSSUM__DEFAULT_QUEUE is 8200, which is not in ROSSUM__QUEUES: add it there",
        ),
        (
            {"CONNECTOR_CAPTURE__CLAIM_QUEUES": "[8198, 8200, 8201]"},
            "settings: CAPTURE__CLAIM_QUEUES names 8200, 8201, not in ROSSUM__QUEUES: add it there or take it out",
        ),
    ],
)
def test_a_queue_that_nobody_serves_is_refused(changes: dict[str, str], said: str) -> None:
    """Its documents would go up, and nobody would look after them."""
    assert complaints({**QUEUES, **changes}) == [said]


def test_queues_that_are_served_are_fine() -> None:
    """By their ids; a command that is told only the default queue needs no others."""
    settings = load(
        None, {**QUEUES, "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8199", "CONNECTOR_CAPTURE__CLAIM_QUEUES": "[8198]"}
    )
    alone = load(None, {"CONNECTOR_ROSSUM__DEFAULT_QUEUE": "8199"})

    assert (settings.rossum.default_queue, settings.capture.claim_queues) == (8199, (8198,))
    assert alone.rossum.default_queue == 8199
