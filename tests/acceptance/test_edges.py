"""The edges exposed to the outside: what is refused leaves no trace, and what is secret stays secret."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from connector.domain.ids import AnnotationId, annotation_entity
from connector.domain.messages import Hint, Swept, decode_work
from connector.domain.readings import CLOCKS
from tests.acceptance.test_broker_away import webhook
from tests.support.deployment import QUEUE, SECRET, Deployment, deployment, inline
from tests.support.find_kafka import Kafka
from tests.support.leaks import leaks
from tests.support.reader import CAPTURED
from tests.support.sources import Sources, sources
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

QUICK = ("--rate-limit", "0", "--processing", "0.2", "--review", "0.3")
OPS_TOKEN = "ops token of the tests"
API_TOKEN = "f3a9-token-of-the-api-77c1"
SIGNED_QUERY = "f00dfeedcafe"
ALLOWED_QUERY = "0ddba11c0ffee"
#: In every document, and nowhere else.
WORDS = "what only the documents say: 91c7d0b2"
RETURN_QUERY = "5e55104f00d"
TOPICS = (
    "rossum.documents.lifecycle",
    CAPTURED,
    "rossum.annotations.ready",
    "rossum.dead-letters",
    "rossum.connector.imports",
    "rossum.connector.work",
)
SCHEMAS = Path(__file__).parents[2] / "schemas"
WORK, LEDGER = "rossum.connector.work", "rossum.connector.ledger"


@pytest.fixture
async def documents(tmp_path: Path) -> AsyncIterator[Sources]:
    """Documents that say what nothing else says."""
    async with sources(tmp_path, text=f"document {{}}, {WORDS}") as opened:
        yield opened


@pytest.fixture
async def world(kafka: Kafka, tmp_path: Path, documents: Sources) -> AsyncIterator[Deployment]:
    """One replica whose sweeps are far apart, so that nothing but the test writes.

    They start long ago: a first pass that comes within a second of the start has nothing to tell.
    """
    settings = {"ROSSUM__REQUESTS_PER_SECOND": "0", "SWEEP__INTERVAL": "1h", "OPS__TOKEN": OPS_TOKEN}
    settings |= {"SWEEP__START": "2026-01-01T00:00:00Z", "ROSSUM__TOKEN": API_TOKEN} | documents.settings
    simulator = (*QUICK, "--token", API_TOKEN)
    async with deployment(kafka.bootstrap_servers, "edges", tmp_path, simulator=simulator, **settings) as running:
        await running.start_replica()
        yield running


async def everything(world: Deployment, *names: str) -> list[bytes]:
    """Keys, values and headers of all records of some topics."""
    found: list[bytes] = []
    for record in await records(world, *names):
        found += [record.key or b"", record.value or b"", *(value for _, value in record.headers)]
    return found


async def records(world: Deployment, *names: str) -> list[Any]:
    """All records of some topics."""
    # Without a group it gets all partitions that there are.
    topics = [world.prefix + name for name in names]
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=world.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        places = consumer.assignment()
        assert {place.topic for place in places} == {*topics}
        await consumer.seek_to_beginning(*places)
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        while any([await consumer.position(place) < ends[place] for place in places]):
            for more in (await consumer.getmany(timeout_ms=200)).values():
                found += more
        return found
    finally:
        await consumer.stop()


async def post(world: Deployment, body: bytes | BytesIO, headers: dict[str, str]) -> int:
    """The status that a webhook gets."""
    async with world.http.post(world.webhook_urls[0], data=body, headers=headers) as response:
        return response.status


async def test_what_is_refused_leaves_no_trace(world: Deployment) -> None:
    """Forged 401, oversized 413, rubbish 400; a genuine webhook after them is all that any topic or row tells of."""
    # The first pass of each sweep writes; the next ones are an hour away.
    await eventually(lambda: world.reader.passes().keys() >= set(CLOCKS), within=30)
    made = await world.control("/annotations", {"count": 1, "queue": QUEUE, "status": "to_review"})
    genuine = AnnotationId(made["ids"][0])
    before = {(r.topic, r.partition, r.offset) for r in await records(world, *TOPICS, LEDGER)}
    body, headers = webhook(77, world.base_url)
    forged = {**headers, "X-Rossum-Signature-SHA256": "sha256=" + "0" * 64}
    rubbish, _ = webhook(78, world.base_url)

    statuses = {
        "forged": await post(world, body, forged),
        "unsigned": await post(world, body, {"Content-Type": "application/json"}),
        "changed": await post(world, body + b" ", headers),
        "oversized": await post(world, BytesIO(b"x" * 3_000_000), headers),
        "rubbish": await post(world, b"{", _signed(b"{")),
        "no webhook": await post(world, b"[1]", _signed(b"[1]")),
        "other secret": await post(world, rubbish, _signed(rubbish, "another")),
    }

    assert statuses == {
        "forged": 401,
        "unsigned": 401,
        "changed": 401,
        "oversized": 413,
        "rubbish": 400,
        "no webhook": 400,
        "other secret": 401,
    }
    assert await post(world, *webhook(genuine, world.base_url)) == 200
    await eventually(lambda: world.reader.named("annotation.ready"), within=30)
    after = await records(world, *TOPICS, LEDGER)
    new = [record for record in after if (record.topic, record.partition, record.offset) not in before]
    _tell_only_of(world, genuine, new)


def _tell_only_of(world: Deployment, annotation: AnnotationId, new: list[Any]) -> None:
    """The records are those of one webhook, and what owners note about the sweeps at the start."""
    work = [message for r in new if r.topic == world.prefix + WORK for message in decode_work(r.value)]
    rows = [r.key.decode() for r in new if r.topic == world.prefix + LEDGER]
    events = [r.key.decode() for r in new if r.topic not in (world.prefix + WORK, world.prefix + LEDGER)]

    assert [message.annotation for message in work if isinstance(message, Hint)] == [annotation]
    assert [message for message in work if not isinstance(message, Hint | Swept)] == []
    assert [row for row in rows if not row.startswith(("sweep/", "floor/"))] == [annotation_entity(annotation)]
    assert set(events) == {f"rossum:{annotation}"}


def _signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    return {"X-Rossum-Signature-SHA256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


async def embedded_url(world: Deployment, annotation: int) -> tuple[int, str]:
    """The answer to who asks for an embedded URL with a return address that is secret to them."""
    order = {"return_url": f"https://app.example/?session={RETURN_QUERY}"}
    url = f"{world.ops_urls[0]}/v1/annotations/{annotation}/embedded-url"
    async with world.http.post(url, json=order, headers={"Authorization": f"Bearer {OPS_TOKEN}"}) as response:
        return response.status, await response.text()


async def embedded_token(world: Deployment) -> str:
    """The token of an embedded URL, after others were made, refused, and lost on their way."""
    (event, *_) = world.reader.captured()
    annotation = event.data["annotation"]["id"]
    for action in ("status:400", "status:503", "garbage", "drop-after"):
        await world.control("/faults", {"path": "create_embedded_url", "action": action, "times": 1})
        status, _ = await embedded_url(world, annotation)
        assert status in (400, 503)
    _, answer = await embedded_url(world, annotation)
    token: str = orjson.loads(answer)["url"].partition("#authToken=")[2]
    return token


async def everywhere(world: Deployment) -> list[bytes]:
    """All that may hold nothing secret: logs, `work` and the ledger."""
    return [replica.log.read_bytes() for replica in world.replicas] + await everything(world, WORK, LEDGER)


def values_of(world: Deployment) -> set[str]:
    """Captured values that are long enough not to stand anywhere by chance."""
    fields = [
        field
        for event in world.reader.captured()
        for field in (
            *event.data["fields"].values(),
            *(cell for rows in event.data["tables"].values() for row in rows for cell in row.values()),
        )
    ]
    return {field["value"] for field in fields if field["value"] and len(field["value"]) >= 8}


async def plant(world: Deployment, documents: Sources, values: set[str]) -> set[str]:
    """Have some of each kind leak, each in another form and place; what was planted."""
    log, as_text, row, on_work = sorted(values)[:4]
    with world.replicas[0].log.open("a") as file:
        file.write(json.dumps({"event": "failed", "reason": f"KeyError({as_text!r})", "value": log}) + "\n")
        file.write(json.dumps({"event": "failed", "reason": repr(documents.content(1))}) + "\n")
        file.write(f"Authorization: Bearer {API_TOKEN}\n")
    producer = AIOKafkaProducer(bootstrap_servers=world.bootstrap)
    await producer.start()
    try:
        await producer.send_and_wait(world.prefix + LEDGER, orjson.dumps({"row": {"value": row}}), key=SECRET.encode())
        leaking = [("reason", on_work.encode()), ("url", f"https://app.example/#{RETURN_QUERY}".encode())]
        await producer.send_and_wait(world.prefix + WORK, base64.b64encode(documents.content(2)), headers=leaking)
    finally:
        await producer.stop()
    return {log, as_text, row, on_work, WORDS, API_TOKEN, SECRET, RETURN_QUERY}


async def announce(world: Deployment, documents: Sources) -> None:
    """20 documents inline, by https and in files, and three that can't be had: two of them for ever."""
    refused = {"kind": "https", "url": f"https://{SIGNED_QUERY}.example/a.pdf?signature={SIGNED_QUERY}"}
    site = f"https://localhost:{documents.port}"
    missing = {"kind": "https", "url": f"{site}/nowhere?signature={ALLOWED_QUERY}"}
    late = {"kind": "https", "url": f"{site}/documents/22?signature={ALLOWED_QUERY}"}
    documents.unavailable.add(22)
    failing = [{**inline(20 + number), "source": source} for number, source in enumerate((refused, missing, late))]
    await world.announce([*failing, *(documents.arrival(number) for number in range(20))])


