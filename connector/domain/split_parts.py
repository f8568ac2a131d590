"""The parts of a split, once Rossum shows all of them: they are told once, so a replica that lags must not decide."""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.domain.ids import AnnotationId
from connector.domain.readings import DocumentReading

#: Seconds for which Rossum must show the same parts.
STEADY_FOR = 1.0


@dataclass(slots=True)
class SplitParts:
    """What Rossum has shown of one split so far.

    Attributes:
        shown: The annotations of its parts; None unless every part has one.
        since: When it began to show these (monotonic seconds).
    """

    shown: tuple[AnnotationId, ...] | None = None
    since: float = 0.0

    def told(
        self, documents: Sequence[DocumentReading], *, now: float, patient: bool
    ) -> tuple[AnnotationId, ...] | None:
        """The annotations of all parts now that Rossum shows these documents; None while there may be more of them.

        Without patience they are what Rossum shows.
        """
        shown = tuple(child for part in documents for child in part.annotations)
        is_whole = bool(documents) and all(part.annotations for part in documents)
        if not patient:
            return shown
        if not is_whole or self.shown is None or {*self.shown} != {*shown}:
            self.shown, self.since = (shown if is_whole else None), now
        return shown if is_whole and now - self.since >= STEADY_FOR else None
