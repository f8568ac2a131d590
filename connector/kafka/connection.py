"""How to reach Kafka, and the one rule for every call: it ends by a deadline.

aiokafka's own calls hang without limit when the broker is away (its request timeout does not bound commits, sends
or `stop`), so nothing here awaits one bare.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    KafkaError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)
from aiokafka.structs import TopicPartition

from connector.errors import KafkaForbids, KafkaUnavailable, SettingsError
from connector.kafka.causes import Heard, cause_of, listening
from connector.settings_kafka import KafkaSettings

#: Seconds for starting a client, committing, fetching offsets: longer means the broker is not there.
CALL_DEADLINE = 15.0
#: Seconds that aiokafka waits for one answer before it asks again by itself.
REQUEST_TIMEOUT = 10.0
#: Seconds for letting go of a client; what it still holds is of no use then.
STOP_DEADLINE = 3.0
#: Seconds without a heartbeat after which the group gives a member's partitions to others.
SESSION_TIMEOUT = 15.0
HEARTBEAT = 3.0
#: Seconds since the last poll for which we certainly still count as a member: the last heartbeat before it may be one
#: interval old, and its answer slow.
LEASE = SESSION_TIMEOUT - HEARTBEAT - 2.0
REBALANCE_TIMEOUT_MS = 60_000
#: A frozen owner's open transaction holds back every `read_committed` reader for this long at most.
TRANSACTION_TIMEOUT_MS = 20_000
MAX_BATCH_BYTES = 64 * 1024
#: What uvloop says about a write to a connection that has just been closed, where other loops raise an OSError;
#: aiokafka lets it pass.
_CLOSED_UNDER_IT = "the handler is closed"
#: What aiokafka raises where an ACL is missing.
_FORBIDDEN = (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

Result = TypeVar("Result")


async def bounded(seconds: float, call: Coroutine[Any, Any, Result]) -> Result:
    """The result of a call of aiokafka's, in time.

    The call runs as a task of its own: some of them swallow a cancellation and go on waiting, so one that is late is
    cancelled and abandoned, never awaited.

    Raises:
        TimeoutError: It took longer, or aiokafka gave it up itself.
        ConnectionResetError: The connection was closed under it.
    """
    task = asyncio.create_task(call)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
    except asyncio.CancelledError:
        abandon(task)
        raise
    if not done:
        abandon(task)
        raise TimeoutError
    return _result_of(task)


def _result_of(task: asyncio.Task[Result]) -> Result:
    if task.cancelled():
        # aiokafka cancels futures of its own when a connection dies; that must not look like a wish to stop us.
        raise TimeoutError
    try:
        return task.result()
    except RuntimeError as error:
        if _CLOSED_UNDER_IT not in str(error):
            raise
        raise ConnectionResetError("the connection to Kafka was closed in mid-call") from error


def abandon(task: asyncio.Task[Any]) -> None:
    """Have no interest in a call any more, however it ends."""
    task.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
    task.cancel()


async def within(seconds: float, call: Coroutine[Any, Any, Result], doing: str, *, needs: str = "") -> Result:
    """The result of a Kafka call, in time; `needs` is which rights it takes, told only where one is missing.

    Raises:
        KafkaForbids: An ACL is missing.
        KafkaUnavailable: It took longer, or failed in a way that says nothing but "not now".
    """
    with listening() as heard:
        try:
            return await bounded(seconds, call)
        except TimeoutError as error:
            msg = f"Kafka did not answer within {seconds:g} s while {doing}"
            raise KafkaUnavailable(msg) from error
        except (KafkaError, OSError) as error:
            raise _failed(doing, error, needs, heard) from error


def answer_of(task: asyncio.Task[Result], doing: str) -> Result:
    """The result of a Kafka call that has ended.

    Raises:
        KafkaForbids: An ACL is missing.
        KafkaUnavailable: It failed in a way that says nothing but "not now".
    """
    try:
        return _result_of(task)
    except (KafkaError, OSError) as error:  # a TimeoutError is an OSError
        raise _failed(doing, error) from error


def standing_still(doing: str, place: TopicPartition, offset: int) -> KafkaUnavailable:
    """Nothing committed comes after that offset, although records do."""
    return KafkaUnavailable(
        f"{doing} {place.topic}[{place.partition}] stands still at offset {offset}; if Kafka answers otherwise, "
        "a transaction hangs there: see kafka-transactions.sh find-hanging"
    )


def _failed(doing: str, error: Exception, needs: str = "", heard: Heard = ()) -> KafkaUnavailable:
    if isinstance(error, _FORBIDDEN):
        doing = f"{doing} ({needs})" if needs else doing
        return KafkaForbids(f"Kafka does not allow {doing}: {type(error).__name__}")
    return KafkaUnavailable(f"Kafka failed while {doing}: {cause_of(error, heard)}")


class KafkaConnection:
    """Makes clients with everything set explicitly; nothing rests on a default of the library.

    Raises:
        SettingsError: A file for TLS can't be used.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self.connecting = f"connecting to {settings.bootstrap_servers} (KAFKA__BOOTSTRAP_SERVERS)"
        self._common: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap_servers,
            "client_id": settings.group_id,
            "security_protocol": settings.security_protocol,
            "request_timeout_ms": int(REQUEST_TIMEOUT * 1000),
            "metadata_max_age_ms": 60_000,
        }
        if settings.security_protocol.startswith("SASL"):
            self._common |= _sasl(settings)
        if settings.security_protocol.endswith("SSL"):
            self._common["ssl_context"] = _ssl_context(settings)

    def producer(self, **more: Any) -> AIOKafkaProducer:
        """An idempotent producer, acks=all; with `transactional_id` a transactional one."""
        options: dict[str, Any] = {
            "acks": "all",
            "enable_idempotence": True,
            "max_batch_size": MAX_BATCH_BYTES,
            "linger_ms": 0,
            "retry_backoff_ms": 20,
        }
        return AIOKafkaProducer(**{**self._common, **options, **more})

    def consumer(self, **more: Any) -> AIOKafkaConsumer:
        """A consumer that commits nothing by itself and reads only what is committed."""
        options: dict[str, Any] = {
            "enable_auto_commit": False,
            "isolation_level": "read_committed",
            "auto_offset_reset": "earliest",
            "fetch_max_wait_ms": 500,
            "fetch_min_bytes": 1,
            "max_partition_fetch_bytes": 1024 * 1024,
            "session_timeout_ms": int(SESSION_TIMEOUT * 1000),
            "heartbeat_interval_ms": int(HEARTBEAT * 1000),
            "rebalance_timeout_ms": REBALANCE_TIMEOUT_MS,
            "max_poll_interval_ms": 300_000,
            "partition_assignment_strategy": (RangePartitionAssignor,),
            "retry_backoff_ms": 100,
        }
        return AIOKafkaConsumer(**{**self._common, **options, **more})

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """An admin client, started.

        Raises:
            KafkaUnavailable: No broker answers.
        """
        client = AIOKafkaAdminClient(**self._common)
        await within(CALL_DEADLINE, client.start(), self.connecting)
        try:
            yield client
        finally:
            await let_go(client.close())


