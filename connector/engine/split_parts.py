"""The parts of a split, once Rossum shows all of them: they are told once, so a replica that lags must not decide."""

from connector.domain.ids import AnnotationId
from connector.engine.services import Services
from connector.engine.waiting_room import Waiting

#: Seconds for which Rossum must show the same parts.
STEADY_FOR = 1.0


async def parts_of_split(
    services: Services, document: int, waiting: Waiting, *, patient: bool
) -> tuple[AnnotationId, ...] | None:
    """The annotations of a document's parts; None while there may be more of them.

    Without patience they are what Rossum shows.

    Raises:
        Retryable, NotOurs: Rossum can't tell now.
    """
    documents = await services.rossum.children(document)
    shown = tuple(child for part in documents for child in part.annotations)
    is_whole = bool(documents) and all(part.annotations for part in documents)
    if not patient:
        return shown
    now = services.clock.monotonic()
    if not is_whole or waiting.parts is None or {*waiting.parts} != {*shown}:
        waiting.parts, waiting.parts_since = (shown if is_whole else None), now
    return shown if is_whole and now - waiting.parts_since >= STEADY_FOR else None
