"""What stands around the connector in the sandbox: who announces documents, who reads events, who sets up Rossum."""

from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from connector.clock import Clock
from connector.contracts.catalogue import TopicRole
from connector.errors import KafkaUnavailable
from connector.kafka.connection import CALL_DEADLINE, KafkaConnection, let_go, within
from connector.kafka.names import Names
from connector.kafka.topics import create_missing, find_topics, findings
from connector.sandbox.samples import Sample, arrival_of
from connector.sandbox.simulator.server import Simulator, SimulatorOptions
from connector.sandbox.story import PUBLIC, Record, record_of
from connector.settings_kafka import KafkaSettings

_POLL_MS: Final = 100
#: Looks (one a call) after which created topics must be there.
_LOOKS: Final = 50
_LOOK_PAUSE: Final = 0.2


async def create_topics(settings: KafkaSettings, clock: Clock) -> None:
    """Create the topics of this run and wait until the broker shows them.

    Raises:
        Refused: The broker refuses one.
        KafkaUnavailable: It does not answer, or does not show them.
    """
    names = Names.from_settings(settings, partitions=settings.work_partitions)
    async with KafkaConnection(settings).admin() as admin:
        await create_missing(admin, names, {}, replication=None)
        for _ in range(_LOOKS):
            if not findings(names, await find_topics(admin, list(names.topics.values()))):
                return
            await clock.sleep(_LOOK_PAUSE)
    raise KafkaUnavailable("the broker has created the topics of the sandbox but does not show them")


class Announcer:
    """Writes arrivals, as any producer of documents would."""

    def __init__(self, producer: AIOKafkaProducer, topic: str, folder: Path) -> None:
        self._producer = producer
        self._topic = topic
        self._folder = folder

    async def announce(self, sample: Sample) -> list[str]:
        """Write the arrival of a sample, as often as it is to be written; each `topic/partition/offset`."""
        arrival = arrival_of(sample, self._folder)
        places = []
        for _ in range(sample.kind.announced):
            sending = self._producer.send_and_wait(
                self._topic, value=arrival.value, key=arrival.key, headers=list(arrival.headers)
            )
            stored = await within(CALL_DEADLINE, sending, "announcing a document")
            places.append(f"{stored.topic}/{stored.partition}/{stored.offset}")
        return places


@asynccontextmanager
async def announcing(settings: KafkaSettings, folder: Path) -> AsyncIterator[Announcer]:
    """Documents can be announced; those in files lie in `folder`."""
    producer = KafkaConnection(settings).producer()
    try:
        await within(CALL_DEADLINE, producer.start(), "connecting")
        yield Announcer(producer, settings.topics.arrived, folder)
    finally:
        await let_go(producer.stop())


class EventReader:
    """Reads the public topics from their beginning, without a group, and only what is committed."""

    def __init__(self, consumer: AIOKafkaConsumer, roles: dict[str, TopicRole], clock: Clock) -> None:
        self._consumer = consumer
        self._roles = roles
        self._clock = clock

    async def next(self) -> list[Record]:
        """What has come since; perhaps nothing."""
        found = await within(CALL_DEADLINE, self._consumer.getmany(timeout_ms=_POLL_MS), "reading events")
        now = self._clock.monotonic()
        return [
            record_of(self._roles[place.topic], record.key, record.headers, record.value, at=now)
            for place, records in found.items()
            for record in records
        ]


@asynccontextmanager
async def reading(settings: KafkaSettings, clock: Clock) -> AsyncIterator[EventReader]:
    """Events can be read."""
    names = Names.from_settings(settings, partitions=settings.work_partitions)
    roles = {names.topics[role]: role for role in PUBLIC}
    consumer = KafkaConnection(settings).consumer(fetch_max_wait_ms=_POLL_MS)
    try:
        await within(CALL_DEADLINE, consumer.start(), "connecting")
        consumer.subscribe(list(roles))
        yield EventReader(consumer, roles, clock)
    finally:
        await let_go(consumer.stop())


async def create_hook(simulator: Simulator, url: str, secret: str) -> None:
    """Have Rossum tell the connector about every change of status, by the documented `POST /hooks`."""
    queues = [f"{simulator.base_url}/queues/{queue}" for queue, _ in SimulatorOptions.queues]
    body = {
        "name": "Kafka connector",
        "type": "webhook",
        "queues": queues,
        "events": ["annotation_status"],
        "config": {"url": url, "secret": secret},
        "active": True,
    }
    headers = {"Authorization": f"Bearer {SimulatorOptions.token}"}
    address = f"{simulator.base_url}/hooks"
    async with aiohttp.ClientSession(headers=headers) as session, session.post(address, json=body) as answer:
        answer.raise_for_status()


async def imported(simulator: Simulator) -> Counter[str]:
    """How many root documents Rossum has of each sample: it is asked itself, whatever the events say."""
    async with aiohttp.ClientSession() as session, session.get(f"{simulator.sandbox_url}/documents") as answer:
        answer.raise_for_status()
        documents = await answer.json()
    return Counter(
        document["metadata"]["sample"]
        for document in documents
        if document["parent"] is None and "sample" in (document["metadata"] or {})
    )
