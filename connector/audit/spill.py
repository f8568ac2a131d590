"""What an audit gathers, in temporary files by entity: memory holds one file's worth, whatever the ledger's size.

Everything about an entity lands in the same file, in the order in which it was learnt; reading a file folds it. What
is learnt later (a second look) is added to the same files.
"""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

from connector.audit.evidence import Entry, Listed, Sighting
from connector.contracts.catalogue import TopicRole
from connector.contracts.published import Published
from connector.domain.rows import AnyRow, WrittenRow, encode_row

#: Records that one file should hold: some 50 MB once folded.
RECORDS_A_FILE = 50_000
#: Files at once: below the usual limit of open files of a process.
MOST_FILES = 512


class Spill:
    """See the module; `close` it when done, the folder is the caller's.

    Args:
        folder: An empty one.
        records: How many are about to be put, roughly.
    """

    def __init__(self, folder: Path, *, records: int) -> None:
        self._count = min(max(records // RECORDS_A_FILE, 1), MOST_FILES)
        self._paths = [folder / f"{number}.jsonl" for number in range(self._count)]
        self._files: list[IO[bytes]] = [path.open("ab") for path in self._paths]

    def __len__(self) -> int:
        """How many files there are."""
        return self._count

    def place_of(self, entity: str) -> int:
        """The number of the file that holds an entity."""
        return zlib.crc32(entity.encode()) % self._count

    def put_row(self, entity: str, row: AnyRow | None) -> None:
        """A newer row; None where it was removed."""
        self._put(entity, "row", None if row is None else encode_row(row).decode())

    def put_sighting(self, entity: str, sighting: Sighting) -> None:
        """A record of a public topic."""
        where = (sighting.role, sighting.partition, sighting.offset, sighting.timestamp_ms)
        event = sighting.event
        self._put(entity, "event", (event.id, event.name, event.subject, event.revision, event.replay), where)

    def put_letter(self, entity: str, timestamp_ms: int) -> None:
        """A dead letter of an import."""
        self._put(entity, "letter", timestamp_ms)

    def put_hint(self, entity: str) -> None:
        """A message about it waits in `work`."""
        self._put(entity, "hint")

    def put_copy(self, entity: str) -> None:
        """A copy of its announcement waits in `imports`."""
        self._put(entity, "copy")

    def put_listed(self, entity: str, listed: Listed) -> None:
        """What Rossum shows; a later word replaces an earlier one."""
        self._put(entity, "listed", (listed.clock, listed.value, listed.queue))

    def put_link(self, annotation: str, owner: str, since: str) -> None:
        """The row of an import that Rossum has had since then names this annotation."""
        self._put(annotation, "link", owner, since)

    def put_document(self, entity: str, document: int, created_at: str | None) -> None:
        """What Rossum says of a document of an import."""
        self._put(entity, "document", document, created_at)

    def _put(self, entity: str, kind: str, *content: Any) -> None:
        line = orjson.dumps((entity, kind, *content), option=orjson.OPT_APPEND_NEWLINE)
        self._files[self.place_of(entity)].write(line)

    def entries(self, place: int) -> Iterator[Entry]:
        """All entities of one file, folded."""
        self._files[place].flush()
        found: dict[str, Entry] = {}
        with self._paths[place].open("rb") as lines:
            for line in lines:
                entity, kind, *content = orjson.loads(line)
                entry = found.get(entity)
                if entry is None:
                    entry = found[entity] = Entry(entity)
                _fold(entry, kind, content)
        yield from found.values()

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def _fold(entry: Entry, kind: str, content: list[Any]) -> None:
    match kind, content:
        case "event", [event, [role, partition, offset, timestamp_ms]]:
            sighting = Sighting(TopicRole(role), Published(*event), partition, offset, timestamp_ms)
            entry.sightings.append(sighting)
        case "row", [text]:
            entry.row = None if text is None else WrittenRow.decode(text.encode()).row
        case "letter", [timestamp_ms]:
            entry.letters.append(timestamp_ms)
        case "listed", [[clock, value, queue]]:
            entry.listed[clock] = Listed(clock, value, queue)
        case "link", [owner, since]:
            entry.linked[owner] = since
        case "document", [document, created_at]:
            entry.documents[document] = created_at
        case _:
            entry.hinted |= kind == "hint"
            entry.copied |= kind == "copy"
