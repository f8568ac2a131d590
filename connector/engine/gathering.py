"""Arrivals of one partition that go up together: several documents in one upload of Rossum's.

What happens, and what a failure at each step leads to:

1. A member's document is read whole, each by itself. What can't be read, or is too large, fails or goes up alone;
   nobody waits for it, nothing is committed yet.
2. It joins the open gather of its queue and values (Rossum gives all documents of an upload the same), under a name
   that no other member has; metadata that is not everybody's goes into our mark, by that name. A crash: offsets have
   not moved, everything is read again.
3. The gather leaves when it is full or has waited for long enough, with an upload slot. One transaction makes the
   INTENT of the gather and of every member true. A crash before: as 2. After: each member's row is an unknown outcome.
4. The bytes leave. Whether the partition is still ours is asked before the closing boundary. What certainly was not
   imported (no connection, 429, refused credentials) lets every member try again; after an upload that broke off each
   goes up alone, since one of them may be what breaks it.
5. Rossum has taken it: the gather's row gets the task, then each member its own, with its event. A crash between
   them: members that still have an INTENT find the task in the gather's row, and need not look.
6. Rossum refuses the request: nothing was imported, and nobody knows for whose sake. Each member goes up alone; only
   the bad one is refused again.
7. Its task fails: as 6, but each member is looked up first, since a part of it may be there.
8. Nobody knows (timeout, reset, 5xx, crash): each member is looked up by name and time as any upload, together where
   they fall together; found ones are adopted one by one, and what is not there after the settle time goes up again,
   alone: one document at which Rossum fails must not take the others along a second time.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from connector.contracts.arrivals import ReceivedArrival
from connector.domain.gathers import GatherRow, GatherState
from connector.domain.ids import ImportId, format_clock, gather_entity, gather_id, import_entity
from connector.domain.outcome import Outcome
from connector.domain.readings import GatherMark
from connector.domain.rows import ImportRow
from connector.engine.attempts import Accepted, Again, Attempt, Cause, Refused, Unknown
from connector.engine.committer import Committer
from connector.engine.gather import Gather, Member
from connector.engine.services import GatherPolicy, Services
from connector.errors import Ambiguous, NotOurs, Rejected, Retryable
from connector.ports import UploadGate


@dataclass(frozen=True, slots=True)
class Ways:
    """What gathers share with single uploads.

    Attributes:
        gate: Whether the work is still ours.
        outcome_of: What a failed upload means for one import, told by its row.
        alone: Uploads one document by itself.
    """

    gate: UploadGate
    outcome_of: Callable[[ImportRow, ReceivedArrival, Exception], Awaitable[Attempt]]
    alone: Callable[[Member], Awaitable[Attempt]]


class Gathering:
    """The gathers of one partition."""

    def __init__(self, services: Services, committer: Committer, policy: GatherPolicy, ways: Ways) -> None:
        self._services = services
        self._committer = committer
        self._policy = policy
        self._ways = ways
        self._open: dict[bytes, Gather] = {}
        self.room = policy.room

    async def upload(self, member: Member) -> Attempt:
        """Go up with others, or alone where none come.

        Raises:
            PartitionLost: The work is somebody else's now.
        """
        alike = member.alike(self._policy.alike)
        gather = self._open.get(alike)
        end = gather.add(member) if gather is not None else None
        if end is not None:
            return await end
        if gather is not None:
            gather.leaves.set()
        return await self._lead(member, alike)

    def hurry(self) -> None:
        """The partition is about to go: nobody waits for more."""
        for gather in self._open.values():
            gather.leaves.set()

    async def _lead(self, first: Member, alike: bytes) -> Attempt:
        """Open a gather, wait for more, and see it through."""
        partitions, row = self._services.partitions, first.row
        name = gather_id(first.import_id, row.generation, row.attempt, partitions)
        gather = Gather(self._policy, self._services.imports.file_name, GatherMark(name, {}))
        end = gather.add(first)
        if end is None:
            return await self._ways.alone(first)
        self._open[alike] = gather
        try:
            await self._filled(gather)
            await self._services.circuit.closed()
            # While it waits for its slot others may still come.
            async with self._services.slots:
                self._close(alike, gather)
                has_left = await self._leave(gather)
            if not has_left:
                await self._one_by_one(gather)
        except BaseException as error:
            gather.fail(error)
            raise
        finally:
            self._close(alike, gather)
        return await end

    async def _filled(self, gather: Gather) -> None:
        try:
            async with asyncio.timeout(self._policy.wait):
                await gather.leaves.wait()
        except TimeoutError:
            return

    def _close(self, alike: bytes, gather: Gather) -> None:
        if self._open.get(alike) is gather:
            del self._open[alike]

    async def _leave(self, gather: Gather) -> bool:
        """Send it; False when its members have to go up alone."""
        if len(gather.members) == 1:
            return False
        circuit = self._services.queues.of(gather.members[0].queue)
        if circuit is not None and not circuit.admits():
            reason = f"Rossum refuses queue {gather.members[0].queue}"
            for member in gather.members:
                gather.tell(member.import_id, Again(member.row, Cause.QUEUE, reason, circuit.pause))
            return True
        return await self._send(gather)

    async def _send(self, gather: Gather) -> bool:
        services = self._services
        request = gather.request()
        try:
            now = await services.rossum.server_time()
        except (Retryable, NotOurs) as error:
            return await self._failed(gather, {member.import_id: member.row for member in gather.members}, error)
        rows = gather.intents(request, now)
        row = GatherRow(GatherState.INTENT, request.queue, tuple(rows), format_clock(now))
        entity = gather_entity(gather.mark.gather)
        intents = {import_entity(import_id): intent for import_id, intent in rows.items()}
        await self._committer.commit(Outcome(rows={**intents, entity: row}))
        for import_id in rows:
            services.telemetry.upload_started(import_id)
        started = services.clock.monotonic()
        try:
            task = await services.rossum.upload(
                request, gather.members[0].document.opened().chunks, gate=self._ways.gate
            )
        except (Rejected, Retryable, NotOurs, Ambiguous) as error:
            state = GatherState.UNKNOWN if isinstance(error, Ambiguous) else GatherState.VOID
            self._committer.submit(Outcome(rows={entity: replace(row, state=state)}))
            services.telemetry.gather_finished(state, len(rows))
            return await self._failed(gather, rows, error, seconds=services.clock.monotonic() - started)
        seconds = services.clock.monotonic() - started
        services.circuit.worked()
        if (circuit := services.queues.of(request.queue)) is not None:
            circuit.worked()
        self._committer.submit(Outcome(rows={entity: replace(row, state=GatherState.ACCEPTED, task=task)}))
        services.telemetry.gather_finished(GatherState.ACCEPTED, len(rows))
        for member in gather.members:
            accepted = Accepted(rows[member.import_id], task, member.document.sha256, seconds=seconds)
            gather.tell(member.import_id, accepted)
        return True

    async def _failed(
        self, gather: Gather, rows: dict[ImportId, ImportRow], error: Exception, *, seconds: float | None = None
    ) -> bool:
        """Tell the members; False when each has to find out by itself, because one of them may be to blame."""
        first = gather.members[0]
        # Asked once: it is one failure of the other side, however many documents it concerns.
        outcome = await self._ways.outcome_of(rows[first.import_id], first.received, error)
        if _may_be_one_of_them(outcome):
            rows = {import_id: replace(row, alone=True) for import_id, row in rows.items()}
        if isinstance(outcome, Refused):
            gather.members = [replace(member, row=rows[member.import_id]) for member in gather.members]
            return False
        for member in gather.members:
            own = replace(outcome, row=rows[member.import_id], seconds=seconds)
            gather.tell(
                member.import_id, replace(own, sha256=member.document.sha256) if isinstance(own, Unknown) else own
            )
        return True

    async def _one_by_one(self, gather: Gather) -> None:
        """Each by itself, as many at once as there are slots: what is left of them would wait with its bytes."""
        async with asyncio.TaskGroup() as group:
            for member in gather.members:
                group.create_task(self._by_itself(gather, member))

    async def _by_itself(self, gather: Gather, member: Member) -> None:
        try:
            gather.tell(member.import_id, await self._ways.alone(member))
        except Exception as error:  # noqa: BLE001 - raised where its own import waits, and nowhere else
            gather.fail(error, [member.import_id])


def _may_be_one_of_them(outcome: Attempt) -> bool:
    """Whether it may have failed because of one document, so that all would fail again with it.

    An unknown outcome says so by itself where it is made again: `rules.once_more`.
    """
    return isinstance(outcome, Refused) or (isinstance(outcome, Again) and outcome.cause is Cause.BROKEN)
