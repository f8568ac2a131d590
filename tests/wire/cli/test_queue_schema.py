"""`rossum-connector schemas --queue`: the JSON Schema of one queue's captured events."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from connector.clock import SystemClock
from connector.contracts.captured_form import CapturedForm
from connector.contracts.envelope import encode_data
from connector.domain.annotation_outcome import Seen, Subject, decide
from connector.domain.annotation_state import with_export
from connector.domain.ids import AnnotationId, QueueId
from connector.rossum.client import RossumClient
from connector.rossum.session import RossumConnection
from tests.unit.domain.annotation_story import RULES
from tests.wire.cli.commanding import Commands, commands

QUEUE = QueueId(8198)
NAMES = {"document_id": "number", "amount_total": "total", "line_items": "lines", "item_amount": "price"}


async def captured_event(run: Commands, form: CapturedForm) -> dict[str, Any]:
    """The data of a captured event, as it goes to Kafka, of an annotation that the simulator has exported."""
    (number,) = await run.rossum.finished(1)
    simulator = run.rossum.simulator
    connection = RossumConnection(base_url=simulator.base_url, token="sandbox", requests_per_second=0)
    async with RossumClient(connection, clock=SystemClock(), on_call=lambda _call: None) as client:
        annotation = AnnotationId(number)
        listed = await client.annotation(annotation)
        export = (await client.exports(QUEUE, [annotation]))[annotation]
    assert listed is not None
    seen = Seen(with_export(listed, export), export)
    events = decide(Subject(annotation, None), seen, replace(RULES, form=form)).outcome.events
    (captured,) = (event.data for event in events if event.name == "annotation.captured")
    data: dict[str, Any] = orjson.loads(encode_data(captured))
    return data


def types(schema: dict[str, Any]) -> dict[str, Any]:
    """The type that a schema wants of each field."""
    return {name: field["properties"]["type"]["enum"][0] for name, field in schema["properties"].items()}


@pytest.mark.parametrize("names", [{}, NAMES], ids=["everything", "chosen fields"])
async def test_a_captured_event_keeps_to_the_schema_of_its_queue(names: dict[str, str], tmp_path: Path) -> None:
    """Every field, line item and type of a real event is in the schema, under the name of the settings."""
    async with commands() as run:
        settings = {"CAPTURE__FIELDS": orjson.dumps(names).decode(), "CAPTURE__CONTENT": "false" if names else "true"}
        printed = await run("schemas", "--queue", "invoices", **settings)
        written = await run("schemas", "--queue", "8198", "--output", str(tmp_path / "invoices.json"), **settings)
        event = await captured_event(run, CapturedForm(names, content=not names))

    schema = orjson.loads(printed.out)
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)
    fields, tables = schema["properties"]["fields"], schema["properties"]["tables"]
    rows = {name: table["items"] for name, table in tables["properties"].items()}
    assert (printed.code, written.code, printed.err, written.out) == (0, 0, "", "")
    assert orjson.loads((tmp_path / "invoices.json").read_bytes()) == schema
    assert [error.message for error in validator.iter_errors(event)] == []
    assert types(fields) == {name: field["type"] for name, field in event["fields"].items()}
    assert {name: types(row) for name, row in rows.items()} == {
        name: {column: field["type"] for column, field in cells[0].items()} for name, cells in event["tables"].items()
    }
    assert ("content" in schema["properties"]) is (not names)
    assert not validator.is_valid(_with_type(event, "nonsense"))
    assert not validator.is_valid({**event, "annotation": {**event["annotation"], "queue": 8199}})


def _with_type(event: dict[str, Any], kind: str) -> dict[str, Any]:
    """The same with a field of another type."""
    changed = copy.deepcopy(event)
    next(iter(changed["fields"].values()))["type"] = kind
    return changed


async def test_a_file_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    """With its option, without a traceback."""
    path = tmp_path / "nowhere" / "invoices.json"
    async with commands() as run:
        done = await run("schemas", "--queue", "invoices", "-o", str(path))

    assert (done.code, done.out) == (1, "")
    assert done.err == f"rossum-connector: cannot write {path} (--output): No such file or directory\n"


async def test_what_the_queue_does_not_have_is_told() -> None:
    """An unknown field on stderr with the nearest one; an unknown queue as an error with its remedy."""
    async with commands() as run:
        typo = await run("schemas", "--queue", "invoices", CAPTURE__FIELDS='["amout_total"]')
        nowhere = await run("schemas", "--queue", "1")

    assert typo.code == 0
    assert "'amout_total' (did you mean amount_total?)" in typo.err
    assert nowhere.code == 3
    assert "correct --queue" in nowhere.err
