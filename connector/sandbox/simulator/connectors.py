"""``/connectors``: the older way of calling out, which hooks replaced; kept, never called."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind(
    "connectors",
    ("name", "service_url", "queues"),
    {
        "params": "", "client_ssl_certificate": "", "client_ssl_key": None, "authorization_type": "secret_key",
        "authorization_token": "", "asynchronous": True, "metadata": {},
    },
    ("name", "service_url"),
)  # fmt: skip
ROUTES = routes_of(KIND)
