"""What `import` and `extract` share: files go up, what becomes of them is followed, and it is told."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import orjson
import typer

from connector.cli.progress import StageProgress
from connector.clock import Clock
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.rossum.client import RossumClient
from connector.settings import Settings
from connector.upload.following import Following
from connector.upload.local_files import LocalFile
from connector.upload.outcomes import Fate, Followed, Sent
from connector.upload.uploading import Destination, Uploading

#: Fates with which a person can be content.
FINE = frozenset({Fate.DONE, Fate.UPLOADED, Fate.IDENTICAL})


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done.

    Attributes:
        goal: How far documents are followed, see `following.GOALS`; None = not at all.
        timeout: Seconds for that.
    """

    files: Sequence[LocalFile]
    destination: Destination
    goal: str | None
    timeout: float


async def upload_and_follow(
    plan: Plan, settings: Settings, outside: tuple[RossumClient, Clock], stop: asyncio.Event, stages: StageProgress
) -> list[Followed]:
    """What became of each file, in their order.

    Raises:
        NotOurs: Rossum refuses us, before anything was sent.
        Retryable: Rossum does not answer at all.
    """
    rossum, clock = outside
    # The person who names a file may read it: no folder is out of bounds.
    limits = DocumentLimits(max_bytes=settings.imports.max_bytes, file_roots=(Path("/"),))
    async with DocumentSources(limits) as documents:
        uploading = Uploading(rossum, documents, clock, destination=plan.destination, stop=stop, progress=stages)
        sent = await uploading.run(plan.files)
    accepted = [one for one in sent if one.fate is Fate.UPLOADED]
    followed: list[Followed] = []
    if plan.goal is not None and accepted:
        following = Following(rossum, clock, queue=plan.destination.queue, goal=plan.goal, stop=stop, progress=stages)
        followed = await following.run(accepted, within=plan.timeout)
    ends = {one.file: one for one in followed}
    return [ends.get(one.file) or _unfollowed(one) for one in sent]


def _unfollowed(sent: Sent) -> Followed:
    return Followed(sent.file, sent.fate, tuple((number, "") for number in sent.annotations), sent.sentence)


def tell(ends: Sequence[Followed], *, done: str, as_json: bool, err: bool) -> None:
    """One line a document and the sums; `done` is the word for what has gone well."""
    for end in ends:
        word = done if end.fate is Fate.DONE else end.fate.value
        if as_json:
            _as_json(end, word, err=err)
        else:
            annotations = ", ".join(f"{number} {status}".strip() for number, status in end.annotations)
            what = f"  annotation {annotations}" if annotations else ""
            typer.echo(f"{word:10} {end.file.name}{what}" + (f": {end.sentence}" if end.sentence else ""), err=err)
    if not as_json:
        counts = Counter(done if end.fate is Fate.DONE else end.fate.value for end in ends)
        sums = ", ".join(f"{count:,} {word}" for word, count in counts.items())
        typer.echo(f"documents: {sums}", err=err)


def _as_json(end: Followed, word: str, *, err: bool) -> None:
    line = {
        "file": str(end.file.path),
        "document_id": end.file.key,
        "fate": word,
        "annotations": [{"id": number, "status": status or None} for number, status in end.annotations],
        "sentence": end.sentence or None,
    }
    typer.echo(orjson.dumps(line).decode(), err=err)
