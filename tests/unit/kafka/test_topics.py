"""What is wrong with topics."""

from connector.contracts.catalogue import TopicRole
from connector.kafka.names import Names
from connector.kafka.topics import Found, findings, wanted_topics
from connector.settings_kafka import KafkaSettings


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
