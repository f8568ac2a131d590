"""Logs go to stderr: JSON lines when nobody sits there, readable otherwise; secrets never."""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

#: Words in a key that make its value secret.
SECRET_WORDS = ("token", "secret", "password", "authorization")
#: Seconds between two lines of one message of aiokafka: it writes a hundred a second while a broker is away.
QUIET = 1.0


def configure(level: str = "INFO", *, as_json: bool | None = None) -> None:
    """Set up logging for the process; `as_json` None decides by whether stderr is a terminal."""
    if as_json is None:
        as_json = not sys.stderr.isatty()
    shared: list[Any] = [
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
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
    renderer: Any = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    kafka = logging.getLogger("aiokafka")
    kafka.setLevel(logging.WARNING)
    handler.addFilter(Quiet("aiokafka"))


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Blank the values of keys that name a secret."""
    for key in event:
        if any(word in key.lower() for word in SECRET_WORDS):
            event[key] = "***"
    return event


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
        if record.created - self._last.get(template, 0.0) < QUIET:
            self._dropped[template] = self._dropped.get(template, 0) + 1
            return False
        self._last[template] = record.created
        if dropped := self._dropped.pop(template, 0):
            record.msg = f"{template} ({dropped} like it left out)"
        return True
