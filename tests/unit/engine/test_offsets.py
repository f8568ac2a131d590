"""Which offset may be committed, and how much work the delivered records still hold."""

from connector.contracts.catalogue import TopicRole
from connector.engine.offsets import OffsetTracker
from connector.engine.tickets import Ticket


def test_only_the_finished_prefix_may_be_committed() -> None:
    """Records finish in any order, offsets have gaps; nothing above an unfinished one is committable."""
    tracker = OffsetTracker(10)
    delivered = [tracker.deliver(offset, now=float(offset)) for offset in (9, 10, 12, 17, 12)]

    tracker.finish(12)
    before = tracker.committable
    tracker.finish(10)

    assert delivered == [False, True, True, True, False]
    assert (before, tracker.committable, tracker.position) == (10, 17, 18)
    assert (tracker.unfinished, tracker.oldest_since) == (1, 17.0)


def test_a_record_is_finished_with_its_last_message() -> None:
    """Its messages count until each is done, so that one record of many can't hide how much waits."""
    tracker = OffsetTracker(0)
    tracker.deliver(0, now=0.0)
    tracker.deliver(1, now=0.0)
    many = Ticket(TopicRole.WORK, tracker, 0, remaining=3)
    one = Ticket(TopicRole.WORK, tracker, 1, remaining=1)

    waiting = [tracker.messages]
    for ticket in (many, one, many):
        ticket.done()
        waiting.append(tracker.messages)
    before = tracker.committable
    many.done()

    assert waiting == [4, 3, 2, 1]
    assert (before, tracker.committable, tracker.messages) == (0, 2, 0)
