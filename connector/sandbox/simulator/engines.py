"""``/engines``: extraction engines; kept, they read nothing."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind(
    "engines",
    ("name", "type"),
    {
        "organization": None, "learning_enabled": True, "training_queues": [], "description": "", "agenda_id": "",
        "metadata": {},
    },
    ("type",),
)  # fmt: skip
ROUTES = routes_of(KIND)
