"""Which dead letters are meant."""

from dataclasses import dataclass
from typing import Any

import orjson

from connector.contracts.incoming import Form, take
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
            and (not self.queues or _queue_of(letter) in self.queues)
            and (self.since_ms is None or letter.died_ms >= self.since_ms)
            and (self.until_ms is None or letter.died_ms <= self.until_ms)
            and self.text.lower() in letter.message.lower()
        )


def _names_of(letter: DeadLetter) -> set[str]:
    document_id = data_of_letter(letter).get("document_id")
    return {letter.import_id, letter.place, *([document_id] if isinstance(document_id, str) else [])}


def _queue_of(letter: DeadLetter) -> str | None:
    queue = data_of_letter(letter).get("queue")
    return None if queue is None else str(queue)


def data_of_letter(letter: DeadLetter) -> dict[str, Any]:
    """The arrival's data as far as it is a JSON object; empty otherwise."""
    try:
        document = orjson.loads(letter.value or b"null")
    except orjson.JSONDecodeError:
        return {}
    if take(letter.value, letter.headers).form is Form.STRUCTURED and isinstance(document, dict):
        document = document.get("data")
    return document if isinstance(document, dict) else {}


def rank(letter: DeadLetter) -> tuple[int, ...]:
    """Orders the letters of an import by when they were written: only the last one can be sent again.

    Not by how often they had been sent: that begins anew when an import was forgotten and is announced again.
    """
    return (letter.died_ms, letter.redrives, letter.partition, letter.offset)
