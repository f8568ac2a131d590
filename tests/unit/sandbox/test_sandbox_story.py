"""The judgement of the sandbox: nothing missing, nothing twice, nothing that nobody expects."""

from collections.abc import Iterator
from itertools import count
from typing import Any

import orjson
import pytest

from connector.contracts.catalogue import TopicRole
from connector.sandbox.samples import KINDS, Kind, Sample
from connector.sandbox.story import Record, State, Story, record_of

LIFECYCLE, CAPTURED, READY, DEAD = (
    TopicRole.LIFECYCLE,
    TopicRole.CAPTURED,
    TopicRole.READY,
    TopicRole.DEAD_LETTERS,
)
_IDS: Iterator[int] = count(1)


def kind(name: str) -> Kind:
    """The kind of that name."""
    return next(one for one in KINDS if one.name == name)


def sample(name: str) -> Sample:
    """The first document of a kind."""
    return Sample(f"{name}-1", kind(name), 1)


def event(
    role: TopicRole, name: str, key: str, *, event_id: str | None = None, via: str = "webhook", **data: Any
) -> Record:
    """An event as it is read, with an id of its own unless one is given."""
    headers = {
        "ce_type": f"ai.rossum.connector.{name}",
        "ce_id": event_id or f"id-{next(_IDS)}",
        "ce_subject": "annotations/1",
        "ce_observedvia": via,
        "ce_causation": data.pop("causation", "documents.arrived/0/0"),
    }
    encoded = [(header, text.encode()) for header, text in headers.items()]
    return record_of(role, key.encode(), encoded, orjson.dumps(data), at=10.0)


def letter(offset: int) -> Record:
    """The dead letter of the arrival at that offset."""
    headers = {"topic": "documents.arrived", "partition": "0", "offset": str(offset)}
    encoded = [(f"__connect.errors.{name}", text.encode()) for name, text in headers.items()]
    return record_of(DEAD, b"some key", encoded, b"{broken", at=10.0)


def captured_story() -> Story:
    """A document with everything that must be read of it."""
    story = Story()
    story.announce(sample("captured"), 0.0)
    story.placed("captured-1", "documents.arrived/0/0")
    for name in ("import.accepted", "import.completed", "annotation.confirmed", "annotation.captured"):
        story.take(event(LIFECYCLE, name, "captured-1"))
    story.take(event(CAPTURED, "annotation.captured", "captured-1"))
    return story


def test_that_everything_once_is_right() -> None:
    """A document whose events all came once leaves no difference and is done."""
    story = captured_story()

    differences = [*story.missing(), *story.surplus(), *story.miscounted({"captured-1": 1})]

    assert differences == []
    assert story.is_complete
    assert story.documents["captured-1"].state is State.DONE


def test_that_ready_may_come_on_both_topics() -> None:
    """The ready event is no difference when both of its topics have it."""
    story = captured_story()
    story.take(event(LIFECYCLE, "annotation.ready", "captured-1"))
    story.take(event(READY, "annotation.ready", "captured-1"))

    differences = [*story.missing(), *story.surplus()]

    assert differences == []


def test_that_half_a_ready_event_is_missing() -> None:
    """A ready event on one of its two topics alone is named."""
    story = captured_story()
    story.take(event(LIFECYCLE, "annotation.ready", "captured-1"))

    differences = story.missing()

    assert len(differences) == 1
    assert "annotation.ready was not read equally often" in differences[0]


def test_that_a_missing_event_is_named() -> None:
    """Without its captured event a document is not done, and the sentence says what is missing where."""
    story = Story()
    story.announce(sample("captured"), 0.0)
    for name in ("import.accepted", "import.completed", "annotation.confirmed", "annotation.captured"):
        story.take(event(LIFECYCLE, name, "captured-1"))

    differences = story.missing()

    assert differences == [
        "captured-1: annotation.captured is missing on the captured topic (read 0 times, expected 1)"
    ]
    assert not story.is_complete


