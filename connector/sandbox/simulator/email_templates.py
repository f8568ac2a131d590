"""``/email_templates``: texts of e-mails to suppliers; kept, never sent."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind(
    "email_templates",
    ("name", "queue", "subject", "message"),
    {
        "organization": None, "type": "custom", "enabled": True, "automate": False, "triggers": [], "to": [],
        "cc": [], "bcc": [],
    },
    ("name", "type", "queue"),
)  # fmt: skip
ROUTES = routes_of(KIND)
