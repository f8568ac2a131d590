"""Settings of captured data: what events carry, and what becomes of it in Rossum."""

import re
from collections import Counter
from typing import Literal

from pydantic import Field, field_validator

from connector.setting_types import Group, Name

_CLAIM_STORE = re.compile(r"(s3|gcs|azure)://[A-Za-z0-9$][A-Za-z0-9._-]{0,254}(/[A-Za-z0-9_=][A-Za-z0-9._=-]*)*/?")


class CaptureSettings(Group):
    """What becomes a captured event."""

    statuses: tuple[Literal["exported", "confirmed", "rejected", "failed_export"], ...] = Field(
        ("exported",), description="Statuses whose clock makes a revision."
    )
    claim_store: str | None = Field(
        None,
        description="Where captured events go that are too large for Kafka: s3://bucket/prefix, gcs://bucket/prefix, "
        "azure://container/prefix.",
    )
    claim_queues: tuple[int, ...] = Field(
        (), description="Ids of queues whose confirmed annotations become exported once they are on Kafka."
    )
    fields: dict[Name, Name] = Field(
        default_factory=dict,
        description="Captured fields, columns and tables that events carry, by schema id, and their names there: "
        '{"document_id": "invoice_number"}; a list keeps the names; empty = everything.',
    )
    queue_fields: dict[str, dict[Name, Name]] = Field(
        default_factory=dict,
        description='The same for single queues (id or alias) instead of FIELDS: {"receipts": {"amount_total": '
        '"total"}}; an empty one = everything.',
    )
    content: bool = Field(default=True, description="Whether events carry Rossum's own export tree too.")

    @field_validator("fields", mode="before")
    @classmethod
    def _own_names(cls, value: object) -> object:
        return {each: each for each in value} if isinstance(value, list | tuple) else value

    @field_validator("queue_fields", mode="before")
    @classmethod
    def _own_names_of_queues(cls, value: object) -> object:
        return {queue: cls._own_names(names) for queue, names in value.items()} if isinstance(value, dict) else value

    @field_validator("fields")
    @classmethod
    def _different_names(cls, value: dict[str, str]) -> dict[str, str]:
        twice = sorted(name for name, count in Counter(value.values()).items() if count > 1)
        if twice:
            msg = f"gives the name {twice[0]!r} to more than one field: names must differ"
            raise ValueError(msg)
        return value

    @field_validator("queue_fields")
    @classmethod
    def _different_names_of_queues(cls, value: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        return {queue: cls._different_names(names) for queue, names in value.items()}

    @field_validator("claim_store")
    @classmethod
    def _place(cls, value: str | None) -> str | None:
        if value is not None and not _CLAIM_STORE.fullmatch(value):
            msg = (
                "must be s3://bucket/prefix, gcs://bucket/prefix or azure://container/prefix; the prefix may be absent"
            )
            raise ValueError(msg)
        return value

    @field_validator("statuses")
    @classmethod
    def _some(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not value:
            msg = 'must name at least one status, e.g. ["exported"]'
            raise ValueError(msg)
        return value
