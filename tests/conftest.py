"""What every test may use: a real Kafka, and names that nobody else uses."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import NoReturn
from uuid import uuid4

import pytest

from tests.support.find_kafka import Kafka, NoKafka, best_kafka
from tests.support.kafka_broker import DEFAULT_VERSION, LocalKafka

_report: list[str] = []


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The best real Kafka that this machine has; without one the test is skipped, with CI=true it fails."""
    with ExitStack() as stack:
        try:
            found = stack.enter_context(best_kafka())
        except NoKafka as error:
            _without_kafka(str(error))
        _report.append(f"Kafka: {found.origin}")
        yield found


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., LocalKafka]]:
    """Makes private brokers, started, which the test may stop, freeze and kill."""
    with ExitStack() as stack:

        def make(version: str = DEFAULT_VERSION) -> LocalKafka:
            try:
                broker = LocalKafka(version)
            except Exception as error:  # noqa: BLE001 - whatever is missing, the rule is the same
                _without_kafka(str(error))
            return stack.enter_context(broker)

        yield make


@pytest.fixture
def unique() -> str:
    """A prefix for topics, groups and ids."""
    return f"t{uuid4().hex[:8]}."


def _without_kafka(why: str) -> NoReturn:
    _report.append(f"KAFKA TESTS SKIPPED: {why}")
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs a real Kafka: {why}", pytrace=False)
    pytest.skip(why)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Kafka it was, so that green without one is not taken for green."""
    for line in dict.fromkeys(_report):
        terminalreporter.write_sep("=", line, yellow="SKIPPED" in line, green="SKIPPED" not in line)
