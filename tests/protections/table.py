"""Every protection that is taken out, by fault."""

from tests.protections import edge_removals, kafka_removals, rossum_removals

REMOVALS = tuple(
    sorted(
        (*kafka_removals.REMOVALS, *rossum_removals.REMOVALS, *edge_removals.REMOVALS),
        key=lambda removal: removal.fault,
    )
)
