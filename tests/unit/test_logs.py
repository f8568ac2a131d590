"""Logs: where they go, what they look like, and what never gets into them."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from aiohttp.http_exceptions import BadHttpMessage
from pydantic import SecretStr

from connector import logs
from connector.errors import KafkaUnavailable, SettingsError


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """What a test configures is undone."""
    root, kafka = logging.getLogger(), logging.getLogger("aiokafka")
    before = list(root.handlers), root.level, kafka.level
    yield
    root.handlers, root.level = before[0], before[1]
    kafka.setLevel(before[2])
    for name in logs.NOISY:
        logging.getLogger(name).propagate = True
    structlog.reset_defaults()


def lines_of(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """What stderr holds, line by line; stdout holds nothing."""
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def broken_by(captured_value: int) -> None:
    """A defect with a value at hand that is nobody's business."""
    raise ValueError("a defect" + "!" * (captured_value < 0))


def record(name: str, text: str, *, at: float = 0.0, args: tuple[object, ...] = ()) -> logging.LogRecord:
    """A line of a library, written at `at` seconds."""
    made = logging.LogRecord(name, logging.ERROR, "library.py", 1, text, args, None)
    made.created = at
    return made


def test_an_event_is_one_json_line_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """Machines read name, level, time and what belongs to the event; stdout stays free for results."""
    logs.configure(as_json=True)

    structlog.get_logger("rossum_connector").info("upload_finished", import_id="i-1")

    (line,) = lines_of(capsys)
    assert (line["event"], line["level"], line["import_id"]) == ("upload_finished", "info", "i-1")
    assert line["timestamp"].endswith("Z")


