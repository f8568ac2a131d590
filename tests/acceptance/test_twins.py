"""A second upload of one import: told, marked, and put out of the way where that is wanted."""

from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from connector.domain.ids import import_id_from_document
from connector.domain.readings import MARK_KEY
from tests.support.deployment import Deployment, deployment, inline, pdf
from tests.support.find_kafka import Kafka
from tests.support.waiting import eventually

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

SLOW_REVIEW = ("--rate-limit", "0", "--processing", "0.3", "--review", "4")
SETTINGS = {"ROSSUM__REQUESTS_PER_SECOND": "0", "IMPORTS__TASK_AFTER": "20s"}


async def uploaded_by_hand(world: Deployment, number: int, **metadata: Any) -> None:
    """Somebody uploads the document of an import again, mark and all."""
    import_id = import_id_from_document(f"doc-{number}")
    mark = {"import_id": import_id, "document_key": f"doc-{number}"}
    form = aiohttp.FormData()
    form.add_field("metadata", orjson.dumps({MARK_KEY: mark, **metadata}).decode(), content_type="application/json")
    content = pdf(f"document {number}")
    form.add_field("content", content, filename=f"document {number}.pdf", content_type="application/pdf")
    url, headers = world.base_url + "/uploads?queue=8198", {"Authorization": f"Bearer {world.token}"}
    async with world.http.post(url, data=form, headers=headers) as response:
        response.raise_for_status()


async def root_documents_of(world: Deployment, number: int) -> list[Any]:
    """The root documents of an import, oldest first."""
    import_id = import_id_from_document(f"doc-{number}")
    documents = await world.control("/documents")
    return [
        d for d in documents if d["parent"] is None and d["metadata"].get(MARK_KEY, {}).get("import_id") == import_id
    ]


async def twin_told(world: Deployment) -> tuple[Any, Any, Any]:
    """The event of the only twin, and the two documents: the import's own and the twin."""
    await eventually(lambda: world.reader.named("import.duplicate"), within=30)
    (event,) = world.reader.named("import.duplicate")
    own, twin = await root_documents_of(world, 0)
    return event, own, twin


@pytest.mark.parametrize("hooks", ["webhooks", "sweeps"])
async def test_a_twin_is_told_and_its_captured_data_says_so(kafka: Kafka, tmp_path: Path, hooks: str) -> None:
    """A second root document is a duplicate of the import; both are captured, the twin names the original."""
    world_of = deployment(kafka.bootstrap_servers, "twin", tmp_path, simulator=SLOW_REVIEW, **SETTINGS)
    async with world_of as world:
        await world.start_replica()
        if hooks == "webhooks":
            await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(0), inline(1)])
        # The document that the import knows first is its own.
        await eventually(lambda: len(world.reader.named("import.completed")) == 2, within=30)

        await uploaded_by_hand(world, 0)

        event, own, twin = await twin_told(world)
        await eventually(lambda: len(world.reader.captured()) == 3, within=30)
        originals = {e.headers["ce_subject"]: e.data.get("duplicate_of") for e in world.reader.captured()}
        assert event.data["refused"] is False
        assert event.data["documents"] == [twin["id"]]
        assert event.data["annotations"] == [twin["annotations"][0]["id"]]
        assert event.headers["ce_revision"] == f"1:{twin['id']}"
        assert originals[f"annotations/{twin['annotations'][0]['id']}"] == own["annotations"][0]["id"]
        assert originals[f"annotations/{own['annotations'][0]['id']}"] is None
        assert world.reader.duplicates() == []


@pytest.mark.parametrize(("wish", "status"), [("hold", "postponed"), ("delete", "deleted")])
async def test_a_twin_is_put_out_of_the_way(kafka: Kafka, tmp_path: Path, wish: str, status: str) -> None:
    """Held or deleted through the API before a person exports it; the original goes its way."""
    settings = SETTINGS | {"IMPORTS__ON_TWIN": wish}
    world_of = deployment(kafka.bootstrap_servers, "twin", tmp_path, simulator=SLOW_REVIEW, **settings)
    async with world_of as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(0)])
        await eventually(lambda: world.reader.named("import.completed"), within=30)

        await uploaded_by_hand(world, 0, sandbox={"review": -1})

        _, own, _ = await twin_told(world)

        async def is_put_away() -> bool:
            _, twin = await root_documents_of(world, 0)
            return bool(twin["annotations"][0]["status"] == status)

        await eventually(is_put_away, within=60)
        await eventually(world.reader.captured, within=30)
        assert [e.headers["ce_subject"] for e in world.reader.captured()] == [
            f"annotations/{own['annotations'][0]['id']}"
        ]
        told = f"annotation.{status}"
        await eventually(lambda: world.reader.named(told), within=60)


async def test_a_copy_of_the_annotation_is_no_twin(kafka: Kafka, tmp_path: Path) -> None:
    """A person who copies an annotation makes a second one of the same document, not a second upload."""
    world_of = deployment(kafka.bootstrap_servers, "twin", tmp_path, simulator=SLOW_REVIEW, **SETTINGS)
    async with world_of as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(0)])
        await eventually(lambda: world.reader.named("annotation.ready"), within=30)
        (own,) = await root_documents_of(world, 0)

        await world.control(f"/annotations/{own['annotations'][0]['id']}/copy", {"status": "exported"})

        await eventually(lambda: len(world.reader.captured()) == 2, within=30)
        assert world.reader.named("import.duplicate") == []


async def test_events_of_annotations_tell_where_the_arrival_was(kafka: Kafka, tmp_path: Path) -> None:
    """Causation and trace of the arrival are on the import's events, on the annotation's, and on those of its parts."""
    world_of = deployment(kafka.bootstrap_servers, "twin", tmp_path, simulator=SLOW_REVIEW, **SETTINGS)
    async with world_of as world:
        await world.start_replica()
        await world.add_hook(world.webhook_urls[0])
        await world.announce([inline(0), inline(1, sandbox={"fate": "split", "review": 0.5})])

        await eventually(lambda: len(world.reader.captured()) == 3, within=40)

        causation = {e.key: e.headers["ce_causation"] for e in world.reader.named("import.accepted")}
        told = [(e.key, e.headers.get("ce_causation")) for e in world.reader.events if "annotation" in e.name]
        assert len(causation) == 2
        assert told == [(key, causation.get(key)) for key, _ in told]
        assert {key for key, _ in told} == {"doc-0", "doc-1"}
