"""Finds a real Kafka for tests and benchmarks: one that is named, one in Docker, one from Maven - or says why not."""

import gc
import os
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.support.kafka_artifacts import NoArtifacts
from tests.support.kafka_broker import DEFAULT_VERSION, READY_WITHIN, LocalKafka
from tests.support.kafka_probe import answers
from tests.support.kafka_settings import CLUSTER_ID, free_ports, settings
from tests.support.waiting import until

NAMED = "KAFKA_BOOTSTRAP_SERVERS"
#: Seconds until a Docker engine must have answered.
_DOCKER_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker for tests.

    Attributes:
        version: Of Apache Kafka; "unknown" for one that is named, unless KAFKA_VERSION says it.
        origin: Where it came from, for people.
        pid: Its process, where that is one of ours.
    """

    bootstrap_servers: str
    version: str
    origin: str
    pid: int | None = None


class NoKafka(Exception):
    """There is none; the sentence says what was tried and what to do."""


@contextmanager
def best_kafka() -> Iterator[Kafka]:
    """A broker, as long as the context lasts.

    Raises:
        NoKafka: None can be had here.
    """
    if named := os.environ.get(NAMED):
        yield Kafka(named, os.environ.get("KAFKA_VERSION") or "unknown", f"{NAMED}={named}")
        return
    with ExitStack() as stack:
        yield _first_that_works(stack)


@contextmanager
def local_kafka(version: str = DEFAULT_VERSION) -> Iterator[Kafka]:
    """A broker from the Maven artifacts.

    Raises:
        NoKafka: Java or Maven is missing.
    """
    try:
        broker = LocalKafka(version)
    except NoArtifacts as error:
        raise NoKafka(str(error)) from error
    with broker:
        yield Kafka(broker.bootstrap_servers, version, f"Apache Kafka {version} from Maven", broker.pid)


@contextmanager
def docker_kafka(version: str = DEFAULT_VERSION) -> Iterator[Kafka]:
    """A broker in a container, on a port of 127.0.0.1.

    Raises:
        NoKafka: No Docker engine answers, or it can't run the image.
    """
    _need_docker()
    from testcontainers.core.container import DockerContainer  # noqa: PLC0415 - it looks for an engine when imported

    port, controller_port = free_ports(2)
    lines = settings(version, port=port, controller_port=controller_port, data="/tmp/data", host="0.0.0.0")  # noqa: S104, S108 - both inside the container
    variables = {f"KAFKA_{name.replace('.', '_').upper()}": value for name, value in lines.items()}
    with ExitStack() as stack:
        try:
            container = DockerContainer(f"apache/kafka:{version}").with_envs(CLUSTER_ID=CLUSTER_ID, **variables)
            container.ports[f"{port}/tcp"] = ("127.0.0.1", port)  # type: ignore[assignment]  # Docker takes a pair too
            stack.enter_context(container)
            until(lambda: answers(port), within=READY_WITHIN)
        except Exception as error:
            raise NoKafka(f"Docker can't run apache/kafka:{version} ({error})") from error
        yield Kafka(f"127.0.0.1:{port}", version, f"Apache Kafka {version} in Docker")


def _first_that_works(stack: ExitStack) -> Kafka:
    tried = [f"{NAMED} is not set"]
    for way in (docker_kafka, local_kafka):
        try:
            return stack.enter_context(way())
        except NoKafka as error:
            tried.append(str(error))
    raise NoKafka("; ".join(tried))


def _need_docker() -> None:
    with warnings.catch_warnings():
        # Docker's client leaves its socket to the collector when no engine answers.
        warnings.simplefilter("ignore", ResourceWarning)
        answered = _docker_answers()
        gc.collect()
    if not answered:
        raise NoKafka("no Docker engine answers")


def _docker_answers() -> bool:
    try:
        import docker  # noqa: PLC0415 - only looked at when nothing is named

        client = docker.from_env(timeout=_DOCKER_ANSWERS)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever is wrong with Docker, the next way is tried
        return False
