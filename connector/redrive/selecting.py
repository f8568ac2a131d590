"""Which dead letters are meant."""

from dataclasses import dataclass

from connector.redrive.letters import DeadLetter


@dataclass(frozen=True, slots=True)
class Selection:
    """What a person asks for; empty parts ask for nothing.

    Attributes:
        names: Import ids, document keys or places (`partition:offset` of the letter).
        stages: Where they failed.
        queues: As the arrivals name them: ids or aliases.
        since_ms, until_ms: When they died, milliseconds since 1970.
        text: In the sentence of the error, in any case.
    """

    names: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    queues: frozenset[str] = frozenset()
    since_ms: int | None = None
    until_ms: int | None = None
    text: str = ""

    @property
    def is_everything(self) -> bool:
        """Whether nothing was asked for in particular."""
        return self == Selection()

    def wants(self, letter: DeadLetter) -> bool:
        """Whether a letter is meant."""
        return (
            (not self.names or bool(self.names & _names_of(letter)))
            and (not self.stages or letter.stage in self.stages)
            and (not self.queues or letter.queue in self.queues)
            and (self.since_ms is None or letter.died_ms >= self.since_ms)
            and (self.until_ms is None or letter.died_ms <= self.until_ms)
            and self.text.lower() in letter.message.lower()
        )


def _names_of(letter: DeadLetter) -> set[str]:
    return {letter.import_id, letter.place, *([letter.document_id] if letter.document_id is not None else [])}


def rank(letter: DeadLetter) -> tuple[int, ...]:
    """Orders the letters of an import by when they were written: only the last one can be sent again.

    Not by how often they had been sent: that begins anew when an import was forgotten and is announced again.
    """
    return (letter.died_ms, letter.redrives, letter.partition, letter.offset)
