"""The client of object stores: an extra, imported when it is used."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from obstore.store import AzureStore, GCSStore, S3Store

    Store = S3Store | GCSStore | AzureStore

#: What to install, for messages.
EXTRA = "the extra object-stores: install rossum-kafka-connector[object-stores]"
#: For one request with its body, our own pauses included: a slow receiver must not break off a sound download.
_LONGEST = "1h"


def connect(kind: str, bucket: str, connect_timeout: float, read_timeout: float) -> "Store":
    """The client of one bucket; what else it needs to know is in the environment. It never repeats a request.

    Args:
        kind: s3, gcs or azure.
        bucket: Bucket or container.
        connect_timeout: Seconds for one connection.
        read_timeout: Seconds without a byte.

    Raises:
        ImportError: The extra is not installed.
    """
    from obstore.store import AzureStore, GCSStore, S3Store  # noqa: PLC0415 - an extra, imported when used

    make: Any = {"s3": S3Store, "gcs": GCSStore, "azure": AzureStore}[kind]
    # As `config`, because `client_options` would switch off what the environment says of the client (plain http).
    config = {
        "connect_timeout": f"{round(connect_timeout * 1000)}ms",
        "read_timeout": f"{round(read_timeout * 1000)}ms",
        "timeout": _LONGEST,
        "user_agent": "rossum-kafka-connector",
    }
    store: Store = make(bucket, config=config, retry_config={"max_retries": 0})
    return store


def is_from_client(error: Exception) -> bool:
    """Whether it is one of the client's own errors, whose classes exist with the extra only."""
    return type(error).__module__.startswith("obstore.")
