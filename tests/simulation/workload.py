"""What customers do in a simulated world: documents of every fate, announced at any time, some of them twice."""

import base64
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import orjson
from aiokafka.structs import TopicPartition

from connector.domain.ids import ImportId, import_id_from_document
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

#: Fates with the event that ends each, the likely ones several times.
FATES = {
    "exported": "annotation.captured",
    "rejected": "annotation.rejected",
    "deleted": "annotation.deleted",
    "failed_import": "import.failed",
    "failed_task": "import.failed",
    "no_annotation": "import.failed",
    "postponed": "annotation.postponed",
    "failed_export": "annotation.export_failed",
    "split": "annotation.split",
}
#: Documents go up together; those of one upload share their fate, since Rossum's stand-in reads it from the metadata.
GATHER = {"IMPORTS__GATHER__ENABLED": "true", "IMPORTS__GATHER__ALIKE": '["sandbox"]'}
_USUAL = ["exported"] * 6 + [*FATES]
POISON = "poison"
#: What every document begins with, plain and as it travels.
DOCUMENT_BYTES = ("%PDF-1.4", base64.b64encode(b"%PDF-1.4")[:10].decode())


@dataclass(frozen=True, slots=True)
class Document:
    """One document and how its story must end."""

    name: str
    fate: str

    @property
    def ending(self) -> str:
        """The event that tells its end."""
        return "import.failed" if self.fate == POISON else FATES[self.fate]

    @property
    def import_id(self) -> ImportId:
        """Of its import."""
        return import_id_from_document(self.name)

    @property
    def content(self) -> bytes:
        """Its bytes."""
        return b"%PDF-1.4\n" + self.name.encode() + b"\n%%EOF\n"

    def arrival(self) -> bytes:
        """Its announcement; that of a poisonous one can't be read."""
        if self.fate == POISON:
            return orjson.dumps({"document_id": self.name, "source": "nonsense"})
        arrival: dict[str, Any] = {
            "source": {"kind": "inline", "base64": base64.b64encode(self.content).decode()},
            "document_id": self.name,
            "file_name": f"{self.name}.pdf",
            "queue": "invoices",
            "metadata": {"sandbox": {"fate": self.fate, "processing": 0.5, "review": 1.0}, "own": self.name},
        }
        return orjson.dumps(arrival)


async def announce(
    world: World, count: int, seconds: float, *, burst: int = 1, without: Container[str] = ()
) -> list[Document]:
    """Announce documents over some time; one in ten comes twice, one in fifteen can't be read.

    Those of a burst come at once and share two fates: only documents of equal fate go up together.
    """
    random = world.random
    documents: list[Document] = []
    fates = usual = [fate for fate in _USUAL if fate not in without]
    for number in range(count):
        if burst > 1 and number % burst == 0:
            fates = random.sample(usual, 2)
        fate = POISON if random.random() < 1 / 15 else random.choice(fates)
        document = Document(f"doc-{number}", fate)
        documents.append(document)
        for _ in range(2 if random.random() < 0.1 else 1):
            put(world, document)
        if len(documents) % burst == 0:
            await pause(random.uniform(0, 2 * seconds * burst / count))
    return documents


def put(world: World, document: Document) -> None:
    """One announcement, on any partition."""
    number = world.random.choice(sorted(world.broker.partitions("documents.arrived")))
    world.broker.append(TopicPartition("documents.arrived", number), (None, document.arrival(), ()))
