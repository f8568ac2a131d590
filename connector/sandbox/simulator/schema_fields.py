"""The one schema of the simulated organisation: sections, fields and the line item table."""

from dataclasses import dataclass

from connector.sandbox.simulator.model import Json


@dataclass(frozen=True, slots=True)
class Field:
    """A datapoint of the schema; ``rir_names`` are where its value may come from."""

    id: str
    label: str
    type: str = "string"
    rir_names: tuple[str, ...] = ()
    can_export: bool = True


#: The table of line items and the fields of one row.
TABLE, ROW = "line_items", "line_item"
ROW_FIELDS = (
    Field("item_description", "Description"),
    Field("item_quantity", "Quantity", "number"),
    Field("item_amount", "Unit price", "number"),
    Field("item_amount_total", "Line total", "number"),
)

SECTIONS: tuple[tuple[str, str, tuple[Field, ...]], ...] = (
    (
        "invoice_details_section",
        "Basic information",
        (
            Field("document_id", "Invoice number", rir_names=("document_id",)),
            Field("date_issue", "Issue date", "date", ("date_issue",)),
            Field("date_due", "Due date", "date", ("date_due",)),
            Field("order_id", "Order number", rir_names=("order_id",)),
            Field(
                "customer_reference",
                "Reference",
                rir_names=("upload:document_id", "upload:customer_reference"),
            ),
        ),
    ),
    (
        "amounts_section",
        "Amounts",
        (
            Field("amount_total_base", "Total without tax", "number", ("amount_total_base",)),
            Field("amount_total_tax", "Tax", "number", ("amount_total_tax",)),
            Field("amount_total", "Total", "number", ("amount_total",)),
            Field("currency", "Currency", "enum", ("currency",)),
        ),
    ),
    (
        "vendor_section",
        "Vendor and customer",
        (
            Field("sender_name", "Vendor", rir_names=("sender_name",)),
            Field("sender_vat_id", "Vendor VAT", rir_names=("sender_vat_id",)),
            Field("recipient_name", "Customer", rir_names=("recipient_name",)),
            Field("notes", "Notes"),
            Field("internal_note", "Internal note", can_export=False),
        ),
    ),
)
TABLE_SECTION = ("line_items_section", "Line items")
CURRENCIES = ("eur", "usd", "czk", "gbp")

#: Every field outside the table, in the order of the screen.
HEADER_FIELDS = tuple(field for _, _, fields in SECTIONS for field in fields)
LABELS = {field.id: field.label for field in (*HEADER_FIELDS, *ROW_FIELDS)}


def schema_content() -> list[Json]:
    """The ``content`` of the schema object."""
    sections: list[Json] = [
        _container("section", name, label, [_datapoint(field) for field in fields]) for name, label, fields in SECTIONS
    ]
    row = _container("tuple", ROW, "Line item", [_datapoint(field) for field in ROW_FIELDS])
    table = {
        "category": "multivalue",
        "id": TABLE,
        "label": "Line items",
        "children": row,
        "rir_field_names": [TABLE],
    }
    return [*sections, _container("section", *TABLE_SECTION, [table])]


def _container(category: str, name: str, label: str, children: list[Json]) -> Json:
    return {"category": category, "id": name, "label": label, "children": children}


def _datapoint(field: Field) -> Json:
    node: Json = {
        "category": "datapoint",
        "id": field.id,
        "label": field.label,
        "type": field.type,
        "rir_field_names": list(field.rir_names),
        "can_export": field.can_export,
        "hidden": False,
        "constraints": {"required": False},
    }
    if field.type == "enum":
        node["options"] = [{"value": code, "label": code.upper()} for code in CURRENCIES]
    if field.type == "date":
        node["format"] = "M/D/YYYY"
    return node