def test_that_a_doubled_id_is_named() -> None:
    """The same ce_id twice on one topic is found, whatever document it belongs to."""
    story = Story()
    for _ in range(2):
        story.take(event(LIFECYCLE, "sweep.completed", "exported_at", event_id="the-id"))

    differences = story.surplus()

    assert differences == ["ce_id the-id (sweep.completed) was read 2 times on the lifecycle topic"]


def test_that_one_id_on_two_topics_is_right() -> None:
    """The thin and the full captured event share their id, each on its topic."""
    story = Story()
    story.announce(sample("captured"), 0.0)
    story.take(event(LIFECYCLE, "annotation.captured", "captured-1", event_id="the-id"))
    story.take(event(CAPTURED, "annotation.captured", "captured-1", event_id="the-id"))

    assert story.surplus() == []


def test_that_an_event_too_many_is_named() -> None:
    """A second captured event with an id of its own is too many."""
    story = captured_story()
    story.take(event(CAPTURED, "annotation.captured", "captured-1"))

    differences = story.surplus()

    assert differences == ["captured-1: annotation.captured was read 2 times on the captured topic, expected 1"]
    assert story.documents["captured-1"].state is State.WRONG


def test_that_an_unexpected_event_is_named() -> None:
    """An event that has no place in the story of a document is a difference."""
    story = captured_story()
    story.take(event(LIFECYCLE, "annotation.rejected", "captured-1"))

    differences = story.surplus()

    assert differences == [
        "captured-1: annotation.rejected was read 1 times on the lifecycle topic, where it is not expected"
    ]


@pytest.mark.parametrize("via", ["sweep", "webhook", "read"])
def test_that_a_document_without_webhooks_is_found_by_sweeps(via: str) -> None:
    """What is known of it in another way is a difference, however right the events are."""
    story = Story()
    story.announce(sample("hook-lost"), 0.0)
    story.take(event(LIFECYCLE, "import.accepted", "hook-lost-1", via="read"))
    story.take(event(CAPTURED, "annotation.captured", "hook-lost-1", via=via))

    differences = story.surplus()

    wrong = f"hook-lost-1: annotation.captured on the captured topic was learnt by {via}, expected sweep"
    assert differences == ([] if via == "sweep" else [wrong])


def test_that_a_second_import_is_named() -> None:
    """Rossum's own count of documents tells a second import even when no event does."""
    story = captured_story()

    differences = story.miscounted({"captured-1": 2})

    assert differences == ["captured-1: Rossum has it 2 times, expected 1"]


def test_that_an_event_of_nobody_is_named() -> None:
    """An event of a document that nobody announced is a difference."""
    story = captured_story()
    story.take(event(LIFECYCLE, "annotation.ready", "rossum:7", causation="", annotation={"id": 7}))

    differences = story.surplus()

    assert differences == [
        "annotation.ready of annotations/1 on the lifecycle topic belongs to no document that was announced"
    ]


def test_that_events_of_parts_wait_for_the_split() -> None:
    """An event of a part that was read before the split that explains it still finds its document."""
    story = Story()
    story.announce(sample("split"), 0.0)
    story.take(event(CAPTURED, "annotation.captured", "rossum:7", causation="", annotation={"id": 7}))

    story.take(event(LIFECYCLE, "annotation.split", "split-1", annotation={"id": 6}, children=[7, 8]))

    assert story.surplus() == []
    assert story.documents["split-1"].counts[CAPTURED, "annotation.captured"] == 1


@pytest.mark.parametrize("letters", [0, 1, 2])
def test_that_a_failed_import_has_one_dead_letter(letters: int) -> None:
    """An unreadable arrival is told by its place on the topic, and needs exactly one dead letter."""
    story = Story()
    story.announce(sample("unreadable"), 0.0)
    story.placed("unreadable-1", "documents.arrived/0/5")
    story.take(event(LIFECYCLE, "import.failed", "an import id", causation="documents.arrived/0/5"))
    for _ in range(letters):
        story.take(letter(5))

    differences = [*story.missing(), *story.surplus(), *story.miscounted({})]

    assert len(differences) == (0 if letters == 1 else 1)
    assert all("dead letter" in sentence for sentence in differences)
