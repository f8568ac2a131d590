"""``/rules``: business rules; kept, never evaluated."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind(
    "rules",
    ("name",),
    {
        "enabled": True, "organization": None, "schema": None, "queues": [], "trigger_condition": "True",
        "created_by": None, "created_at": None, "modified_by": None, "modified_at": None, "rule_template": None,
        "synchronized_from_template": False, "actions": [],
    },
    ("name", "enabled", "schema", "organization"),
)  # fmt: skip
ROUTES = routes_of(KIND)
