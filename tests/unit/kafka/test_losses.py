"""What was deleted before it was read is told: once, by topic, partition and offsets."""

from aiokafka.structs import TopicPartition
from structlog.testing import capture_logs

from connector.contracts.catalogue import TopicRole
from connector.kafka.losses import AFTER_A_LOSS, Losses
from connector.kafka.names import Names
from connector.metrics import LOGS, NAMESPACE
from connector.settings_kafka import KafkaSettings
from connector.telemetry import Telemetry

NAMES = Names.from_settings(KafkaSettings(bootstrap_servers="nowhere:9092"), partitions=12)
ARRIVED = TopicPartition(NAMES.topics[TopicRole.ARRIVED], 3)


def counted(telemetry: Telemetry, log: str) -> float | None:
    """How many offsets of a log are lost; None where there is no such figure."""
    return telemetry.registry.get_sample_value(f"{NAMESPACE}_records_lost_total", {"log": log})


def test_a_loss_is_told_once_and_counted_by_offsets() -> None:
    """A partition may be opened several times before anything is committed behind it."""
    telemetry = Telemetry()
    losses = Losses(NAMES.topics, telemetry)

    with capture_logs() as lines:
        reached = [losses.first_kept(ARRIVED, 5, 9), losses.first_kept(ARRIVED, 5, 9)]

    assert reached == [9, 9]
    assert lines == [
        {
            "log_level": "error",
            "event": "records_lost",
            "place": f"{ARRIVED.topic}[3]",
            "committed": 5,
            "begins": 9,
            "remedy": "announce these documents again",
        }
    ]
    assert counted(telemetry, "arrived") == 4


def test_what_was_deleted_after_it_was_read_is_no_loss() -> None:
    """The inner logs are trimmed up to the committed offset, on purpose."""
    telemetry = Telemetry()

    with capture_logs() as lines:
        reached = [Losses(NAMES.topics, telemetry).first_kept(ARRIVED, 9, start) for start in (0, 9)]

    assert reached == [9, 9]
    assert lines == []


def test_each_log_is_there_before_its_first_loss() -> None:
    """An alert needs the zero before it."""
    telemetry = Telemetry()

    assert [counted(telemetry, log) for log in LOGS] == [0, 0, 0]
    assert list(AFTER_A_LOSS) == list(LOGS)
