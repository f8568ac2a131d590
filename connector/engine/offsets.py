"""The contiguous prefix: which offset of a log may be committed when messages finish in any order."""


class OffsetTracker:
    """Tracks one partition of one log within one ownership.

    A log may have gaps (trimmed records, control records), so the tracker goes by what was delivered, never by
    arithmetic on offsets.

    Attributes:
        messages: How many messages of the delivered records are not finished; a record may hold several.
    """

    def __init__(self, position: int) -> None:
        self._position = position
        self._unfinished: dict[int, float] = {}
        self.messages = 0

    @property
    def position(self) -> int:
        """The offset after the newest delivered message: where reading goes on."""
        return self._position

    @property
    def unfinished(self) -> int:
        """How many delivered records are not finished."""
        return len(self._unfinished)

    @property
    def committable(self) -> int:
        """The offset to commit: everything below it is finished."""
        return next(iter(self._unfinished), self._position)

    @property
    def oldest_since(self) -> float | None:
        """When the oldest unfinished message was delivered (monotonic seconds)."""
        return next(iter(self._unfinished.values()), None)

    def deliver(self, offset: int, *, now: float) -> bool:
        """Take note of a message at `now` (monotonic seconds); False when it was delivered before."""
        if offset < self._position:
            return False
        self._unfinished[offset] = now
        self._position = offset + 1
        return True

    def finish(self, offset: int) -> None:
        """Take note that a message needs nothing any more.

        Raises:
            KeyError: It was not delivered or has finished before.
        """
        del self._unfinished[offset]
