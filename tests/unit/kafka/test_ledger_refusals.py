"""A ledger that does not go with the committed offsets, or with this deployment, is refused in a sentence."""

from dataclasses import replace
from typing import Any, cast

import pytest
from aiokafka.structs import TopicPartition

from connector.contracts.catalogue import TopicRole
from connector.domain.rows import HeaderRow
from connector.errors import Refused
from connector.kafka.connection import KafkaConnection
from connector.kafka.lookup import RecordLookup
from connector.kafka.names import Names
from connector.kafka.opening import Opener
from connector.kafka.restore import Restored
from connector.kafka.transactional_log import offset_stamp
from connector.settings_kafka import KafkaSettings

SETTINGS = KafkaSettings(bootstrap_servers="nowhere:9092")
NAMES = Names.from_settings(SETTINGS, partitions=12)
HEADER = HeaderRow("ours", "2026-03-01T00:00:00.000000Z", NAMES.group, 12, 31, "1")
WORK = TopicPartition(NAMES.topics[TopicRole.WORK], 3)


@pytest.fixture
def opener() -> Opener:
    """One that is only asked what it thinks of a ledger: it needs nobody for that."""
    connection = KafkaConnection(SETTINGS)
    unasked = cast("Any", None)
    return Opener(
        connection,
        NAMES,
        RecordLookup(connection),
        rossum=unasked,
        services_of=unasked,
        states=unasked,
        encode=unasked,
        exactly_once=True,
        managed=True,
        max_bytes=1_000_000,
    )


def test_the_ledger_of_the_offsets_is_fine(opener: Opener) -> None:
    """As far as they say, or longer; offsets that somebody else committed say nothing."""
    restored = Restored(HEADER, rows=5, end=100)

    opener._check_stamp(WORK, offset_stamp("ours", 100), restored)
    opener._check_stamp(WORK, offset_stamp("ours", 7), restored)
    opener._check_stamp(WORK, "", restored)
    opener._check_stamp(WORK, "a person's note", restored)
    opener._check(HEADER, 31)


def test_an_emptied_ledger_is_refused(opener: Opener) -> None:
    """Rebuilt, it would publish everything again."""
    with pytest.raises(Refused, match="is empty although group rossum-connector has committed offsets"):
        opener._check_stamp(WORK, offset_stamp("ours", 100), Restored(end=0))


def test_another_ledger_than_that_of_the_offsets_is_refused(opener: Opener) -> None:
    """It was replaced."""
    with pytest.raises(Refused, match="is not the one that the committed offsets go with"):
        opener._check_stamp(WORK, offset_stamp("theirs", 7), Restored(HEADER, rows=5, end=100))


def test_a_shortened_ledger_is_refused(opener: Opener) -> None:
    """Its last rows are gone."""
    with pytest.raises(Refused, match="ends at 99, but had reached 100"):
        opener._check_stamp(WORK, offset_stamp("ours", 100), Restored(HEADER, rows=5, end=99))


@pytest.mark.parametrize(
    ("changed", "organization", "named"),
    [
        ({"group": "others"}, 31, "KAFKA__GROUP_ID"),
        ({"partitions": 6}, 31, "KAFKA__WORK_PARTITIONS"),
        ({}, 32, "the Rossum organisation"),
    ],
)
def test_the_ledger_of_another_deployment_is_refused(
    opener: Opener, changed: dict[str, Any], organization: int, named: str
) -> None:
    """What tells them apart is named."""
    with pytest.raises(Refused, match=f"belongs to another deployment: {named} is"):
        opener._check(replace(HEADER, **changed), organization)
