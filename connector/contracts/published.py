"""Reads our own events back from a public topic, in either mode, as far as their attributes go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from connector.contracts.envelope import TYPE_PREFIX
from connector.contracts.incoming import take


@dataclass(frozen=True, slots=True)
class Published:
    """The attributes of a published event.

    Attributes:
        name: Of the catalogue.
        subject: `annotations/<id>`, `imports/<import id>` or `sweeps/<clock>`.
        replay: Id of the replay that published it (again).
    """

    id: str
    name: str
    subject: str
    revision: str | None
    replay: str | None

    @property
    def entity(self) -> str:
        """The ledger's name of the subject: `annotation/…`, `import/…`, `sweep/…`."""
        kind, _, number = self.subject.partition("/")
        return f"{kind.removesuffix('s')}/{number}"


def read_published(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Published:
    """The event of a record.

    Raises:
        ValueError: It is not an event of this product.
    """
    attributes = take(value, headers).attributes
    kind = _text(attributes, "type")
    event_id, subject = _text(attributes, "id"), _text(attributes, "subject")
    if kind is None or not kind.startswith(TYPE_PREFIX) or event_id is None or subject is None:
        raise ValueError("not an event of this connector")
    return Published(
        event_id,
        kind.removeprefix(TYPE_PREFIX),
        subject,
        _text(attributes, "revision"),
        _text(attributes, "replay"),
    )


def _text(attributes: Any, name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None
