"""Selection and names of captured fields."""

from typing import Any

import pytest

from connector.contracts.captured_form import CapturedForm, selected, strangers

FIELDS = {"document_id": 1, "amount_total": 2}
TABLES: dict[str, list[dict[str, Any]]] = {"line_items": [{"code": 3, "price": 4}, {"code": 5}], "po_numbers": []}


@pytest.mark.parametrize(
    ("names", "fields", "tables"),
    [
        pytest.param({}, FIELDS, TABLES, id="nothing named: everything"),
        pytest.param({"amount_total": "total"}, {"total": 2}, {}, id="one field"),
        pytest.param({"line_items": "lines"}, {}, {"lines": TABLES["line_items"]}, id="a table and all its columns"),
        pytest.param(
            {"line_items": "lines", "price": "unit"}, {}, {"lines": [{"unit": 4}]}, id="a table and one column"
        ),
        pytest.param({"code": "c"}, {}, {"line_items": [{"c": 3}, {"c": 5}]}, id="a column without its table"),
        pytest.param({"po_numbers": "orders"}, {}, {"orders": []}, id="an empty table"),
        pytest.param({"nobody": "knows"}, {}, {}, id="what nobody has"),
        pytest.param({"amount_total": "document_id"}, {"document_id": 2}, {}, id="another field's name"),
    ],
)
def test_what_is_named_is_what_comes(
    names: dict[str, str], fields: dict[str, int], tables: dict[str, list[dict[str, Any]]]
) -> None:
    """Only named fields, columns and tables come, under the names given."""
    assert selected(FIELDS, TABLES, names) == (fields, tables)


def test_fields_come_in_the_order_of_the_settings() -> None:
    """The names decide the order, not Rossum's schema."""
    assert list(selected(FIELDS, {}, {"amount_total": "a", "document_id": "b"})[0]) == ["a", "b"]


def test_a_queue_of_its_own_is_not_like_the_others() -> None:
    """The names of a queue replace those of all; an empty map brings everything."""
    form = CapturedForm({"a": "b"}, {8198: {"c": "d"}, 8199: {}})

    assert [form.of(queue) for queue in (8197, 8198, 8199)] == [{"a": "b"}, {"c": "d"}, {}]


def test_a_field_that_nobody_has_is_told_with_the_nearest() -> None:
    """Known names are not told; unknown ones with the nearest, if there is one."""
    told = strangers({"amout_total": "x", "zzz": "y", "document_id": "z"}, FIELDS)

    assert told == ["'amout_total' (did you mean amount_total?)", "'zzz'"]
