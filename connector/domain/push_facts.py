"""What an outcome says of webhooks: announced by them, or found by sweeps alone."""

from collections.abc import Collection
from dataclasses import replace

from connector.domain.annotation_state import FOUND_BY
from connector.domain.messages import Recovered, Via
from connector.domain.outcome import Outcome
from connector.domain.push_health import PushHealth


def weighed(push: PushHealth, vias: Collection[Via], outcome: Outcome) -> Outcome:
    """The outcome, with word to the sweeps of what only they had found; `push` hears of each fact."""
    found = [event for event in outcome.events if event.name in FOUND_BY]
    if Via.WEBHOOK in vias:
        for _ in found:
            push.announced()
    if set(vias) != {Via.SWEEP} or not found:
        return outcome
    push.missed(len(found))
    recovered = tuple(Recovered(FOUND_BY[event.name]) for event in found)
    return replace(outcome, messages=(*outcome.messages, *recovered))
