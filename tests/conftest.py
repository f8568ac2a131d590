"""What every test may use: a real Kafka, and names that nobody else uses."""

import os
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest

from tests.support import examples
from tests.support.browser import Browser, NoBrowser, browsing
from tests.support.find_kafka import Kafka, NoKafka
from tests.support.kafka_artifacts import NoArtifacts
from tests.support.kafka_broker import DEFAULT_VERSION, LocalKafka
from tests.support.kafka_cluster import LocalCluster, local_cluster
from tests.support.kafka_lender import BEST, Lender, borrow

examples.register()

#: What starts brokers of its own, whatever broker is named.
_OWN_KAFKA_FIXTURES = {"kafka_of_version", "kafka_cluster", "own_kafka"}
_KAFKA_FIXTURES = {"kafka", *_OWN_KAFKA_FIXTURES}
_report: list[str] = []
_LENT = pytest.StashKey[Lender]()
#: What a worker is told at its start: where to ask for brokers.
_LENDER = "kafka_lender"
#: Two wait for what computes, at the lowest priority; the others for brokers and clocks.
WORKERS = min(2 * (os.cpu_count() or 1), 6)
#: What computes for minutes.
_LONGEST = ("test_seeds.py", "test_crash_matrix.py")


@pytest.fixture(scope="session")
def lender(request: pytest.FixtureRequest) -> Iterator[str]:
    """Where to ask for brokers: the process that hands out the tests, and without workers this one."""
    with ExitStack() as stack:
        told = getattr(request.config, "workerinput", {}).get(_LENDER)
        yield told or stack.enter_context(_lending(request.config)).address


@pytest.fixture(scope="session")
def kafka(lender: str) -> Kafka:
    """The best real Kafka that this machine has; without one the test is skipped, with CI=true it fails."""
    return _borrowed(lender, BEST)


@pytest.fixture(scope="session")
def kafka_of_version(lender: str, kafka: Kafka) -> Callable[[str], Kafka]:
    """Gives a Kafka of a version for the whole session: the one that `kafka` is, or another from Maven."""
    return lambda version: kafka if version == kafka.version else _borrowed(lender, version)


@pytest.fixture
def own_kafka() -> Iterator[Callable[..., LocalKafka]]:
    """Makes private brokers, started, which the test may stop, freeze and kill."""
    with ExitStack() as stack:

        def make(
            version: str = DEFAULT_VERSION, *, doors: int = 0, properties: Mapping[str, str] | None = None
        ) -> LocalKafka:
            try:
                broker = LocalKafka(version, doors=doors, properties=properties)
            except NoArtifacts as error:
                _without("KAFKA", f"a private broker is needed, but {error}")
            return stack.enter_context(broker)

        yield make


@pytest.fixture(scope="module")
def kafka_cluster() -> Iterator[LocalCluster]:
    """Three private brokers that replicate everything; a test that ends one starts it again."""
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(local_cluster())
        except NoArtifacts as error:
            _without("KAFKA", f"three private brokers are needed, but {error}")
        yield cluster


@pytest.fixture
async def browser(tmp_path: Path) -> AsyncIterator[Browser]:
    """A window of a real browser; without one the test is skipped, with CI=true it fails."""
    async with AsyncExitStack() as stack:
        try:
            window = await stack.enter_async_context(browsing(tmp_path / "browser"))
        except NoBrowser as error:
            _without("BROWSER", f"a real browser is needed: {error}")
        yield window


@pytest.fixture
def unique() -> str:
    """A prefix for topics, groups and ids."""
    return f"t{uuid4().hex[:8]}."


def _lending(config: pytest.Config) -> Lender:
    """One that tells at the end what it lent."""
    config.stash[_LENT] = lender = Lender()
    return lender


def _borrowed(lender: str, version: str) -> Kafka:
    try:
        return borrow(lender, version)
    except NoKafka as error:
        _without("KAFKA", str(error))


def _without(what: str, why: str) -> NoReturn:
    """Skip the test loudly; with CI=true it fails: a proof that is left out there is none."""
    in_ci = os.environ.get("CI") == "true"
    _report.append(f"{what} TESTS {'FAILED' if in_ci else 'SKIPPED'}: {why}")
    if in_ci:
        pytest.fail(f"CI=true needs it: {why}", pytrace=False)
    pytest.skip(why)


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--write-transcripts` takes the sessions of the workflow tests into the README."""
    parser.addoption("--write-transcripts", action="store_true", help="write the README's transcripts anew")


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """All workers borrow from one lender, which starts with the first of them and ends with the run."""
    if _LENT not in node.config.stash:
        node.config.add_cleanup(_lending(node.config).close)
    node.workerinput[_LENDER] = node.config.stash[_LENT].address


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """As many as wait well beside each other."""
    return WORKERS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs a broker, or one of its own, so that `-m "not kafka"` runs what does not."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        if not _KAFKA_FIXTURES.isdisjoint(fixtures):
            item.add_marker(pytest.mark.kafka)
        if not _OWN_KAFKA_FIXTURES.isdisjoint(fixtures):
            item.add_marker(pytest.mark.own_kafka)
    # What computes for minutes begins at once, beside what waits: each worker starts at the head of its part.
    for number, name in enumerate(_LONGEST):
        for item in [item for item in items if item.path.name == name]:
            items.remove(item)
            items.insert(number * len(items) // WORKERS, item)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which Kafka it was, so that green without one is not taken for green."""
    lender = config.stash.get(_LENT, None)
    lent = [] if lender is None else [found for found in lender.lent.values() if isinstance(found, Kafka)]
    _report.extend(f"Kafka: {found.origin}" for found in lent)
    for line in dict.fromkeys(_report):
        found = line.startswith("Kafka:")
        terminalreporter.write_sep("=", line, green=found, red=not found)
