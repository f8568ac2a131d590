"""Topics that would lose state are told before anything starts."""

from dataclasses import replace

import pytest

from connector.contracts.catalogue import TopicRole
from connector.kafka.names import Names
from connector.kafka.topics import INNER, Found, findings, wanted_topics
from connector.settings_kafka import KafkaSettings

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="nowhere:9092"), partitions=12)
GOOD = {topic.name: Found(topic.partitions, topic.configs) for topic in wanted_topics(NAMES)}


def said(role: TopicRole, changed: Found) -> list[tuple[str, str]]:
    """What is found where one topic is another."""
    return [(finding.state, finding.sentence) for finding in findings(NAMES, GOOD | {NAMES.topics[role]: changed})]


def test_topics_as_they_are_created_are_right() -> None:
    """Nothing to say."""
    assert findings(NAMES, GOOD) == []


def test_a_topic_that_is_not_there_is_missing() -> None:
    """It can be made."""
    without = {name: found for name, found in GOOD.items() if name != NAMES.topics[TopicRole.LEDGER]}

    (finding,) = findings(NAMES, without)

    assert (finding.role, finding.state) == (TopicRole.LEDGER, "missing")


@pytest.mark.parametrize("role", INNER)
@pytest.mark.parametrize(("partitions", "shown"), [(1, "1 partition"), (11, "11 partitions"), (13, "13 partitions")])
def test_a_wrong_number_of_partitions_is_told(role: TopicRole, partitions: int, shown: str) -> None:
    """Fewer and more; entities would meet the rows of others."""
    found = said(role, replace(GOOD[NAMES.topics[role]], partitions=partitions))

    assert [state for state, _ in found] == ["wrong"]
    assert f"has {shown}, but KAFKA__WORK_PARTITIONS is 12" in found[0][1]


@pytest.mark.parametrize(
    ("role", "policy"),
    [(TopicRole.LEDGER, "delete"), (TopicRole.LEDGER, "compact,delete"), (TopicRole.WORK, "compact")],
)
def test_a_wrong_cleanup_policy_is_told(role: TopicRole, policy: str) -> None:
    """A ledger that deletes forgets what was published; a log that compacts loses messages."""
    good = GOOD[NAMES.topics[role]]

    found = said(role, replace(good, configs={**good.configs, "cleanup.policy": policy}))

    assert [state for state, _ in found] == ["wrong"]
    assert f"has cleanup.policy={policy}" in found[0][1]


@pytest.mark.parametrize("role", [TopicRole.IMPORTS, TopicRole.WORK])
def test_a_retention_of_an_inner_log_is_told(role: TopicRole) -> None:
    """What nobody has read yet would go."""
    good = GOOD[NAMES.topics[role]]

    found = said(role, replace(good, configs={**good.configs, "retention.ms": "604800000"}))

    assert [state for state, _ in found] == ["wrong"]
    assert "retention.ms=604800000, it must be -1" in found[0][1]


def test_dead_letters_that_would_not_fit_are_told() -> None:
    """A letter is longer than its arrival."""
    good = GOOD[NAMES.topics[TopicRole.ARRIVED]]

    found = said(TopicRole.ARRIVED, replace(good, configs={"max.message.bytes": "5000000"}))

    assert [state for state, _ in found] == ["wrong"]
    assert "the arrivals topic 5000000" in found[0][1]


def test_claims_need_a_cleaner_that_waits() -> None:
    """Only without transactions; the topic that `topics create` makes has it."""
    settings = KafkaSettings(delivery="at-least-once")
    claiming = Names.from_settings(settings, partitions=12)
    fenced = Names.from_settings(KafkaSettings(), partitions=12)
    made = {topic.name: Found(topic.partitions, topic.configs) for topic in wanted_topics(claiming)}
    ledger = claiming.topics[TopicRole.LEDGER]
    hasty = made | {ledger: Found(12, {"cleanup.policy": "compact", "min.compaction.lag.ms": "0"})}

    assert findings(claiming, made) == []
    assert findings(fenced, hasty) == []
    (finding,) = findings(claiming, hasty)
    assert (finding.role, finding.state) == (TopicRole.LEDGER, "wrong")
    assert "min.compaction.lag.ms=0" in finding.sentence
