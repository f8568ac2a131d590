"""Logs go to stderr: JSON lines when nobody sits there, readable otherwise; secrets never."""

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from typing import Any

import structlog

from connector.errors import SettingsError

#: Words in a key that make its value secret.
SECRET_WORDS = ("token", "secret", "password", "authorization", "api_key", "signature")
#: What is secret inside of a text: credentials of a header, and the query or fragment of a URL, which may be its
#: signature or hold a token.
_SECRET_TEXTS = (
    (re.compile(r"(?i)\b(bearer|basic) +[^\s\"',]+"), r"\1 ***"),
    (re.compile(r"(https?://[^\s?#\"'<>]+)([?#])[^\s\"'<>]+"), r"\1\2***"),
    (re.compile(r"(https?://)[^\s/@\"']+@"), r"\1***@"),
)
#: Seconds between two lines of one message of a noisy library.
QUIET = 1.0
#: Messages that are kept apart: a library that puts values into its templates must not fill the memory.
MOST_TEMPLATES = 1_000
#: aiokafka writes a hundred lines a second while a broker is away, the web server one for each broken request.
NOISY = ("aiokafka", "aiohttp.server")
#: Where aiohttp keeps what it raises for requests that are no HTTP; their text shows the piece that it stumbled over.
_BROKEN_REQUEST = "aiohttp.http_exceptions"
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")


def hush() -> None:
    """For commands that tell what is wrong in a sentence: libraries say nothing besides."""
    for name in NOISY:
        # Not by a level: the reason why there is no connection to Kafka is read from its log.
        logger = logging.getLogger(name)
        logger.propagate = False
        logger.addHandler(logging.NullHandler())


def configure(level: str = "INFO", *, as_json: bool | None = None) -> None:
    """Set up logging for the process; `as_json` None decides by whether stderr is a terminal.

    Raises:
        SettingsError: There is no such level.
    """
    if level not in LEVELS:
        raise SettingsError(f"the log level {level!r} is none: use {', '.join(LEVELS)}")
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        show_error,
        redact,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.stdlib.add_logger_name,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if as_json
        else structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    logging.getLogger("aiokafka").setLevel(logging.WARNING)
    handler.addFilter(without_foreign_values)
    for name in NOISY:
        logging.getLogger(name).propagate = True
        handler.addFilter(Quiet(name))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the values of keys that name a secret, however deep."""
    for key, value in event.items():
        event[key] = _redacted(key, value)
    return event


def _redacted(key: object, value: Any) -> Any:
    if any(word in str(key).lower() for word in SECRET_WORDS):
        return "***"
    if isinstance(value, Mapping):
        return {inner: _redacted(inner, item) for inner, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_redacted("", item) for item in value]
    return _without_secrets(value) if isinstance(value, str) else value


def _without_secrets(text: str) -> str:
    # Each of the patterns has one of these; ids and keys, which are most texts, have neither.
    if " " not in text and "://" not in text:
        return text
    for pattern, shown in _SECRET_TEXTS:
        text = pattern.sub(shown, text)
    return text


def show_error(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn `exc_info` into a traceback without any value: no local variables, no message that quotes one."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_told(error))
    return event


def _told(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _told(before)
        yield "which led to"
    yield from "".join(traceback.format_tb(error.__traceback__)).splitlines()
    # A ValueError quotes what it could not read, and that may be a captured value.
    yield type(error).__name__ + ("" if isinstance(error, ValueError) or not str(error) else f": {error}")
    if isinstance(error, BaseExceptionGroup):
        for one in error.exceptions:
            yield from (f"  | {line}" for line in _told(one))


def without_foreign_values(record: logging.LogRecord) -> bool:
    """Tell what libraries tell without the values that they quote.

    Of a broken request the bytes that broke it (a piece of a header may be a token), of a task that nobody waited
    for its result.
    """
    if record.name == "asyncio":
        record.msg, record.args = record.getMessage().partition("\n")[0], None
    kind = record.exc_info[0] if record.exc_info else None
    if kind is not None and kind.__module__ == _BROKEN_REQUEST:
        record.msg = f"{record.msg}: {kind.__name__}"
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
    return True


class Quiet(logging.Filter):
    """Lets one line a second and message template of a logger through, with the number left out since."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self._prefix = prefix
        self._last: dict[str, float] = {}
        self._dropped: dict[str, int] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether the line may pass."""
        if not record.name.startswith(self._prefix):
            return True
        template = str(record.msg)
        if len(self._last) > MOST_TEMPLATES:
            self._last.clear()
        if record.created - self._last.get(template, 0.0) < QUIET:
            self._dropped[template] = self._dropped.get(template, 0) + 1
            return False
        self._last[template] = record.created
        if dropped := self._dropped.pop(template, 0):
            record.msg = f"{template} ({dropped} like it left out)"
        return True