def test_json_is_the_form_where_nobody_sits(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a word about the form, stderr decides: no terminal, no colours."""
    logs.configure()

    structlog.get_logger("x").info("started")

    (line,) = lines_of(capsys)
    assert line["event"] == "started"


def test_people_get_readable_lines(capsys: pytest.CaptureFixture[str]) -> None:
    """On a terminal a line is text, with the traceback of a defect and none of its local variables."""
    logs.configure(as_json=False)

    try:
        broken_by(4711)
    except ValueError as error:
        structlog.get_logger("x").error("unexpected_error", exc_info=error)

    said = capsys.readouterr().err
    assert "unexpected_error" in said
    assert "in broken_by" in said
    assert "ValueError" in said
    assert "4711" not in said.replace("broken_by(4711)", "")


def test_lines_of_libraries_take_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    """What aiohttp and aiokafka write is JSON too."""
    logs.configure(as_json=True)

    logging.getLogger("aiokafka.client").error("Unable to connect to %s", "kafka:9092")

    (line,) = lines_of(capsys)
    assert (line["event"], line["level"]) == ("Unable to connect to kafka:9092", "error")


def test_the_level_decides_what_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    """Below the level there is silence, and aiokafka's chatter is below any."""
    logs.configure("INFO", as_json=True)

    structlog.get_logger("x").debug("upload_started")
    logging.getLogger("aiokafka").info("Discovered coordinator")

    assert lines_of(capsys) == []


def test_an_unknown_level_is_a_mistake_in_the_settings() -> None:
    """It is told with what would be right."""
    with pytest.raises(SettingsError, match="'LOUD' is none: use DEBUG, INFO, WARNING, ERROR"):
        logs.configure("LOUD")


@pytest.mark.parametrize("key", ["token", "rossum_authorization_token", "Authorization", "sasl_password", "secrets"])
def test_what_a_key_calls_secret_is_blanked(capsys: pytest.CaptureFixture[str], key: str) -> None:
    """By a word in the name, whatever the case and however deep it lies."""
    logs.configure(as_json=True)

    structlog.get_logger("x").info("event", **{key: "s3cr3t"}, request={"headers": [{key: "s3cr3t"}]})

    (line,) = lines_of(capsys)
    assert line[key] == "***"
    assert line["request"] == {"headers": [{key: "***"}]}


def test_a_secret_type_never_shows_its_value(capsys: pytest.CaptureFixture[str]) -> None:
    """Under a harmless name too."""
    logs.configure(as_json=True)

    structlog.get_logger("x").info("event", setting=SecretStr("s3cr3t"))

    assert "s3cr3t" not in capsys.readouterr().err


def test_a_broken_request_is_told_without_its_bytes(capsys: pytest.CaptureFixture[str]) -> None:
    """The web server quotes the header that it stumbled over, which may hold a token."""
    logs.configure(as_json=True)

    error = BadHttpMessage("Invalid header value char: b'Authorization: Bearer s3cr3t\\x00'")
    logging.getLogger("aiohttp.server").error("Error handling request from %s", "10.0.0.1", exc_info=error)

    (line,) = lines_of(capsys)
    assert line["event"] == "Error handling request from 10.0.0.1: BadHttpMessage"
    assert line["level"] == "warning"
    assert "s3cr3t" not in str(line)


def test_a_repeated_line_comes_once_a_second_with_the_number_left_out() -> None:
    """A broker that is away makes one line a second, not a hundred; arguments make no difference."""
    quiet = logs.Quiet("aiokafka")
    times = [100.0, 100.1, 100.9, 101.1]
    written = [record("aiokafka.client", "No route to %s", at=at, args=(f"node {at}",)) for at in times]

    passed = [line.getMessage() for line in written if quiet.filter(line)]

    assert passed == ["No route to node 100.0", "No route to node 101.1 (2 like it left out)"]


def test_other_lines_are_not_held_back() -> None:
    """Neither another message of the same library nor another logger."""
    quiet = logs.Quiet("aiokafka")
    written = [record("aiokafka", "one"), record("aiokafka", "two"), record("connector", "x"), record("connector", "x")]
    for line in written:
        line.created = 100.0

    assert [quiet.filter(line) for line in written] == [True, True, True, True]


def test_an_error_is_told_with_its_causes_and_without_what_it_could_not_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A ValueError quotes a value, which may be a captured one; other messages name parts of the program."""
    logs.configure(as_json=True)

    try:
        try:
            int("captured value")
        except ValueError as cause:
            raise ExceptionGroup("two failed", [KafkaUnavailable("no broker"), KeyError("row")]) from cause
    except ExceptionGroup as error:
        logging.getLogger("x").exception("unexpected", exc_info=error)

    (line,) = lines_of(capsys)
    told = line["exception"].splitlines()
    assert "captured" not in line["exception"].replace('int("captured value")', "")
    assert told.index("ValueError") < told.index("which led to") < told.index("  | KafkaUnavailable: no broker")
    assert "  | KeyError: 'row'" in told


def test_a_lost_task_is_told_without_its_result(capsys: pytest.CaptureFixture[str]) -> None:
    """Asyncio would show the exception with its text."""
    logs.configure(as_json=True)

    logging.getLogger("asyncio").error("Task exception was never retrieved\nfuture: <ValueError('captured')>")

    (line,) = lines_of(capsys)
    assert line["event"] == "Task exception was never retrieved"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("sent Authorization: Bearer s3cr3t, refused", "sent Authorization: Bearer ***, refused"),
        ("https://files.test/a.pdf?X-Amz-Signature=s3cr3t is gone", "https://files.test/a.pdf?*** is gone"),
        (
            "https://x.test/embedded/document/7#authToken=s3cr3t is no JSON",
            "https://x.test/embedded/document/7#*** is no JSON",
        ),
        ("no answer from http://user:s3cr3t@files.test/a", "no answer from http://***@files.test/a"),
        ("which document? https://files.test/a", "which document? https://files.test/a"),
    ],
)
def test_credentials_inside_of_a_text_are_blanked(capsys: pytest.CaptureFixture[str], text: str, shown: str) -> None:
    """Headers and signed URLs show up in sentences of others."""
    logs.configure(as_json=True)

    structlog.get_logger("x").warning("import_failed", reason=text)

    (line,) = lines_of(capsys)
    assert line["reason"] == shown


def test_the_memory_of_repeated_lines_is_bounded() -> None:
    """A library may put values into its templates."""
    quiet = logs.Quiet("aiokafka")

    for number in range(logs.MOST_TEMPLATES * 3):
        quiet.filter(record("aiokafka", f"message {number}", at=100.0))

    assert len(quiet._last) <= logs.MOST_TEMPLATES + 1


def test_commands_can_silence_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    """Their sentence is all that a person needs; who listens for a reason still hears it."""
    logs.configure(as_json=True)
    logs.hush()

    for name in ("aiokafka.consumer", "aiokafka", "aiohttp.server"):
        logging.getLogger(name).error("hush")
        assert logging.getLogger(name).isEnabledFor(logging.ERROR)

    assert lines_of(capsys) == []