async def test_nothing_secret_is_written_anywhere(world: Deployment, documents: Sources) -> None:
    """No token, secret, document byte or captured value in a log, in `work` or in the ledger; no token elsewhere."""
    await world.add_hook(world.webhook_urls[0])
    await announce(world, documents)
    await world.http.post(world.webhook_urls[0], data=b'{"secret": "x"}', headers=_signed(b"another body"))
    await world.control("/faults", {"method": "GET", "path": "/annotations", "action": "status:401", "times": 2})
    await eventually(lambda: len(world.reader.captured()) >= 20, within=60)
    await eventually(lambda: len(world.reader.letters) == 2, within=60)
    await eventually(lambda: len(world.reader.named("import.completed")) >= 20, within=30)
    token = await embedded_token(world)
    async with world.http.get(world.ops_urls[0] + "/metrics") as response:
        metrics = await response.read()
    for replica in world.replicas:
        await replica.stop()

    values = values_of(world)
    hidden = {SECRET, OPS_TOKEN, API_TOKEN, f"={SIGNED_QUERY}", ALLOWED_QUERY, WORDS, token, RETURN_QUERY} | values
    written = [metrics, *await everywhere(world)]
    public = await everything(world, *TOPICS)

    assert len(values) > 20
    assert len(token) == 40
    assert any(b"/nowhere answered 404" in text for text in written)
    assert any(b"/documents/22 answered 503" in text for text in written)
    assert leaks(hidden, written) == set()
    assert leaks({token}, public) == set()
    # Copies of arrivals have inline documents, captured events have values: the search finds them there, and whatever
    # leaks.
    assert leaks({WORDS, *values}, public) == {WORDS, *values}
    planted = await plant(world, documents, values)
    assert leaks(hidden, await everywhere(world)) == planted


