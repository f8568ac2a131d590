"""Compares sets, Jepsen style: what went in, what Rossum has, what is on Kafka, and what a reader saw all along."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from uuid import UUID

import orjson
from aiokafka.structs import TopicPartition

from connector.domain.annotation_state import FIRST, known_until
from connector.domain.floor import FloorRow, floor_key
from connector.domain.ids import ImportId, event_id, event_namespace, import_entity, partition_of
from connector.domain.readings import MARK_KEY
from connector.domain.rows import AnnotationRow, AnyRow, HeaderRow, ImportRow, ImportState, WrittenRow
from connector.sandbox.simulator.control import all_documents
from tests.simulation.stored import Stored
from tests.simulation.virtual_loop import pause
from tests.simulation.workload import DOCUMENT_BYTES, Document
from tests.simulation.world import PARTITIONS, SECRET, TOKEN, World
from tests.support.marks import import_of

CAPTURED, LIFECYCLE = "rossum.annotations.captured", "rossum.documents.lifecycle"
PUBLIC = (CAPTURED, LIFECYCLE, "rossum.annotations.ready", "rossum.dead-letters")
_PREFIX = "ai.rossum.connector."
#: What at-least-once does not promise.
NOT_AT_LEAST_ONCE = ("I2", "I3", "I7")
#: Records whose meaning is remembered: the same ones are looked at each second.
REMEMBERED = 10_000
#: Characters of a captured value that is looked for.
LONG = 8


def header(record: Stored, name: str) -> str:
    """A header's text."""
    return dict(record.headers).get(name, b"").decode()


def name_of(record: Stored) -> str:
    """The event's name."""
    return header(record, "ce_type").removeprefix(_PREFIX)


@dataclass(slots=True)
class Watcher:
    """A `read_committed` consumer of the public topics that reads while everything happens."""

    world: World
    positions: dict[TopicPartition, int] = field(default_factory=dict)
    seen: list[Stored] = field(default_factory=list)

    async def watch(self) -> None:
        """Read until cancelled."""
        while True:
            self.read()
            await pause(0.5)

    def read(self) -> None:
        """Everything that is new."""
        for place, log in self.world.broker.logs.items():
            if place.topic in PUBLIC:
                found, self.positions[place] = log.read(self.positions.get(place, 0), 1_000_000, committed_only=True)
                self.seen += found


async def is_settled(world: World, documents: list[Document]) -> bool:
    """Whether every document's story has ended on Kafka."""
    return not unfinished(world, documents) and not await uncaptured(world)


def unfinished(world: World, documents: list[Document]) -> list[str]:
    """Documents whose end nobody was told, and that nobody lists as ambiguous (I1)."""
    told = {what for record in world.records(LIFECYCLE) for what in _tells(record)}
    missing = [d for d in documents if not {(d.ending, d.name), (d.ending, d.import_id)} & told]
    if not missing:
        return []
    rows, annotations = rows_of(world), _annotations_by_import(world)
    found = []
    for document in missing:
        row = rows.get(import_entity(document.import_id))
        is_ambiguous = isinstance(row, ImportRow) and row.state is ImportState.AMBIGUOUS
        subjects = annotations.get(document.import_id, ())
        if not is_ambiguous and not any((document.ending, subject) in told for subject in subjects):
            found.append(f"{document.name} ({document.fate})")
    return found


@lru_cache(REMEMBERED)
def _tells(record: Stored) -> tuple[tuple[str, str], ...]:
    """An event's name with what it is about: key, import, annotation.

    Where somebody overwrote our mark, only the last one says it.
    """
    headers = dict(record.headers)
    name = name_of(record)
    abouts = (record.key or b"", headers.get("ce_importid", b""), headers.get("ce_subject", b""))
    return tuple((name, about.decode()) for about in abouts)


def _annotations_by_import(world: World) -> dict[str, list[str]]:
    """Subjects of the annotations that each import led to, as Rossum itself knows."""
    found: dict[str, list[str]] = {}
    for document in all_documents(world.simulator.world):
        if (import_id := import_of(document)) is not None:
            found.setdefault(import_id, []).extend(f"annotations/{a['id']}" for a in document["annotations"])
    return found


