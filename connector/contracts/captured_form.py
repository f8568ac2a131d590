"""Which captured fields events carry, and under which names: Rossum's own unless settings say otherwise."""

import difflib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

#: Schema ids of fields, columns and tables, and their names in events; an empty one means everything as it is.
Names = Mapping[str, str]
#: What is known of a field.
F = TypeVar("F")


@dataclass(frozen=True, slots=True)
class CapturedForm:
    """What of the captured data events carry.

    Attributes:
        names: For every queue that `by_queue` does not have.
        by_queue: By queue id.
        content: Whether events carry Rossum's export tree.
    """

    names: Names = field(default_factory=dict)
    by_queue: Mapping[int, Names] = field(default_factory=dict)
    content: bool = True

    def of(self, queue: int) -> Names:
        """The names that hold for a queue."""
        return self.by_queue.get(queue, self.names)


def selected(
    fields: dict[str, F], tables: dict[str, list[dict[str, F]]], names: Names
) -> tuple[dict[str, F], dict[str, list[dict[str, F]]]]:
    """Fields and tables as `names` want them.

    A table comes with those of its columns that are named; when it is named and none of them is, with all. Columns
    may be named without their table, which then keeps its own name.
    """
    if not names:
        return fields, tables
    chosen: dict[str, list[dict[str, F]]] = {}
    for table, rows in tables.items():
        if any(column in names for row in rows for column in row):
            kept = [row for row in (_renamed(row, names) for row in rows) if row]
        elif table in names:
            kept = rows
        else:
            continue
        chosen.setdefault(names.get(table, table), []).extend(kept)
    return _renamed(fields, names), chosen


def _renamed(fields: Mapping[str, F], names: Names) -> dict[str, F]:
    return {name: fields[schema_id] for schema_id, name in names.items() if schema_id in fields}


def strangers(names: Names, known: Collection[str]) -> list[str]:
    """Those of the named schema ids that nobody knows, each with the nearest one that is known."""
    found = []
    for schema_id in names:
        if schema_id not in known:
            near = difflib.get_close_matches(schema_id, known, n=1)
            found.append(f"{schema_id!r}" + (f" (did you mean {near[0]}?)" if near else ""))
    return found
