"""Events that are too large for their topic: stored whole and referenced, before anything is committed."""

from dataclasses import replace
from hashlib import sha256

from connector.contracts.captured import shrink
from connector.contracts.envelope import Event, encode_data
from connector.contracts.events import AnnotationCaptured, Claim
from connector.domain.outcome import Outcome
from connector.engine.circuits import Circuit
from connector.errors import Retryable, Throttled
from connector.ports import ClaimStore


class Claims:
    """Stores what does not fit.

    An object is named by the event's id and its own digest: who repeats the work writes the same object again,
    and a committed reference never leads to other bytes. An object whose outcome was not committed stays, unreferenced.

    Args:
        room: Bytes that an event's data may have in Kafka.
        circuit: Of the store: while it is down nothing is tried more often than its pauses allow.
    """

    def __init__(self, store: ClaimStore, *, room: int, circuit: Circuit) -> None:
        self._store = store
        self._room = room
        self._circuit = circuit

    async def secured(self, outcome: Outcome) -> Outcome:
        """The outcome with every event small enough; what was left out of one exists in the store.

        Raises:
            Throttled: The store does not work; nothing may be published yet.
        """
        events = [await self._event(event) for event in outcome.events]
        return replace(outcome, events=tuple(events))

    async def _event(self, event: Event) -> Event:
        data = event.data
        if not isinstance(data, AnnotationCaptured) or len(body := encode_data(data)) <= self._room:
            return event
        digest = sha256(body).hexdigest()
        url = await self._kept(f"{event.id}/{digest}.json", body)
        claim = Claim(url=url, size=len(body), sha256=digest)
        return replace(event, data=shrink(data.model_copy(update={"claim": claim}), self._room))

    async def _kept(self, name: str, body: bytes) -> str:
        if not self._circuit.admits():
            raise Throttled("the claim store does not work", retry_after=self._circuit.pause)
        try:
            url = await self._store.keep(name, body)
        except Retryable as error:
            raise Throttled(str(error), retry_after=self._circuit.failed(type(error).__name__)) from error
        self._circuit.worked()
        return url
