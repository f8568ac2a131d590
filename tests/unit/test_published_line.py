"""The line that tells of a transaction: which annotations and imports its events are about."""

from structlog.testing import capture_logs

from connector.telemetry import SUBJECTS_TOLD, Telemetry


def test_the_line_of_a_transaction_names_the_first_of_its_subjects_with_their_document_keys() -> None:
    """So that one document can be followed at the level that everybody runs with; a full transaction has hundreds."""
    subjects = [(f"annotations/{number // 2}", f"doc-{number // 2}") for number in range(800)]
    with capture_logs() as lines:
        Telemetry().transaction_committed(3, 0.03, 800, 400, subjects)

    assert [line["records"] for line in lines] == [800]
    assert lines[0]["subjects"] == {f"annotations/{number}": f"doc-{number}" for number in range(SUBJECTS_TOLD // 2)}


def test_what_only_moves_offsets_is_not_told() -> None:
    """It has no event; nobody asks for their subjects then."""
    subjects = iter([("annotations/1", "doc-1")])
    with capture_logs() as lines:
        Telemetry().transaction_committed(3, 0.03, 0, 0, subjects)

    assert lines == []
    assert list(subjects)
