"""Where an arrival goes: to the queue that it names, never to one that its text only resembles."""

import pytest

from connector.assembly import import_policy
from connector.engine.uploader import destination
from connector.errors import Rejected, Stage
from connector.settings_load import load

QUEUES = {"CONNECTOR_ROSSUM__QUEUES": '{"invoices": 8198, "2024/receipts": 8199}'}
POLICY = import_policy(load(None, QUEUES))
WITH_DEFAULT = import_policy(load(None, {**QUEUES, "CONNECTOR_ROSSUM__DEFAULT_QUEUE": "invoices"}))


@pytest.mark.parametrize(
    ("wanted", "queue"),
    [
        (8199, 8199),
        ("8199", 8199),
        ("invoices", 8198),
        ("2024/receipts", 8199),
        ("https://example.rossum.app/api/v1/queues/4711", 4711),
        (None, 8198),
    ],
)
def test_a_queue_has_an_id_a_url_and_an_alias(wanted: int | str | None, queue: int) -> None:
    """Without any of them it is the default one."""
    assert destination(wanted, WITH_DEFAULT) == queue


@pytest.mark.parametrize(
    "wanted", ["orders/2024/8199", "https://example.rossum.app/api/v1/annotations/8199", "bills", -8199, 10**20]
)
def test_what_names_no_queue_is_refused(wanted: int | str) -> None:
    """The number behind a slash may be an order, or an annotation."""
    with pytest.raises(Rejected, match="neither an id, a queue URL nor an alias of ROSSUM__QUEUES") as caught:
        destination(wanted, WITH_DEFAULT)

    assert caught.value.stage == Stage.VALIDATE


def test_no_queue_and_no_default_is_refused() -> None:
    """With what is to be set."""
    with pytest.raises(Rejected, match="ROSSUM__DEFAULT_QUEUE is not set"):
        destination(None, POLICY)
