"""The messages of the inner log survive being written."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.domain.ids import AnnotationId, DocumentId, ImportId, QueueId
from connector.domain.messages import (
    Hint,
    Linked,
    MarkSeen,
    Recovered,
    SweepNow,
    Swept,
    Via,
    WorkMessage,
    decode_work,
    encode_work,
    together,
)

texts = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)
numbers = st.integers(1, 2**53)
annotations, imports = numbers.map(AnnotationId), texts.map(ImportId)
queues, documents = st.none() | numbers.map(QueueId), st.none() | numbers.map(DocumentId)
messages = st.one_of(
    st.builds(
        Hint,
        annotations,
        st.sampled_from(Via),
        st.none() | texts,
        queues,
        st.dictionaries(texts, texts),
        st.none() | st.uuids().map(str),
    ),
    st.builds(MarkSeen, imports, annotations, texts, documents, st.booleans(), st.none() | texts, queues),
    st.builds(Linked, annotations, st.none() | imports, texts, queues, st.none() | annotations),
    st.builds(SweepNow, texts, st.booleans()),
    st.builds(Recovered, texts, st.integers(0, 2**31)),
    st.builds(Swept, st.integers(0, 99), texts, texts),
)


@given(st.lists(messages))
def test_messages_come_back_as_they_were_written(written: list[WorkMessage]) -> None:
    """Every message of a record is read as it was sent, in order and of the same type."""
    value = encode_work(written)

    read = decode_work(value)

    assert written == read
    assert [type(message.via) for message in read if isinstance(message, Hint)] == [
        Via for message in written if isinstance(message, Hint)
    ]


def test_kinds_of_a_later_version_are_left_out() -> None:
    """A record that a newer replica wrote loses only what this one can't know."""
    value = orjson.dumps([["teleport", 1], ["sweep", "exported_at", True], []])

    read = decode_work(value)

    assert read == [SweepNow("exported_at", deep=True)]


def test_a_hint_of_an_earlier_version_is_read() -> None:
    """Replicas of two versions share the log while they are replaced."""
    value = orjson.dumps([["hint", 7, "sweep", "exported", 8198, {"exported_at": "x"}]])

    read = decode_work(value)

    assert read == [Hint(AnnotationId(7), Via.SWEEP, "exported", QueueId(8198), {"exported_at": "x"})]


@pytest.mark.parametrize("value", [b"{}", b"7", b"", b"nonsense", b"\xff"])
def test_a_foreign_record_is_told_apart(value: bytes) -> None:
    """What this product did not write is a ValueError, whatever it is."""
    with pytest.raises(ValueError):  # noqa: PT011 - the decoder's own sentences differ
        decode_work(value)


def test_what_sweeps_found_alone_is_one_count_a_sweep() -> None:
    """Everything else stays, in its order."""
    hint, mark = Hint(AnnotationId(1), Via.SWEEP), MarkSeen(ImportId("i"), AnnotationId(1), "exported")
    counts = Recovered("exported_at"), Recovered("confirmed_at", 2), Recovered("exported_at", 3)

    merged = together([counts[0], hint, *counts[1:], mark])

    assert merged == [hint, mark, Recovered("exported_at", 4), Recovered("confirmed_at", 2)]
