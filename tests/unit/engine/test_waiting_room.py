"""Where annotations wait: whatever comes in whatever order has its turn, and nothing stays behind."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from connector.contracts.catalogue import TopicRole
from connector.domain.annotation_hints import Need
from connector.domain.ids import AnnotationId
from connector.domain.messages import Hint, Via
from connector.engine.offsets import OffsetTracker
from connector.engine.tickets import Ticket
from connector.engine.waiting_room import BATCHES_IN_FLIGHT, Batch, Kind, Waiting, WaitingRoom
from tests.support.examples import examples
from tests.support.virtual_clock import VirtualClock


def needs(annotation: AnnotationId, waiting: Waiting) -> Kind:
    """Every third one is read by its export."""
    del waiting
    return (Need.LISTING if annotation % 3 else Need.EXPORT), None


@examples(100)
@given(
    rounds=st.lists(
        st.tuples(st.lists(st.integers(1, 6), max_size=6), st.integers(0, 3), st.booleans()), min_size=1, max_size=8
    )
)
async def test_nothing_stays_behind(rounds: list[tuple[list[int], int, bool]]) -> None:
    """Hints come while others of the same annotation are read, and some reads are made again."""
    clock, tracker = VirtualClock(), OffsetTracker(0)
    room = WaitingRoom(clock, kind_of=needs)
    under_way: list[Batch] = []
    for numbers, batches, again in rounds:
        for number in numbers:
            offset = tracker.position
            tracker.deliver(offset, now=0)
            ticket = Ticket(TopicRole.WORK, tracker, offset, remaining=1)
            hint = Hint(AnnotationId(number), Via.SWEEP, "exported")
            room.put(hint.annotation, Waiting(0.0, hints=[hint], tickets=[ticket]))
        for _ in range(batches):
            await _begin(room, under_way)
        if under_way:
            _end(room, under_way.pop(0), again=again)
    while under_way or len(room):
        await _begin(room, under_way)
        _end(room, under_way.pop(0), again=False)

    assert tracker.committable == tracker.position
    assert not any(AnnotationId(number) in room for number in range(10))


async def test_slow_lists_do_not_hold_up_captured_data() -> None:
    """As many lists are under way as may be, and more wait: an export begins at once, the next list when one ends."""
    room = WaitingRoom(VirtualClock(), kind_of=needs)
    lists: list[Batch] = []
    for number in range(1, 4 * BATCHES_IN_FLIGHT, 3):
        room.put(AnnotationId(number), Waiting(0.0))
        await _begin(room, lists)
    assert len(lists) == BATCHES_IN_FLIGHT

    room.put(AnnotationId(3), Waiting(0.0))
    exports: list[Batch] = []
    await _begin(room, exports)
    assert [(batch.need, list(batch.members)) for batch in exports] == [(Need.EXPORT, [3])]
    await _begin(room, exports)
    assert len(exports) == 1
    room.free(lists[0])
    await _begin(room, exports)
    assert [batch.need for batch in exports] == [Need.EXPORT, Need.LISTING]


async def test_what_came_while_it_was_read_is_found_by_what_it_needs_then() -> None:
    """Busy with a list, its export is announced: that read begins although no further list may."""
    learnt: set[AnnotationId] = set()

    def kind(annotation: AnnotationId, waiting: Waiting) -> Kind:
        del waiting
        return (Need.EXPORT if annotation in learnt else Need.LISTING), None

    room = WaitingRoom(VirtualClock(), kind_of=kind)
    lists: list[Batch] = []
    for number in range(BATCHES_IN_FLIGHT + 1):
        room.put(AnnotationId(number), Waiting(0.0))
        await _begin(room, lists)
    room.put(AnnotationId(0), Waiting(0.0))
    learnt.add(AnnotationId(0))
    room.put(AnnotationId(100), Waiting(0.0))
    room.free(lists[0])

    found = [await room.next_batch(), await room.next_batch()]

    assert [(batch.need, list(batch.members)) for batch in found] == [
        (Need.EXPORT, [0]), (Need.LISTING, [BATCHES_IN_FLIGHT, 100])
    ]  # fmt: skip


async def test_a_pause_ends_by_itself_and_holds_nothing_up() -> None:
    """What is asked meanwhile waits with it; others of its need don't; decided again it may pause again."""
    clock = VirtualClock()
    room, found = WaitingRoom(clock, kind_of=needs), list[Batch]()
    room.put(AnnotationId(1), Waiting(0.0, not_before=clock.monotonic() + 60))
    room.put(AnnotationId(1), Waiting(0.0))
    room.put(AnnotationId(2), Waiting(0.0))
    await _begin(room, found)
    await _begin(room, found)
    assert [list(batch.members) for batch in found] == [[2]]

    await clock.advance(61)
    await _begin(room, found)
    assert [list(batch.members) for batch in found] == [[2], [1]]

    room.put(AnnotationId(1), Waiting(0.0, not_before=clock.monotonic() + 60))
    room.free(found[1])
    await _begin(room, found)
    assert len(found) == 2
    await clock.advance(61)
    await _begin(room, found)
    assert [list(batch.members) for batch in found] == [[2], [1], [1]]


async def test_a_webhook_that_is_played_again_and_again_says_one_thing() -> None:
    """Each of them is finished, and all are one question."""
    room, found = WaitingRoom(VirtualClock(), kind_of=needs), list[Batch]()
    for via in (Via.WEBHOOK, Via.WEBHOOK, Via.SWEEP, Via.WEBHOOK):
        hint = Hint(AnnotationId(1), via, "exported")
        room.put(hint.annotation, Waiting(0.0, hints=[hint], heard=[hint.via]))
    await _begin(room, found)

    (waiting,) = found[0].members.values()
    assert [hint.via for hint in waiting.hints] == [Via.WEBHOOK, Via.SWEEP]
    assert waiting.heard == [Via.WEBHOOK, Via.WEBHOOK, Via.SWEEP, Via.WEBHOOK]


async def _begin(room: WaitingRoom, under_way: list[Batch]) -> None:
    """The next batch, where one may begin."""
    asking = asyncio.create_task(room.next_batch())
    await asyncio.wait({asking}, timeout=0.001)
    if asking.done():
        under_way.append(asking.result())
    else:
        asking.cancel()


def _end(room: WaitingRoom, batch: Batch, *, again: bool) -> None:
    """A batch is over: its members are decided, or wait again."""
    for annotation, waiting in batch.members.items():
        if again:
            room.put(annotation, waiting)
            continue
        for ticket in waiting.tickets:
            ticket.done()
    room.free(batch)