async def test_a_plain_consumer_reads_what_is_documented(world: Deployment) -> None:
    """kcat, which knows nothing of us, finds key, headers and JSON."""
    kcat = shutil.which("kcat") or shutil.which("kafkacat")
    if kcat is None:
        assert os.environ.get("CI") != "true", "CI needs kcat: apt-get install kcat"
        pytest.skip("kcat is not installed")
    await world.add_hook(world.webhook_urls[0])
    await world.announce([inline(7, purchase_order="4500012345")])
    await eventually(world.reader.captured, within=60)

    options = ["-C", "-q", "-e", "-o", "beginning", "-X", "isolation.level=read_committed", "-J"]
    command = [kcat, "-b", world.bootstrap, "-t", world.prefix + CAPTURED, *options]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, timeout=60, check=True)
    (record,) = [json.loads(line) for line in done.stdout.splitlines() if line]

    headers = dict(zip(record["headers"][::2], record["headers"][1::2], strict=True))
    data = orjson.loads(record["payload"])
    schema = orjson.loads((SCHEMAS / "annotation.captured.json").read_bytes())
    annotation = await world.api("GET", f"/annotations/{data['annotation']['id']}")
    assert record["key"] == "doc-7"
    assert UUID(headers["ce_id"]).version == 5
    assert headers["ce_subject"] == f"annotations/{annotation['id']}"
    assert headers["ce_time"] == headers["ce_revision"] == annotation["exported_at"]
    assert headers["ce_dataschema"] == schema["$id"]
    assert headers["ce_type"] == "ai.rossum.connector.annotation.captured"
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_partitionkey"] == "doc-7"
    assert headers["ce_source"] == f"{world.base_url}/queues/8198"
    assert headers["content-type"] == "application/json"
    assert data["document_key"] == "doc-7"
    assert data["metadata"] == {"purchase_order": "4500012345"}
    assert data["fields"]
    assert data["content"]
    Draft202012Validator(schema).validate(data)
