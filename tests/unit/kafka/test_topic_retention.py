"""What is said of topics that keep records for too short or too long a time."""

import pytest

from connector.contracts.catalogue import TopicRole
from connector.kafka.names import Names
from connector.kafka.topics import Found, findings, wanted_topics
from connector.settings_kafka import KafkaSettings

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="x"), partitions=12)
DAY = 86_400.0


def sentences(role: TopicRole, *, retention: float | None = 400 * DAY, **configs: str) -> list[str]:
    """What is wrong when one topic is configured like that and all others as they should be."""
    configs = {name.replace("_", "."): value for name, value in configs.items()}
    found = {
        topic.name: Found(topic.partitions, {**topic.configs, **(configs if topic.role is role else {})})
        for topic in wanted_topics(NAMES)
    }
    return [finding.sentence for finding in findings(NAMES, found, retention=retention)]


@pytest.mark.parametrize(
    ("kept", "days", "fine"),
    [("604800000", 400, True), ("604800000", 7, True), ("604800000", 6, False), ("-1", 6, True)],
    ids=["usual", "equal", "too long", "for ever"],
)
def test_the_ledger_must_not_forget_before_the_arrivals_topic(kept: str, days: int, *, fine: bool) -> None:
    """An arrival that can be read again would be imported again; where it stays for ever, so does its row."""
    said = sentences(TopicRole.ARRIVED, retention=days * DAY, retention_ms=kept)

    assert (said == []) is fine
    assert fine or "keeps arrivals for 7 d" in said[0]
    assert fine or "raise STATE__RETENTION" in said[0]


def test_commands_that_forget_nothing_do_not_ask() -> None:
    """Only the service and `check` know how long the ledger remembers."""
    assert sentences(TopicRole.ARRIVED, retention=None, retention_ms="99999999999999") == []


@pytest.mark.parametrize(("kept", "fine"), [("86400000", True), ("3600000", False)])
def test_removals_must_outlive_a_local_state(kept: str, *, fine: bool) -> None:
    """One that was away for half a day would never hear of them."""
    said = sentences(TopicRole.LEDGER, delete_retention_ms=kept)

    assert (said == []) is fine
    assert fine or "delete.retention.ms=3600000" in said[0]
