"""Why there is no connection to Kafka: aiokafka raises only that there is none, and tells the reason in its log."""

import logging
import ssl
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from aiokafka.errors import (
    IllegalSaslStateError,
    KafkaConnectionError,
    SaslAuthenticationFailed,
    UnsupportedSaslMechanismError,
)

_OTHER_LISTENER = "the listener may want another KAFKA__SECURITY_PROTOCOL, or a certificate (KAFKA__SSL_*)"
#: What to do about a kind of error, the most special kind first; about an address that is wrong the caller speaks.
_REMEDIES: tuple[tuple[type[Exception], str], ...] = (
    (SaslAuthenticationFailed, "check KAFKA__SASL_USERNAME and KAFKA__SASL_PASSWORD"),
    (UnsupportedSaslMechanismError, "the listener wants another KAFKA__SASL_MECHANISM"),
    (IllegalSaslStateError, "the listener wants no login: check KAFKA__SECURITY_PROTOCOL"),
    (ssl.SSLCertVerificationError, "check KAFKA__SSL_CAFILE, and that the certificate names the broker's host"),
    (ssl.SSLError, _OTHER_LISTENER),
    (ConnectionResetError, _OTHER_LISTENER),
    (ConnectionAbortedError, _OTHER_LISTENER),
    (KafkaConnectionError, _OTHER_LISTENER),
)
#: Kinds that are kept of one call: one for each broker that was tried, and a client's own tasks hear on for its life.
_MOST = 16

#: Kinds and no errors: those would hold connections.
Heard = Sequence[type[Exception]]
_heard: ContextVar[deque[type[Exception]] | None] = ContextVar("heard", default=None)


class _Listener(logging.Filter):
    """Lets everything pass, and takes note of the errors of whoever listens."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Note the last argument where it is an error: `Unable connect to "%s:%s": %s`."""
        heard, arguments = _heard.get(), record.args
        if heard is not None and isinstance(arguments, tuple) and arguments and isinstance(arguments[-1], Exception):
            heard.append(type(arguments[-1]))
        return True


logging.getLogger("aiokafka").addFilter(_Listener())


@contextmanager
def listening() -> Iterator[Heard]:
    """The kinds of errors that aiokafka tells in its log inside the block, and in tasks that are begun there."""
    heard: deque[type[Exception]] = deque(maxlen=_MOST)
    token = _heard.set(heard)
    try:
        yield heard
    finally:
        _heard.reset(token)


def cause_of(error: Exception, heard: Heard) -> str:
    """The kind of an error for a sentence; of a failed connection its reason and the remedy, where they are known."""
    if not isinstance(error, KafkaConnectionError) or not heard:
        return type(error).__name__
    told = [(kind, remedy) for kind in heard if (remedy := _remedy(kind))]
    # Of several brokers one may be away while another refuses us.
    return f"{told[-1][0].__name__}; {told[-1][1]}" if told else heard[-1].__name__


def _remedy(kind: type[Exception]) -> str | None:
    return next((remedy for known, remedy in _REMEDIES if issubclass(kind, known)), None)
