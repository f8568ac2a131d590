"""The unknown and nasty habits of the real thing, as switches that can be thrown while it runs."""

from dataclasses import dataclass, fields
from typing import Any


@dataclass(slots=True)
class Behaviour:
    """Current position of every switch; durations are seconds."""

    list_lag: float = 0.0
    """Lists, search and export show the state of that long ago; a read by id is current."""
    task_delay: float = 0.2
    """How long the task of an upload runs."""
    overwrite_metadata: bool = False
    """At the end of an import another extension replaces the annotation's metadata."""
    null_clocks: bool = False
    """Status clocks are shown as null, although filters still find them."""
    clock_delay: float = 0.0
    """A status clock (with its true value) appears that long after the status."""
    filter_seconds: bool = False
    """Bounds of filters lose their fraction of a second before they are compared."""
    tied_clocks: int = 0
    """That many status changes in a row share one clock value; 0 and 1 = each has its own."""
    bounds_inclusive: bool = False
    """Whether ``_after`` and ``_before`` include the very instant."""
    rename_files: bool = False
    """Spaces, brackets and other unusual characters of file names become underscores."""
    conflict_names: bool = False
    """Whether the refusal of an identical document names the one that is there; what Rossum does is unknown."""
    inherit_metadata: bool = False
    """Parts of a split get the metadata of what was split; what Rossum does is unknown."""
    untyped_exports: bool = False
    """Datapoints of JSON exports tell no type."""
    new_things: bool = False
    """A later Rossum: statuses, fields, types, categories and hook events that nobody knows yet."""

    def update(self, changes: dict[str, Any]) -> None:
        """Throw the named switches and leave the others.

        Raises:
            ValueError: an unknown switch or a value of another kind; nothing was changed.
        """
        known = {field.name: type(getattr(self, field.name)) for field in fields(self)}
        for name, value in changes.items():
            if name not in known:
                raise ValueError(f"no switch called {name!r}; there are {', '.join(sorted(known))}")
            _check(name, value, known[name])
        for name, value in changes.items():
            setattr(self, name, known[name](value))


def _check(name: str, value: Any, kind: type) -> None:
    """Refuse a value that the switch cannot take."""
    if kind is bool:
        if not isinstance(value, bool):
            raise ValueError(f"{name} must be true or false, not {value!r}")
    elif isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError(f"{name} must be a number of 0 or more, not {value!r}")


@dataclass(slots=True)
class HookTrouble:
    """What happens to webhooks on their way; the first three are probabilities, the last is seconds."""

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    delay: float = 0.0

    def update(self, changes: dict[str, Any]) -> None:
        """Set the named troubles and leave the others.

        Raises:
            ValueError: an unknown name, or a value out of range; nothing was changed.
        """
        for name, value in changes.items():
            if name not in {"loss", "duplicate", "reorder", "delay"}:
                raise ValueError(f"no hook trouble called {name!r}; there are loss, duplicate, reorder, delay")
            _check(name, value, float)
            if name != "delay" and value > 1:
                raise ValueError(f"{name} is a probability between 0 and 1, not {value!r}")
        for name, value in changes.items():
            setattr(self, name, float(value))
