"""Every protection that is taken out, by fault."""

from tests.protections import kafka_removals

REMOVALS = tuple(sorted(kafka_removals.REMOVALS, key=lambda removal: removal.fault))
