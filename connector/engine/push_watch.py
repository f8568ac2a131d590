"""Watches the sender of webhooks: is Rossum's hook still as it should be, and what does its own log say of lost calls?

One owner does it for the deployment, at a slow rhythm and on the ops lane. It repairs nothing: `hooks apply` does,
when a person says so.
"""

from collections.abc import Sequence

from connector.domain.hook_plan import plan
from connector.domain.messages import SweepNow
from connector.domain.readings import CLOCKS, HookCall
from connector.engine.services import Services
from connector.errors import KafkaUnavailable, NotOurs, Retryable

#: The partition whose owner watches.
WATCHED_BY = 0
#: Seconds after the start, and from one look to the next. Rossum's log shows the last 100 calls.
FIRST_LOOK, LOOK_EVERY = 2.0, 20.0


class PushWatch:
    """See the module."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._known: set[str] = set()

    async def run(self) -> None:
        """Look until cancelled."""
        await self._services.clock.sleep(FIRST_LOOK)
        try:
            while True:
                try:
                    await self._look()
                except (Retryable, NotOurs) as error:
                    self._services.telemetry.hook_watch_failed(str(error))
                await self._services.clock.sleep(LOOK_EVERY)
        finally:
            # Whoever looks from now on tells what is wrong; what this replica saw last would stand for ever.
            self._services.telemetry.hook_drift((), is_seen=False)

    async def _look(self) -> None:
        services = self._services
        if services.hook is None:
            return
        found = plan(services.hook, await services.rossum.hooks())
        services.telemetry.hook_drift({difference.kind for difference in found.differences})
        if found.hook is not None:
            await self._reconcile(await services.rossum.hook_calls(found.hook.id))

    async def _reconcile(self, calls: Sequence[HookCall]) -> None:
        """Count calls not seen before; for those that nobody took the sweeps look at once."""
        shown = {call.request_id for call in calls}
        over = shown - {call.request_id for call in calls if call.runs}
        taken = {call.request_id for call in calls if not call.failed}
        fresh = over - self._known
        lost = fresh - taken
        self._services.telemetry.hook_calls(taken=len(fresh & taken), lost=len(lost))
        if lost:
            self._services.push.missed(len(lost))
            try:
                await self._services.work.send([SweepNow(clock) for clock in CLOCKS])
            except KafkaUnavailable:
                # They come again with the next look, since they are not known yet.
                return
        # One that is tried again stays counted.
        self._known = over | (shown & self._known)
