"""What Rossum said about a queue and about the schema of its annotations."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class QueueReading:
    """One queue; `schema` is the id of its schema, None where Rossum names none."""

    name: str
    schema: int | None


@dataclass(frozen=True, slots=True)
class SchemaField:
    """A field of a schema, or a column of one of its tables.

    Attributes:
        exported: Whether exports, and so events, show it.
    """

    type: str | None
    label: str | None
    exported: bool = True


@dataclass(frozen=True, slots=True)
class SchemaTable:
    """A multivalue of a schema: line items, or a single repeated value."""

    label: str | None
    columns: Mapping[str, SchemaField]


@dataclass(frozen=True, slots=True)
class SchemaReading:
    """One schema: header fields and tables by schema id."""

    id: int
    fields: Mapping[str, SchemaField]
    tables: Mapping[str, SchemaTable]

    @property
    def types(self) -> dict[str, str]:
        """The types of all fields and columns, where they have one."""
        every = [self.fields, *(table.columns for table in self.tables.values())]
        return {name: field.type for fields in every for name, field in fields.items() if field.type is not None}

    @property
    def exported(self) -> frozenset[str]:
        """Ids of everything that an event can carry."""
        every = [self.fields, *(table.columns for table in self.tables.values())]
        shown = (name for fields in every for name, field in fields.items() if field.exported)
        return frozenset((*self.tables, *shown))
