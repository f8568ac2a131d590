"""``metadata``: free JSON that clients keep on Rossum's objects."""

from typing import Any

import orjson

from connector.sandbox.simulator.model import Json
from connector.sandbox.simulator.wire import bad_field

METADATA_LIMIT = 4096  # bytes of an object's metadata


def checked_metadata(value: Any) -> Json:
    """Metadata that may be stored.

    Raises:
        ApiError: 400, no object or too large.
    """
    if not isinstance(value, dict):
        raise bad_field("metadata", "Value must be valid JSON.")
    if len(orjson.dumps(value)) > METADATA_LIMIT:
        raise bad_field("metadata", "Metadata must not be larger than 4 kB.")
    return value
