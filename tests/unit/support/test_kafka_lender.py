"""Brokers that several processes share."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.find_kafka import Kafka, NoKafka
from tests.support.kafka_lender import BEST, Lender, borrow


class Starts:
    """Makes brokers of paper.

    Attributes:
        said: What happened to them, in order.
    """

    def __init__(self) -> None:
        self.said: list[str] = []

    @contextmanager
    def __call__(self, version: str) -> Iterator[Kafka]:
        """A broker; there is none of version 2."""
        if version == "2":
            raise NoKafka("there is no java")
        self.said.append(f"start {version}")
        yield Kafka("127.0.0.1:9092", version, "paper")
        self.said.append(f"end {version}")


def test_a_broker_is_started_once_and_ends_with_the_lender() -> None:
    """When it is first asked for; another version is another broker."""
    starts = Starts()

    with Lender(starts) as lender:
        nothing_asked = list(starts.said)
        first, again, other = borrow(lender.address), borrow(lender.address), borrow(lender.address, "3.9.2")
        lent = dict(lender.lent)

    assert nothing_asked == []
    assert first == again == lent[BEST]
    assert other == lent["3.9.2"]
    assert starts.said == ["start ", "start 3.9.2", "end 3.9.2", "end "]


def test_who_asks_for_what_cannot_be_had_is_told_why() -> None:
    """Each time, and the next wish is granted."""
    with Lender(Starts()) as lender:
        for _ in range(2):
            with pytest.raises(NoKafka, match="there is no java"):
                borrow(lender.address, "2")

        assert borrow(lender.address, "3").version == "3"
