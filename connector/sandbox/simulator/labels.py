"""``/labels``: marks for annotations; kept, put on none."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind("labels", ("name",), {"organization": None, "color": None}, ("name",))
ROUTES = routes_of(KIND)
