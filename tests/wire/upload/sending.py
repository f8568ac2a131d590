"""Files that are brought to the real simulator by the real client."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.domain.readings import MARK_KEY
from connector.upload.following import Following
from connector.upload.local_files import LocalFile
from connector.upload.outcomes import Followed, Sent
from connector.upload.uploading import Destination, Uploading
from tests.support.deployment import pdf
from tests.wire.export.exporting import Hasty, Silent
from tests.wire.rossum.client_harness import QUEUE, QUICK, Side, connected


@dataclass
class Sender:
    """Uploads and follows."""

    side: Side
    folder: Path
    documents: DocumentSources
    stop: asyncio.Event = field(default_factory=asyncio.Event)

    def file(self, name: str, content: bytes | None = None) -> LocalFile:
        """A document on disk."""
        path = self.folder / name
        path.write_bytes(pdf(name) if content is None else content)
        return LocalFile(path, name, name)

    async def upload(self, *files: LocalFile, **metadata: Any) -> list[Sent]:
        """How each upload ends."""
        return await self.uploading(Destination(QUEUE, metadata, {"upload:document_id": "x"})).run(files)

    def uploading(self, destination: Destination) -> Uploading:
        """To that destination."""
        return Uploading(
            self.side.client, self.documents, Hasty(), destination=destination, stop=self.stop, progress=Silent()
        )

    async def follow(self, sent: list[Sent], *, goal: str = "exported", within: float = 60.0) -> list[Followed]:
        """What becomes of them."""
        following = Following(self.side.client, Hasty(), queue=QUEUE, goal=goal, stop=self.stop, progress=Silent())
        return await following.run(sent, within=within)

    async def marks(self) -> list[tuple[str, str]]:
        """File name and document key of every upload that Rossum has."""
        found = [document for document in await self.side.documents() if document["parent"] is None]
        return sorted((one["file_name"], one["metadata"][MARK_KEY]["document_key"]) for one in found)


@asynccontextmanager
async def sending(folder: Path, *, review: float = 0.0, **connection: Any) -> AsyncIterator[Sender]:
    """A sender whose Rossum is quick; with a negative `review` nobody looks at documents."""
    limits = DocumentLimits(max_bytes=1_000_000, file_roots=(Path("/"),))
    async with connected(replace(QUICK, review=review), **connection) as side, DocumentSources(limits) as documents:
        yield Sender(side, folder, documents)
