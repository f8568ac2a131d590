"""What every test may use: a real Kafka, and names that nobody else uses."""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack
from typing import NoReturn, TypeVar
from uuid import uuid4

import pytest

from tests.support.find_kafka import Kafka, NoKafka, best_kafka, local_kafka
from tests.support.kafka_artifacts import NoArtifacts
from tests.support.kafka_broker import DEFAULT_VERSION, LocalKafka

Found = TypeVar("Found")

_KAFKA_FIXTURES = {"kafka", "kafka_of_version", "own_kafka"}
_report: list[str] = []


@pytest.fixture(scope="session")
def kafka() -> Iterator[Kafka]:
    """The best real Kafka that this machine has; without one the test is skipped, with CI=true it fails."""
    with ExitStack() as stack:
        found = _enter(stack, best_kafka)
        _report.append(f"Kafka: {found.origin}")
        yield found


@pytest.fixture(scope="session")
def kafka_of_version(kafka: Kafka) -> Iterator[Callable[[str], Kafka]]:
    """Gives a Kafka of a version for the whole session: the one that `kafka` is, or another from Maven."""
    with ExitStack() as stack:
        found = {kafka.version: kafka}

        def of_version(version: str) -> Kafka:
            if version not in found:
                found[version] = _enter(stack, lambda: local_kafka(version))
                _report.append(f"Kafka: {found[version].origin}")
            return found[version]

        yield of_version


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., LocalKafka]]:
    """Makes private brokers, started, which the test may stop, freeze and kill."""
    with ExitStack() as stack:

        def make(version: str = DEFAULT_VERSION) -> LocalKafka:
            try:
                broker = LocalKafka(version)
            except NoArtifacts as error:
                _without_kafka(f"a private broker is needed, but {error}")
            return stack.enter_context(broker)

        yield make


@pytest.fixture
def unique() -> str:
    """A prefix for topics, groups and ids."""
    return f"t{uuid4().hex[:8]}."


def _enter(stack: ExitStack, way: Callable[[], AbstractContextManager[Found]]) -> Found:
    try:
        return stack.enter_context(way())
    except NoKafka as error:
        _without_kafka(str(error))


def _without_kafka(why: str) -> NoReturn:
    in_ci = os.environ.get("CI") == "true"
    _report.append(f"KAFKA TESTS {'FAILED' if in_ci else 'SKIPPED'}: {why}")
    if in_ci:
        pytest.fail(f"CI=true needs a real Kafka: {why}", pytrace=False)
    pytest.skip(why)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a broker, so that `-m "not kafka"` runs what does not."""
    for item in items:
        if not _KAFKA_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.kafka)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say which Kafka it was, so that green without one is not taken for green."""
    for line in dict.fromkeys(_report):
        found = line.startswith("Kafka:")
        terminalreporter.write_sep("=", line, green=found, red=not found)
