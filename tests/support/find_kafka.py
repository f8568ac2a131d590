"""Finds the best Kafka for the tests: one that is named, one in Docker, one from Maven - or says why there is none."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.support.kafka_artifacts import NoArtifacts, why_not
from tests.support.kafka_broker import DEFAULT_VERSION, LocalKafka

#: Seconds until a Docker engine must have answered.
DOCKER_ANSWERS = 3


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker for tests.

    Attributes:
        origin: Where it came from, for people.
    """

    bootstrap_servers: str
    origin: str


class NoKafka(Exception):
    """There is none; the sentence says what to do."""


@contextmanager
def best_kafka() -> Iterator[Kafka]:
    """A broker, as long as the context lasts.

    Raises:
        NoKafka: None can be had here.
    """
    if named := os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
        yield Kafka(named, f"KAFKA_BOOTSTRAP_SERVERS={named}")
    elif _docker_answers():
        from testcontainers.kafka import KafkaContainer  # noqa: PLC0415 - imports Docker's client

        with KafkaContainer(f"apache/kafka:{DEFAULT_VERSION}").with_kraft() as container:
            yield Kafka(container.get_bootstrap_server(), f"Docker, Apache Kafka {DEFAULT_VERSION}")
    else:
        if (problem := why_not()) is not None:
            msg = f"no KAFKA_BOOTSTRAP_SERVERS, no Docker engine, and {problem}"
            raise NoKafka(msg)
        try:
            broker = LocalKafka()
        except NoArtifacts as error:
            raise NoKafka(str(error)) from error
        with broker:
            yield Kafka(broker.bootstrap_servers, f"Maven, Apache Kafka {broker.version}")


def _docker_answers() -> bool:
    try:
        import docker  # noqa: PLC0415 - only looked at when nothing is named

        client = docker.from_env(timeout=DOCKER_ANSWERS)
        try:
            return bool(client.ping())
        finally:
            client.close()
    except Exception:  # noqa: BLE001 - whatever is wrong with Docker, the next way is tried
        return False
