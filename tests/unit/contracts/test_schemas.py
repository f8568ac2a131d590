"""The published contracts are what the code does."""

from pathlib import Path
from typing import Any

import orjson
import pytest
import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from connector.contracts.arrivals import Arrival
from connector.contracts.catalogue import CAPTURED_THIN, CATALOGUE, TopicRole
from connector.contracts.envelope import encode_data
from connector.contracts.examples import EXAMPLES
from connector.contracts.schemas import schema_files
from connector.settings_kafka import TopicSettings

PUBLISHED = Path(__file__).parents[3] / "schemas"
TOPICS = {role: getattr(TopicSettings(), role.value) for role in TopicRole}
FILES = schema_files(TOPICS)
SCHEMAS = {name.removesuffix(".json"): orjson.loads(text) for name, text in FILES.items() if name.endswith(".json")}
ASYNCAPI: dict[str, Any] = yaml.safe_load(FILES["asyncapi.yaml"])
PUBLIC = {TopicRole.ARRIVED, TopicRole.LIFECYCLE, TopicRole.CAPTURED, TopicRole.READY, TopicRole.DEAD_LETTERS}


def validator(name: str) -> Draft202012Validator:
    """Of a published schema, formats included."""
    Draft202012Validator.check_schema(SCHEMAS[name])
    return Draft202012Validator(SCHEMAS[name], format_checker=Draft202012Validator.FORMAT_CHECKER)


def test_the_published_files_are_up_to_date() -> None:
    """What stands in the repository is what the models say."""
    published = {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.iterdir()}

    assert published == FILES


def test_every_event_has_its_file() -> None:
    """The catalogue and the files name the same events."""
    expected = {*CATALOGUE, CAPTURED_THIN, "arrival"}

    assert expected == SCHEMAS.keys()
    assert {f"urn:rossum-kafka-connector:schema:{name}:1" for name in expected} == {
        schema["$id"] for schema in SCHEMAS.values()
    }


@pytest.mark.parametrize("name", [*CATALOGUE, CAPTURED_THIN])
def test_examples_are_valid(name: str) -> None:
    """Each event, as it is written, keeps to its schema."""
    written = orjson.loads(encode_data(EXAMPLES[name]))

    errors = [error.message for error in validator(name).iter_errors(written)]

    assert errors == []
    assert SCHEMAS[name]["examples"] == [written]


@pytest.mark.parametrize("name", [*CATALOGUE, CAPTURED_THIN])
def test_schemas_can_tell(name: str) -> None:
    """Nothing, and a null where something is absent, do not keep to a schema."""
    written = orjson.loads(encode_data(EXAMPLES[name]))
    optional = next(iter(SCHEMAS[name]["required"]))

    assert not validator(name).is_valid({})
    assert not validator(name).is_valid({**written, optional: None})


def test_the_example_of_an_arrival_is_valid() -> None:
    """The example is an arrival to the schema and to the reader."""
    example = SCHEMAS["arrival"]["examples"][0]

    errors = [error.message for error in validator("arrival").iter_errors(example)]

    assert errors == []
    assert Arrival.model_validate(example).document_id == "erp-4711"


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_field_is_described(name: str) -> None:
    """No property without a description, in no model."""
    models = [SCHEMAS[name], *SCHEMAS[name].get("$defs", {}).values()]

    silent = [
        (model["title"], field)
        for model in models
        for field, schema in model.get("properties", {}).items()
        if not schema.get("description")
    ]

    assert silent == []
    assert all(model["description"] for model in models)


def references(node: Any) -> list[str]:
    """All `$ref`s of a document."""
    if isinstance(node, list):
        return [found for item in node for found in references(item)]
    if not isinstance(node, dict):
        return []
    own = [node["$ref"]] if isinstance(node.get("$ref"), str) else []
    return own + [found for item in node.values() for found in references(item)]


def resolves(reference: str) -> bool:
    """Whether a reference of the AsyncAPI document leads somewhere."""
    file, _, pointer = reference.partition("#")
    if file:
        return file.removeprefix("./") in FILES and not pointer
    node: Any = ASYNCAPI
    for part in pointer.strip("/").split("/"):
        if part not in node:
            return False
        node = node[part]
    return True


def test_every_reference_of_the_asyncapi_document_resolves() -> None:
    """Inside of the document and into the files beside it."""
    found = references(ASYNCAPI)

    dangling = [reference for reference in found if not resolves(reference)]

    assert dangling == []
    assert {f"./{name}.json" for name in SCHEMAS} <= set(found)


def test_the_asyncapi_document_names_every_public_topic() -> None:
    """Channels have the default names; arrivals are received, everything else is sent; inner topics are not told."""
    channels, operations = ASYNCAPI["channels"], ASYNCAPI["operations"].values()

    actions = {operation["channel"]["$ref"].rpartition("/")[2]: operation["action"] for operation in operations}

    assert ASYNCAPI["asyncapi"] == "3.0.0"
    assert {channel["address"] for channel in channels.values()} == {TOPICS[role] for role in PUBLIC}
    assert actions == {role.value: "receive" if role is TopicRole.ARRIVED else "send" for role in PUBLIC}
    assert all(channel["bindings"]["kafka"]["topic"] == channel["address"] for channel in channels.values())


def test_messages_stand_on_the_topics_that_they_go_to() -> None:
    """The document agrees with the catalogue; the lifecycle topic shows the thin form."""
    channels = {role: set(ASYNCAPI["channels"][role.value]["messages"]) for role in PUBLIC}

    assert channels[TopicRole.LIFECYCLE] == {*CATALOGUE, CAPTURED_THIN} - {"annotation.captured"}
    assert channels[TopicRole.CAPTURED] == {"annotation.captured"}
    assert channels[TopicRole.READY] == {"annotation.ready"}
    assert channels[TopicRole.ARRIVED] == {"arrival"}
    assert channels[TopicRole.DEAD_LETTERS] == {"dead-letter"}
