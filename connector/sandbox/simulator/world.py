"""Everything one simulator consists of, wired once; resources receive it with each call."""

from dataclasses import dataclass, field
from random import Random

from connector.sandbox.simulator.behaviour import Behaviour
from connector.sandbox.simulator.clock import SimulatorClock
from connector.sandbox.simulator.content_store import ContentStore
from connector.sandbox.simulator.counters import Counters
from connector.sandbox.simulator.faults import Faults
from connector.sandbox.simulator.hook_delivery import Deliveries
from connector.sandbox.simulator.hook_payloads import Payloads
from connector.sandbox.simulator.lifecycle import Lifecycle, Pace
from connector.sandbox.simulator.limiter import Limits
from connector.sandbox.simulator.listing import Listings
from connector.sandbox.simulator.model import EmbeddedSession
from connector.sandbox.simulator.state import State
from connector.sandbox.simulator.tokens import Tokens
from connector.sandbox.simulator.views import Views


@dataclass(frozen=True, slots=True)
class World:
    """The parts of one simulator."""

    clock: SimulatorClock
    behaviour: Behaviour
    state: State
    views: Views
    listings: Listings
    lifecycle: Lifecycle
    deliveries: Deliveries
    tokens: Tokens
    limiter: Limits
    faults: Faults = field(default_factory=Faults)
    counters: Counters = field(default_factory=Counters)
    contents: ContentStore = field(default_factory=ContentStore)
    #: Raw messages of imported e-mails, by their id.
    emails: dict[int, bytes] = field(default_factory=dict)
    embedded: dict[str, EmbeddedSession] = field(default_factory=dict)
    """By token."""

    async def aclose(self) -> None:
        """End everything that still runs."""
        await self.lifecycle.background.aclose()
        await self.deliveries.aclose()


def build_world(  # noqa: PLR0913 - the composition root of a simulator
    queues: tuple[tuple[int, str], ...], pace: Pace, *, token: str, rate_limit: float, seed: int, clock: SimulatorClock
) -> World:
    """Wire a simulator that has seen nothing yet."""
    behaviour = Behaviour()
    state = State(queues, clock, behaviour)
    views = Views(state, behaviour, seed)
    lifecycle = Lifecycle(state, clock, behaviour, pace)
    deliveries = Deliveries(state, Payloads(state, views, clock), lifecycle.background, clock)
    deliveries.random = Random(seed)  # noqa: S311 - decides which hooks get lost, nothing secret
    lifecycle.deliveries = deliveries
    return World(
        clock=clock,
        behaviour=behaviour,
        state=state,
        views=views,
        listings=Listings(state, behaviour),
        lifecycle=lifecycle,
        deliveries=deliveries,
        tokens=Tokens(token, clock),
        limiter=Limits(rate_limit, clock, behaviour),
    )
