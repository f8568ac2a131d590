"""The garbage collector of a process that has started: it looks less often, and not at what stays anyway."""

import gc

#: Objects that may have come before a collection, and collections of one generation for one of the next. The usual
#: ones (700, 10, 10) take a seventh of a sweep's time; what these let stand is a few thousand objects.
_THRESHOLDS = 5_000, 20, 20


def calm_collector() -> None:
    """Keep what was built so far out of its sight: full collections would make the tail of the webhook's latency."""
    if not gc.isenabled():
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_THRESHOLDS)
