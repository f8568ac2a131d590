"""What can go wrong, cut by what the caller does about it.

ConnectorError
├── Fatal                  stop the process with this sentence (exit code 3)
│   ├── SettingsError      a setting is wrong or unknown (exit code 2)
│   └── Refused            start-up check failed: topic, ledger, token
├── Retryable              try again after a pause; never the message's fault
│   ├── Throttled          the other side said "slow down" (`retry_after` seconds); not an attempt
│   ├── BrokenOff          an upload that broke off before its end: certainly not imported; the attempt counts
│   └── KafkaUnavailable   the broker did not answer in time; the outcome may be unknown
│       ├── KafkaForbids   the broker does not give us the right; it heals when somebody does
│       └── CommitRepeated a transaction is committed, but a late request of it may still hit the next one
├── NotOurs                credentials or rights: everything (or one queue) stops visibly and heals by itself
├── Ambiguous              an upload may or may not have happened: look, never repeat blindly
├── Identical              Rossum has a document of that name and content: ours, or the import ends as a duplicate
├── PartitionLost          another member owns this partition now: drop its state, do nothing else
└── Rejected               this message can never succeed: `import.failed` and a dead letter
"""

from enum import StrEnum


class Stage(StrEnum):
    """Where an import failed; the bounded set behind `stage` in events and metrics."""

    FETCH = "fetch"
    VALIDATE = "validate"
    UPLOAD = "upload"
    TASK = "task"
    EXTRACT = "extract"


class ConnectorError(Exception):
    """The root; its docstring is the message when none is given."""

    def __str__(self) -> str:
        """The given message, else the first line of the class docstring."""
        return super().__str__() or (type(self).__doc__ or "").split("\n", 1)[0]


class Fatal(ConnectorError):
    """The process cannot go on."""


class SettingsError(Fatal):
    """A setting is wrong."""


class Refused(Fatal):
    """A check at start failed."""


class Retryable(ConnectorError):
    """It may work later."""


class Throttled(Retryable):
    """The other side asked us to slow down."""

    def __init__(self, message: str = "", *, retry_after: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BrokenOff(Retryable):
    """An upload broke off before its end."""


class KafkaUnavailable(Retryable):
    """Kafka did not answer in time."""


class KafkaForbids(KafkaUnavailable):
    """Kafka does not give us the right to do that."""


class StateFailed(ConnectorError):
    """The local state of a partition can't be used; the ledger has all that was in it."""


class CommitRepeated(KafkaUnavailable):
    """The transaction is committed, but its producer must not be used again."""


class NotOurs(ConnectorError):
    """Our credentials or rights are refused.

    Args:
        message: A sentence for a person; no secret.
        http_status: The answer that said so, if there was one.
    """

    def __init__(self, message: str = "", *, http_status: int | None = None) -> None:
        super().__init__(message)
        self.http_status = http_status


class Ambiguous(ConnectorError):
    """The outcome of an upload is unknown."""


class Identical(ConnectorError):
    """Rossum refuses an upload because the organisation has a document of that name and content.

    Args:
        message: A sentence for a person.
        annotations, documents: Ids of what it is identical to, where Rossum's answer names them.
    """

    def __init__(
        self, message: str = "", *, annotations: tuple[int, ...] = (), documents: tuple[int, ...] = ()
    ) -> None:
        super().__init__(message)
        self.annotations = annotations
        self.documents = documents


class TooLarge(Exception):
    """A record that Kafka would never take: a defect of ours in what is written."""


class PartitionLost(ConnectorError):
    """Another member owns this partition now."""


class Rejected(ConnectorError):
    """This message can never succeed.

    Args:
        message: A sentence for a person; no secret, no captured value, no URL query.
        stage: Where it failed.
        http_status: The answer that decided it, if there was one.
    """

    def __init__(self, message: str, *, stage: Stage, http_status: int | None = None) -> None:
        super().__init__(message)
        self.stage = stage
        self.http_status = http_status
