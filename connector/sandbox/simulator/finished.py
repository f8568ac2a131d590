"""Makes many finished annotations at once, for lists and sweeps of tens of thousands."""

import hashlib
from dataclasses import dataclass

from connector.sandbox.simulator.clock import MICROS
from connector.sandbox.simulator.model import REVIEWER, STATUS_CLOCKS, Annotation, Document
from connector.sandbox.simulator.world import World

_LIFE = 120 * MICROS  # from arrival to the end
_REVIEW = 1 * MICROS  # from confirmation to the end
_REVIEWED = frozenset({"confirmed", "exported", "failed_export"})


@dataclass(frozen=True, slots=True)
class Order:
    """What to make; the clocks of the status are spread evenly from ``start`` to ``stop``, both included."""

    count: int
    queue_id: int
    status: str
    start: int
    stop: int


def make_finished(world: World, order: Order) -> tuple[int, int]:
    """Make them and return the first and the last annotation id; ids ascend with the clocks."""
    gaps = max(1, order.count - 1)
    made = [
        _finished(world, order, order.start + (order.stop - order.start) * place // gaps)
        for place in range(order.count)
    ]
    world.state.add_finished(made)
    return made[0][1].id, made[-1][1].id


def _finished(world: World, order: Order, at: int) -> tuple[Document, Annotation]:
    number, born = world.state.next_id("document"), world.clock.monotonic()
    name = f"finished_{number}.pdf"
    document = Document(
        id=number,
        file_name=name,
        sent_name=name,
        sha256=hashlib.sha256(name.encode()).hexdigest(),
        md5="",
        size=0,
        mime_type="application/pdf",
        created_at=at - _LIFE,
        born=born,
    )
    annotation = Annotation(
        id=world.state.next_id("annotation"),
        document_id=number,
        queue_id=order.queue_id,
        status=order.status,
        created_at=at - _LIFE,
        arrived_at=at - _LIFE,
        born=born,
        metadata={},
    )
    if order.status in _REVIEWED:
        annotation.assigned_at = annotation.confirmed_at = annotation.modified_at = at - _REVIEW
        annotation.modifier = REVIEWER
    if (clock := STATUS_CLOCKS.get(order.status)) is not None:
        setattr(annotation, clock, at)
    annotation.exports = int(order.status == "exported")
    return document, annotation
