"""A Kafka broker inside this process: librdkafka's mock cluster, driven through the C API of the wheel's own library.

Good for demonstrations only: one member a group, no administration, no transactions, a few megabytes a partition.
https://github.com/confluentinc/librdkafka/blob/master/src/rdkafka_mock.h
"""

import ctypes
from types import TracebackType
from typing import Any, Final, Self

from connector.errors import Refused

_PRODUCER: Final = 0
_MESSAGE_BYTES: Final = 512
#: Milliseconds that a new group waits for more members; there is never more than one here.
_JOIN_DELAY_MS: Final = 100
_POINTERS: Final = (
    "rd_kafka_conf_new",
    "rd_kafka_new",
    "rd_kafka_mock_cluster_new",
)


class EmbeddedBroker:
    """A broker on a free port of 127.0.0.1, from entering the context to leaving it; its topics are gone then.

    Topics appear with four partitions when they are first asked for.

    Raises:
        Refused: On entering: the `sandbox` extra is not installed, or its library lacks the mock cluster.
    """

    def __init__(self) -> None:
        self.bootstrap_servers = ""
        self._library: Any = None
        self._client: ctypes.c_void_p | None = None
        self._cluster: ctypes.c_void_p | None = None

    def __enter__(self) -> Self:
        library = self._library = _librdkafka()
        self._client = ctypes.c_void_p(_new_client(library))
        self._cluster = ctypes.c_void_p(library.rd_kafka_mock_cluster_new(self._client, 1))
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, _JOIN_DELAY_MS)
        self.bootstrap_servers = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _librdkafka() -> Any:
    """The library behind confluent-kafka: its symbols are found through the extension module that is linked to it."""
    try:
        from confluent_kafka import cimpl  # noqa: PLC0415 - an extra; the sentence below says how to get it
    except ImportError:
        msg = (
            "the embedded broker needs the sandbox extra: pip install 'rossum-kafka-connector[sandbox]', "
            "or name a broker of your own with --bootstrap-servers"
        )
        raise Refused(msg) from None
    library = ctypes.CDLL(cimpl.__file__)
    try:
        for name in _POINTERS:
            getattr(library, name).restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
    except AttributeError:
        msg = (
            "this build of confluent-kafka does not show its broker to other programs: "
            "name a broker of your own with --bootstrap-servers"
        )
        raise Refused(msg) from None
    return library


def _new_client(library: Any) -> int:
    """The handle that owns the mock cluster; it never connects anywhere, and keeps quiet."""
    conf = ctypes.c_void_p(library.rd_kafka_conf_new())
    message = ctypes.create_string_buffer(_MESSAGE_BYTES)
    library.rd_kafka_conf_set(conf, b"log_level", b"0", message, ctypes.c_size_t(_MESSAGE_BYTES))
    client = library.rd_kafka_new(_PRODUCER, conf, message, ctypes.c_size_t(_MESSAGE_BYTES))
    if not client:
        raise Refused(f"the embedded broker did not start: {message.value.decode(errors='replace')}")
    return int(client)
