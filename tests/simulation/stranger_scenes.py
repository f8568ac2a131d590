"""Scenes of documents that somebody else has put into Rossum before, where it is asked to refuse identical ones."""

from collections import Counter
from typing import Any

import aiohttp
import orjson

from connector.sandbox.simulator.control import all_documents
from tests.simulation.checker import LIFECYCLE, header, name_of
from tests.simulation.identical_scenes import STRICT, ended, refusals
from tests.simulation.staging import Scene, staged
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import Document, put
from tests.simulation.world import TOKEN, World


class Theirs(Document):
    """Somebody has put it into Rossum by another door."""

    @property
    def ending(self) -> str:
        """We have not imported it."""
        return "import.duplicate"


async def _put_in_by_somebody(world: World, document: Document) -> dict[str, Any]:
    """The same bytes under the same name; what Rossum has then."""
    source = orjson.loads(document.arrival())
    form = aiohttp.FormData()
    form.add_field("content", document.content, filename=source["file_name"], content_type="application/pdf")
    url, headers = f"{world.simulator.base_url}/uploads?queue=8198", {"Authorization": f"Bearer {TOKEN}"}
    async with world.http.post(url, data=form, headers=headers) as answer:
        answer.raise_for_status()
    known: list[dict[str, Any]] = all_documents(world.simulator.world)
    return next(one for one in known if one["file_name"] == source["file_name"])


async def _refused_for_theirs(scene: Scene, *, named: bool) -> list[str]:
    world, document = scene.world, Theirs("doc-0", "exported")
    await world.control("/behaviour", {"conflict_names": named})
    theirs = await _put_in_by_somebody(world, document)
    await pause(10.0)
    put(world, document)
    found = await scene.ended([document])
    put(world, document)
    await pause(20.0)
    duplicates = [r for r in world.records(LIFECYCLE) if name_of(r) == "import.duplicate"]
    told = [orjson.loads(record.value or b"") for record in duplicates]
    facts = [(event["refused"], event["documents"], event["annotations"]) for event in told]
    expected = [(True, [theirs["id"]], [one["id"] for one in theirs["annotations"]])]
    found += [] if facts == expected else [f"told {facts} instead of {expected}"]
    names = Counter(name_of(r) for r in world.records(LIFECYCLE) if header(r, "ce_importid") == document.import_id)
    found += [] if names == {"import.duplicate": 1} else [f"told of the import: {names}"]
    uploads = [one["uploads"] for one in all_documents(world.simulator.world)]
    found += [] if uploads == [1] else [f"documents in Rossum: {uploads}"]
    found += [] if await refusals(world) == 1 else [f"{await refusals(world)} refusals"]
    return found + [f"a dead letter: {letter.value!r}" for letter in world.records("rossum.dead-letters")]


@staged(1, IMPORTS__REJECT_IDENTICAL="true")
async def rossum_has_the_document_from_somebody_else(scene: Scene) -> list[str]:
    """The import ends as a duplicate, which names theirs: it has that name and content."""
    return await _refused_for_theirs(scene, named=False)


@staged(1, IMPORTS__REJECT_IDENTICAL="true")
async def rossum_says_which_document_of_somebody_else_it_has(scene: Scene) -> list[str]:
    """The same, when the refusal names it."""
    return await _refused_for_theirs(scene, named=True)


@staged(1, **STRICT)
async def somebody_has_the_same_bytes_under_the_plain_name(scene: Scene) -> list[str]:
    """With the import's id in its name ours is another document, and is imported beside theirs."""
    document = Document("doc-0", "exported")
    await _put_in_by_somebody(scene.world, document)
    put(scene.world, document)
    found = await ended(scene, [document])
    return found + [f"a refusal of {document.name}"] * await refusals(scene.world)
