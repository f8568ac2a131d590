"""One gather on its way: who is in it, under which names, and what each of them waits for."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson

from connector.contracts.arrivals import ReceivedArrival
from connector.domain import import_state as rules
from connector.domain.file_names import sent_name, sign_of
from connector.domain.gathers import free_name, shared
from connector.domain.ids import ImportId, QueueId
from connector.domain.readings import Enclosed, GatherMark, Mark, UploadRequest
from connector.domain.rows import ImportRow
from connector.engine.attempts import Attempt
from connector.engine.holding import Held
from connector.engine.resolver import origin_of
from connector.engine.services import GatherPolicy
from connector.errors import Rejected


@dataclass(frozen=True, slots=True)
class Member:
    """An import that is ready to go up.

    Attributes:
        row: As it was before this attempt; with the INTENT once that is committed.
    """

    row: ImportRow
    received: ReceivedArrival
    queue: QueueId
    document: Held

    @property
    def import_id(self) -> ImportId:
        """Its import."""
        return self.received.import_id

    def alike(self, keys: tuple[str, ...]) -> bytes:
        """What members of one gather have in common: queue, values, and these keys of the metadata."""
        arrival = self.received.arrival
        metadata = {key: arrival.metadata[key] for key in keys if key in arrival.metadata}
        return orjson.dumps([self.queue, arrival.values, metadata], option=orjson.OPT_SORT_KEYS)

    def mark(self) -> Mark:
        """As its annotation would carry it."""
        return Mark(self.import_id, self.received.document_key, origin_of(self.received))


@dataclass(slots=True)
class Gather:
    """Members that go up together, and what each of them waits for.

    Attributes:
        names: Sent file names, in the members' order.
        metadata: The customer's, as far as all members have it.
        leaves: Set when it need not wait any more.
    """

    policy: GatherPolicy
    template: str
    mark: GatherMark
    members: list[Member] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    size: int = 0
    leaves: asyncio.Event = field(default_factory=asyncio.Event)
    ends: dict[ImportId, asyncio.Future[Attempt]] = field(default_factory=dict)

    def add(self, member: Member) -> asyncio.Future[Attempt] | None:
        """Take a member in; None where it has no room for it."""
        if len(self.members) >= self.policy.max_count:
            return None
        name = free_name(sent_name(self.template, member.received, member.document.file_name), self.mark.members)
        size = self.size + len(member.document.content)
        if name is None or (self.members and size > self.policy.max_bytes):
            return None
        mark = self.mark.with_member(sign_of(name), member.mark())
        common, own = shared([each.received.arrival.metadata for each in (*self.members, member)])
        mark = replace(mark, own={sign: each for sign, each in zip(mark.members, own, strict=True) if each})
        if self.members and not _fits(mark, common):
            return None
        self.mark, self.metadata, self.size = mark, common, size
        self.members.append(member)
        self.names.append(name)
        if len(self.members) >= self.policy.max_count:
            self.leaves.set()
        end = self.ends[member.import_id] = asyncio.get_running_loop().create_future()
        return end

    def request(self) -> UploadRequest:
        """All its documents: the first as a stream, the others enclosed."""
        first = self.members[0]
        enclosed = tuple(
            Enclosed(name, member.document.content_type, member.document.content)
            for member, name in zip(self.members[1:], self.names[1:], strict=True)
        )
        return UploadRequest(
            queue=first.queue,
            file_name=self.names[0],
            content_type=first.document.content_type,
            metadata=self.mark.beside(self.metadata),
            values=first.received.arrival.values,
            size=len(first.document.content),
            enclosed=enclosed,
        )

    def intents(self, request: UploadRequest, now: datetime) -> dict[ImportId, ImportRow]:
        """The row of each member that is committed before the first byte leaves."""
        rows = {}
        for member, name in zip(self.members, self.names, strict=True):
            sent = replace(request, file_name=name, size=len(member.document.content))
            row = rules.intent(member.row, sent, single=True, now=now, sha256=member.document.sha256)
            rows[member.import_id] = replace(row, gather=self.mark.gather)
        return rows

    def tell(self, import_id: ImportId, attempt: Attempt) -> None:
        """How it went for one of them."""
        if not self.ends[import_id].done():
            self.ends[import_id].set_result(attempt)

    def fail(self, error: BaseException, members: Collection[ImportId] | None = None) -> None:
        """It can't go on; whoever of `members` (all of them where none are given) waits is told."""
        for end in (self.ends[import_id] for import_id in (self.ends if members is None else members)):
            if end.done():
                continue
            if isinstance(error, Exception):
                end.set_exception(error)
                # Marks it as seen: whoever leads the gather hears of it otherwise.
                end.exception()
            else:
                end.cancel()


def _fits(mark: GatherMark, metadata: Mapping[str, Any]) -> bool:
    """Whether Rossum takes that much metadata."""
    try:
        mark.beside(metadata)
    except Rejected:
        return False
    return True