async def let_go(stopping: Coroutine[Any, Any, None]) -> None:
    """Stop a client; what hangs or fails is abandoned, because nothing rests on a clean end."""
    try:
        await bounded(STOP_DEADLINE, stopping)
    except (TimeoutError, KafkaError, AssertionError, OSError):
        return


def _sasl(settings: KafkaSettings) -> dict[str, Any]:
    password = settings.sasl_password
    return {
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": password.get_secret_value() if password else None,
    }


def _ssl_context(settings: KafkaSettings) -> ssl.SSLContext:
    """The TLS side of every client.

    Raises:
        SettingsError: A file of the settings can't be used.
    """
    with _naming("CONNECTOR_KAFKA__SSL_CAFILE", settings.ssl_cafile):
        context = ssl.create_default_context(cafile=settings.ssl_cafile)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if settings.ssl_certfile:
        with _naming("CONNECTOR_KAFKA__SSL_CERTFILE", settings.ssl_certfile):
            settings.ssl_certfile.read_bytes()
        if settings.ssl_keyfile:
            with _naming("CONNECTOR_KAFKA__SSL_KEYFILE", settings.ssl_keyfile):
                settings.ssl_keyfile.read_bytes()
        password = settings.ssl_password.get_secret_value() if settings.ssl_password else ""
        keys = "CONNECTOR_KAFKA__SSL_CERTFILE, …__SSL_KEYFILE and …__SSL_PASSWORD"
        with _naming(keys, settings.ssl_certfile):
            # A function, and never None: OpenSSL would ask the terminal for the password of an encrypted key.
            context.load_cert_chain(settings.ssl_certfile, settings.ssl_keyfile, lambda: password)
    return context


@contextmanager
def _naming(key: str, path: Path | None) -> Iterator[None]:
    """What a file can't be used for is said of its setting; of what is in it only OpenSSL's word."""
    try:
        yield
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None) or error
        where = path or "the system's CAs"
        msg = f"{key}: {where} can't be used for TLS: {reason}; it must be a PEM file that this user can read"
        raise SettingsError(msg) from error
