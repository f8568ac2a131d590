"""Generates `schemas/`: a JSON Schema for every event's data and for arrivals, and one AsyncAPI document."""

from collections.abc import Mapping
from typing import Any, Final

import orjson
import yaml
from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from connector.contracts.arrivals import Arrival
from connector.contracts.asyncapi import asyncapi_document
from connector.contracts.catalogue import CAPTURED_THIN, CATALOGUE, TopicRole
from connector.contracts.envelope import encode_data, schema_uri
from connector.contracts.events import AnnotationCapturedThin
from connector.contracts.examples import ARRIVAL, EXAMPLES

#: Name of the schema of what producers write.
ARRIVAL_SCHEMA: Final = "arrival"
ASYNCAPI_FILE: Final = "asyncapi.yaml"
#: What the schemas are written in.
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Quiet(GenerateJsonSchema):
    """Without a title for every field, which would only repeat its name."""

    def field_title_should_be_set(self, schema: Any) -> bool:  # noqa: ARG002 - pydantic's signature
        """Never."""
        return False

    def tagged_union_schema(self, schema: core_schema.TaggedUnionSchema) -> JsonSchemaValue:
        """Without OpenAPI's `discriminator`, which means something else to AsyncAPI; the branches tell themselves."""
        generated = super().tagged_union_schema(schema)
        generated.pop("discriminator", None)
        return generated


class _AbsentNotNull(_Quiet):
    """What is not known is absent from our events, so no optional field of theirs may be null."""

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """The schema of the value itself where the default is None."""
        inner = schema["schema"]
        if inner["type"] == "nullable" and schema.get("default", ...) is None:
            return self.generate_inner(inner["schema"])
        return super().default_schema(schema)


def schema_files(topics: Mapping[TopicRole, str]) -> dict[str, str]:
    """All files of `schemas/` by name; `topics` are the names that the AsyncAPI document tells."""
    models = {name: kind.model for name, kind in CATALOGUE.items()} | {CAPTURED_THIN: AnnotationCapturedThin}
    files = {f"{name}.json": _event_schema(name, models[name]) for name in sorted(models)}
    files[f"{ARRIVAL_SCHEMA}.json"] = _arrival_schema()
    files[ASYNCAPI_FILE] = yaml.safe_dump(
        asyncapi_document(topics), sort_keys=False, allow_unicode=True, width=100, default_flow_style=False
    )
    return files


def event_model(model: type[BaseModel]) -> JsonSchemaValue:
    """The JSON Schema of an event's data, without a head of its own."""
    return model.model_json_schema(by_alias=True, schema_generator=_AbsentNotNull)


def _event_schema(name: str, model: type[BaseModel]) -> str:
    return _text(name, event_model(model), orjson.loads(encode_data(EXAMPLES[name])))


def _arrival_schema() -> str:
    schema = Arrival.model_json_schema(by_alias=True, schema_generator=_Quiet)
    example = ARRIVAL.model_dump(mode="json", exclude_unset=True)
    return _text(ARRIVAL_SCHEMA, schema, example)


def _text(name: str, schema: JsonSchemaValue, example: Any) -> str:
    head = {"$schema": DIALECT, "$id": schema_uri(name)}
    whole = {**head, **schema, "title": name, "examples": [example]}
    return orjson.dumps(whole, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode()
