"""Every protection that is taken out, by fault."""

from tests.protections import (
    crash_removals,
    disk_removals,
    document_removals,
    kafka_removals,
    memory_removals,
    rossum_removals,
    state_removals,
    stranger_removals,
    sweep_removals,
)

_PARTS = (
    kafka_removals,
    crash_removals,
    rossum_removals,
    sweep_removals,
    state_removals,
    disk_removals,
    document_removals,
    stranger_removals,
    memory_removals,
)

REMOVALS = tuple(sorted((removal for part in _PARTS for removal in part.REMOVALS), key=lambda removal: removal.fault))
