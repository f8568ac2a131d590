"""``/document_relations``: documents that belong to an annotation, such as what an export made."""

from connector.sandbox.simulator.kept_objects import Kind, routes_of

KIND = Kind(
    "document_relations", ("type", "annotation", "documents"), {"key": None}, ("type", "annotation", "key", "documents")
)
ROUTES = routes_of(KIND)
