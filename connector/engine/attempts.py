"""How an attempt to bring a document to Rossum can end."""

from dataclasses import dataclass
from enum import StrEnum

from connector.domain.rows import ImportRow
from connector.errors import Identical, Rejected


class Cause(StrEnum):
    """Why an attempt has to be repeated."""

    #: Document or source: the attempt counts.
    SOURCE = "source"
    #: The upload broke off before its end, certainly nothing imported: the attempt counts.
    BROKEN = "broken"
    #: Rossum could not be reached; certainly nothing imported.
    UNREACHABLE = "unreachable"
    #: Rossum said "slow down".
    THROTTLED = "throttled"
    #: Our credentials were refused.
    NOT_OURS = "not_ours"
    #: Our rights to a configured queue were refused, or it is not there.
    QUEUE = "queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """Every attempt that has ended.

    Attributes:
        seconds: How long its upload took; None where it ended before one was started.
    """

    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted(_Ended):
    """Rossum has it."""

    row: ImportRow
    task: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Unknown(_Ended):
    """Rossum may have it: look.

    Attributes:
        sha256: Of what was sent, where all of it was read.
    """

    row: ImportRow
    reason: str
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Again(_Ended):
    """Rossum certainly does not have it; try later.

    Attributes:
        pause: Seconds that the other side asked for, None to use the schedule.
    """

    row: ImportRow
    cause: Cause
    reason: str
    pause: float | None = None


@dataclass(frozen=True, slots=True)
class Refused(_Ended):
    """It never will."""

    row: ImportRow
    error: Rejected


@dataclass(frozen=True, slots=True)
class Known(_Ended):
    """Rossum refused it because it has the very document already."""

    row: ImportRow
    error: Identical
    sha256: str | None = None


Attempt = Accepted | Unknown | Again | Refused | Known