async def uncaptured(world: World) -> list[str]:
    """Revisions that Rossum shows and nobody was told (I4), of imports, and of others since the deployment's start."""
    told = {(header(r, "ce_subject"), header(r, "ce_revision")) for r in world.records(CAPTURED)}
    # Where Rossum showed no clock the revision is "first", as of the time of that answer.
    first = {
        header(r, "ce_subject"): known_until(FIRST + header(r, "ce_time"))
        for r in world.records(CAPTURED)
        if _is_first(r)
    }
    found: list[str] = []
    page = 1
    while True:
        answer = await world.api("GET", f"/annotations?page_size=100&page={page}")
        for annotation in answer["results"]:
            clock, subject = annotation.get("exported_at"), f"annotations/{annotation['id']}"
            is_told = not clock or (subject, clock) in told or clock <= first.get(subject, "")
            if not is_told and (MARK_KEY in annotation["metadata"] or clock >= start_of(world)):
                found.append(f"annotation {annotation['id']} exported at {clock}")
        if not answer["pagination"]["next"]:
            return found
        page += 1


def start_of(world: World) -> str:
    """Since when the deployment watches what it has not imported: its first owner may have come late."""
    return min((row.start for row in rows_of(world).values() if isinstance(row, HeaderRow)), default="")


def _is_first(record: Stored) -> bool:
    return header(record, "ce_revision") == "first"


async def violations(world: World, documents: list[Document], watcher: Watcher) -> list[str]:
    """Every broken promise, in words."""
    watcher.read()
    return [
        *(f"I1 lost: {name}" for name in unfinished(world, documents)),
        *(f"I4 lost: {what}" for what in await uncaptured(world)),
        *_doubled(watcher),
        *_backwards(watcher),
        *_exchanged(watcher),
        *_imported_twice(world),
        *_rows_and_events(world),
        *_secrets(world),
        *(f"ended by an error: {failure}" for failure in world.failures if not _is_expected(failure)),
    ]


def promised(delivery: str, broken: list[str]) -> list[str]:
    """Those of the broken promises that this delivery makes."""
    kept = NOT_AT_LEAST_ONCE if delivery == "at-least-once" else ()
    return [what for what in broken if not what.startswith(kept)]


def _is_expected(failure: str) -> bool:
    """A process that finds Kafka or Rossum away at its start ends with that sentence, and is started again."""
    return failure.startswith(("KafkaUnavailable(", "Retryable("))


def _doubled(watcher: Watcher) -> list[str]:
    """I2: one id, one record a topic."""
    counts = Counter((r.topic, header(r, "ce_id")) for r in watcher.seen if header(r, "ce_id"))
    return [f"I2 doubled: {topic} {identity} {count} times" for (topic, identity), count in counts.items() if count > 1]


def _backwards(watcher: Watcher) -> list[str]:
    """I3: revisions of an annotation never go back."""
    newest: dict[str, str] = {}
    found = []
    for record in watcher.seen:
        if record.topic != CAPTURED:
            continue
        subject = header(record, "ce_subject")
        revision = header(record, "ce_time" if _is_first(record) else "ce_revision")
        if revision < newest.get(subject, ""):
            found.append(f"I3 backwards: {subject} {revision} after {newest[subject]}")
        newest[subject] = max(revision, newest.get(subject, ""))
    return found


def _exchanged(watcher: Watcher) -> list[str]:
    """No event carries the metadata of another document, also of one that went up with it."""
    keyed = [(r.key.decode(), r.value or b"{}") for r in watcher.seen if r.topic == CAPTURED and r.key]
    owns = [(key, orjson.loads(value).get("metadata", {}).get("own")) for key, value in keyed]
    return [f"metadata of {own} on an event of {key}" for key, own in owns if own not in (None, key)]


def _imported_twice(world: World) -> list[str]:
    """I5: one root document a generation, or an event that names the twin."""
    told = {header(r, "ce_importid") for r in world.records(LIFECYCLE) if name_of(r) == "import.duplicate"}
    return [what for one, what in twins(world).items() if one not in told]


