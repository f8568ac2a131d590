"""Prepares a process for many worlds, and lets a world hear what its replicas say."""

import gc
import logging
import os
import sys
import warnings
from collections.abc import MutableMapping
from typing import Any

import structlog

from connector.logs import redact, show_error
from tests.simulation.virtual_loop import PROCESS
from tests.simulation.world import World

#: A defect of the connector that it survived by starting something afresh.
DEFECT = "unexpected_error"


def prepare() -> None:
    """Once a process: what would only cost time, or speak of the dead, is off."""
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")
    # Tasks of killed replicas are collected while they wait.
    sys.unraisablehook = lambda _said: None
    # Nothing here speaks TLS, and reading the system's certificates is a third of a replica's start.
    os.environ["SSL_CERT_FILE"] = os.environ["SSL_CERT_DIR"] = os.devnull
    # It takes whatever the machine has; those that wait for a clock beside it go first.
    os.nice(19)
    gc.collect()
    gc.freeze()


def listen(world: World, *, everything: bool) -> None:
    """From here on the world hears what its replicas log: everything, or only errors."""

    def hear(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        what = event.pop("event", "")
        line = f"{PROCESS.get()} {what} " + " ".join(f"{name}={value}" for name, value in event.items())
        world.logs.append(line)
        world.say(line)
        if what == DEFECT:
            world.failures.append(line)
        raise structlog.DropEvent

    structlog.configure(
        processors=[structlog.stdlib.add_log_level, show_error, redact, hear],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO if everything else logging.ERROR),
        cache_logger_on_first_use=False,
    )
