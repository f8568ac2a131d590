"""How an arrival is copied to the inner log `imports`: its bytes untouched, where it came from in headers of ours.

An arrival too large to copy is passed by its coordinates (`rkc-by-reference`); the owner reads the original, whose key
and headers may be what is too large.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from connector.contracts.arrivals import Coordinates
from connector.domain.ids import ImportId

_PREFIX = "rkc-"
_PREFIX_OF_ENTITY = "import/"


@dataclass(frozen=True, slots=True)
class ArrivalCopy:
    """An arrival as the owner of its import gets it.

    Attributes:
        value, key, headers: Of the original record, byte-identical; not to be had from a copy `by_reference`.
        held: Offset of the copy in `imports`.
        follows: For a dead letter that is sent again: the generation that it ended.
    """

    import_id: ImportId
    value: bytes | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    at: Coordinates
    held: int
    by_reference: bool = False
    follows: int | None = None


def copy_headers(
    at: Coordinates,
    key: bytes | None,
    headers: Sequence[tuple[str, bytes]],
    *,
    by_reference: bool = False,
    follows: int | None = None,
) -> list[tuple[str, bytes]]:
    """Headers of the copy: the original ones, then ours."""
    ours = {
        "topic": at.topic.encode(),
        "partition": b"%d" % at.partition,
        "offset": b"%d" % at.offset,
        "timestamp": b"%d" % at.timestamp_ms,
        "cluster": at.cluster.encode(),
    }
    if key is not None:
        ours["key"] = key
    if by_reference:
        ours["by-reference"] = b"1"
    if follows is not None:
        ours["follows"] = b"%d" % follows
    theirs = [(name, value) for name, value in headers if not name.startswith(_PREFIX)]
    return theirs + [(_PREFIX + name, value) for name, value in ours.items()]


def read_copy(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]], held: int) -> ArrivalCopy:
    """Parse a record of `imports`.

    Raises:
        ValueError: Intake did not write it.
    """
    ours = {name.removeprefix(_PREFIX): v for name, v in headers if name.startswith(_PREFIX)}
    entity = (key or b"").decode(errors="replace")
    try:
        at = Coordinates(
            cluster=ours["cluster"].decode(),
            topic=ours["topic"].decode(),
            partition=int(ours["partition"]),
            offset=int(ours["offset"]),
            timestamp_ms=int(ours["timestamp"]),
        )
        follows = int(ours["follows"]) if "follows" in ours else None
        if not entity.startswith(_PREFIX_OF_ENTITY):
            raise ValueError(entity)  # noqa: TRY301 - one sentence for every way of being foreign
    except (KeyError, ValueError) as error:
        msg = f"record {held} of the imports topic was not written by the intake"
        raise ValueError(msg) from error
    theirs = tuple((name, v) for name, v in headers if not name.startswith(_PREFIX))
    return ArrivalCopy(
        ImportId(entity.removeprefix(_PREFIX_OF_ENTITY)),
        value,
        ours.get("key"),
        theirs,
        at,
        held,
        by_reference="by-reference" in ours,
        follows=follows,
    )