def twins(world: World) -> dict[str, str]:
    """Imports with more root documents than generations, told of or not. A failed task made no document."""
    documents = [d for d in all_documents(world.simulator.world) if d["parent"] is None and d["annotations"]]
    counts = Counter(one for document in documents if (one := import_of(document)) is not None)
    rows = rows_of(world)
    failures = Counter(header(r, "ce_importid") for r in world.records(LIFECYCLE) if name_of(r) == "import.failed")
    found = {}
    for one, count in counts.items():
        row = rows.get(import_entity(ImportId(one)))
        generations = row.generation if isinstance(row, ImportRow) else 1 + failures[one]
        if count > generations:
            found[one] = f"I5 imported {count} times in {generations} generations: {one}"
    return found


def rows_of(world: World) -> dict[str, AnyRow]:
    """The newest committed row of every entity."""
    rows: dict[str, AnyRow] = {}
    for record in world.records("rossum.connector.ledger"):
        key = (record.key or b"").decode()
        if record.value is not None:
            rows[key] = _row_in(record)
        else:
            rows.pop(key, None)
    return rows


def forgotten_until(rows: Mapping[str, AnyRow], entity: str) -> str:
    """The floor of an entity's partition."""
    row = rows.get(floor_key(partition_of(entity, PARTITIONS)))
    return row.until if isinstance(row, FloorRow) else ""


@lru_cache(REMEMBERED)
def _row_in(record: Stored) -> AnyRow:
    return WrittenRow.decode(record.value or b"").row


def _rows_and_events(world: World) -> list[str]:
    """I7: each published event has its row, each published row its event."""
    rows = rows_of(world)
    headers = [row for row in rows.values() if isinstance(row, HeaderRow)]
    if not headers:
        return ["nothing was ever committed"]
    namespace = event_namespace(headers[0].organization, headers[0].identity_version)
    ids = {header(r, "ce_id") for r in world.records(LIFECYCLE)}
    found = [
        f"I7 row without event: {entity} {what} {revision}"
        for entity, row in rows.items()
        if isinstance(row, AnnotationRow)
        for what, revision in row.published.items()
        if row.unsent.get(what) != revision and not _events_of(namespace, entity, row, what) & ids
    ]
    told = {header(r, "ce_subject").replace("annotations/", "annotation/"): r for r in world.records(CAPTURED)}
    missing = [subject for subject in told if subject not in rows]
    lost = [s for s in missing if header(told[s], "ce_time") > forgotten_until(rows, s)]
    return found + [f"I7 event without row: {subject}" for subject in lost]


def _events_of(namespace: UUID, entity: str, row: AnnotationRow, what: str) -> set[str]:
    """Ids of the events one of which must tell what a row says was published."""
    name, _, status = what.partition(":")
    revision = row.published[what]
    shown = "first" if revision.startswith(FIRST) or row.adopted.get(what) == revision else revision
    if not status:
        return {event_id(namespace, entity, name, shown)}
    told = ((name, f"{status}@{shown}"), ("annotation.superseded", shown))
    return {event_id(namespace, entity, event, of_id) for event, of_id in told}


def _secrets(world: World) -> list[str]:
    """I10: no token, no document byte, no captured value in a log, in `work` or in the ledger."""
    told = [(line, "a log") for line in world.logs]
    for topic in ("rossum.connector.work", "rossum.connector.ledger"):
        told += [((record.value or b"").decode(errors="replace"), topic) for record in world.records(topic)]
    hidden = {SECRET, TOKEN, *DOCUMENT_BYTES, *_captured_values(world)}
    return [f"I10 told: {secret!r} in {where}" for text, where in told for secret in hidden if secret in text]


def _captured_values(world: World) -> set[str]:
    """Values long enough to be no accident."""
    found = set()
    for record in world.records(CAPTURED):
        fields = orjson.loads(record.value or b"{}").get("fields", {})
        found |= {field["value"] for field in fields.values() if len(field["value"] or "") >= LONG}
    return found


def balance(world: World, documents: list[Document]) -> str:
    """How many went in, ended and were captured, and how many rows were forgotten."""
    ended = len(documents) - len(unfinished(world, documents))
    floors = [row for row in rows_of(world).values() if isinstance(row, FloorRow)]
    forgotten = sum(number for floor in floors for number in floor.forgotten.values())
    captured = len(world.records(CAPTURED))
    return f"accepted={len(documents)} terminal={ended} captured={captured} forgotten={forgotten}"
