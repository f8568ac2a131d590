"""Names of things: entities, import ids, event ids, and the partition that owns an entity.

Every id is a UUIDv5 over a compact JSON array of strings, so that any replica, at any time, from any source of
knowledge, arrives at the same one.
"""

import re
from datetime import UTC, datetime
from hashlib import sha1
from itertools import count
from struct import unpack_from
from typing import NewType
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson

AnnotationId = NewType("AnnotationId", int)
QueueId = NewType("QueueId", int)
DocumentId = NewType("DocumentId", int)
ImportId = NewType("ImportId", str)

#: Root of all ids of this product.
NAMESPACE = uuid5(NAMESPACE_URL, "urn:rossum-kafka-connector")
#: Version of the identity function; fixed per deployment in the header rows of the ledger.
IDENTITY_VERSION = "1"

#: A queue that is named by its id or its URL; more than eighteen digits are no 64 bits.
_QUEUE = re.compile(r"(?P<id>[0-9]{1,18})|https?://[^\s?#]+/queues/(?P<in_url>[0-9]{1,18})/?")

_MURMUR_SEED = 0x9747B28C
_MURMUR_M = 0x5BD1E995
_MURMUR_R = 24
_MASK = 0xFFFFFFFF


def _name(*parts: str) -> str:
    return orjson.dumps(parts).decode()


def queue_named(text: str) -> QueueId | None:
    """The queue of an id (`8199`) or an API URL (`https://…/queues/8199`); nothing else names one."""
    found = _QUEUE.fullmatch(text)
    return QueueId(int(found["id"] or found["in_url"])) if found else None


def import_id_from_cloudevent(source: str, event_id: str) -> ImportId:
    """The import id of an arrival that came as a CloudEvent (`source` and `id` identify it)."""
    return ImportId(str(uuid5(NAMESPACE, _name("ce", source, event_id))))


def import_id_from_document(document_id: str) -> ImportId:
    """The import id of a plain JSON arrival that names its document."""
    return ImportId(str(uuid5(NAMESPACE, _name("document", document_id))))


def import_id_from_record(*, cluster: str, topic: str, partition: int, offset: int) -> ImportId:
    """The import id of an arrival that names nothing or can't be read: its place in Kafka."""
    return ImportId(str(uuid5(NAMESPACE, _name("record", cluster, topic, str(partition), str(offset)))))


def arrival_event_id(queue: str, document_key: str, sha256: str) -> str:
    """The CloudEvent id with which this product announces a file: the same file to the same queue has the same."""
    return str(uuid5(NAMESPACE, _name("file", queue, document_key, sha256)))


def event_namespace(organization: int, identity_version: str = IDENTITY_VERSION) -> UUID:
    """The namespace of `ce_id`s of one Rossum organisation."""
    return uuid5(NAMESPACE, _name(str(organization), identity_version))


def event_id(namespace: UUID, entity: str, event_type: str, revision: str) -> str:
    """The `ce_id` of the one event that says that `entity` reached `revision` in the sense of `event_type`."""
    digest = sha1(namespace.bytes + _name(entity, event_type, revision).encode(), usedforsecurity=False)
    # As `uuid.uuid5` does it, without an object that nobody needs.
    raw = bytearray(digest.digest()[:16])
    raw[6], raw[8] = raw[6] & 0x0F | 0x50, raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def gather_id(first: ImportId, generation: int, attempt: int, partitions: int) -> str:
    """The id of the gather that an attempt of an import opens; it is owned by whoever owns that import."""
    home = partition_of(import_entity(first), partitions)
    parts = ("gather", first, str(generation), str(attempt))
    ids = (str(uuid5(NAMESPACE, _name(*parts, str(number)))) for number in count())
    return next(one for one in ids if partition_of(gather_entity(one), partitions) == home)


def gather_entity(gather: str) -> str:
    """The entity (and ledger key) of documents that go up together."""
    return f"gather/{gather}"


def import_entity(import_id: ImportId) -> str:
    """The entity (and ledger key) of an import."""
    return f"import/{import_id}"


def annotation_entity(annotation: AnnotationId) -> str:
    """The entity (and ledger key) of an annotation."""
    return f"annotation/{annotation}"


def sweep_entity(clock: str) -> str:
    """The entity (and ledger key) of a periodic sweep by one clock."""
    return f"sweep/{clock}"


def format_clock(instant: datetime) -> str:
    """An instant as clocks are written everywhere: UTC, six digits of microseconds, `Z`; sorts as text."""
    return instant.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def partition_of(entity: str, partitions: int) -> int:
    """The work partition that owns `entity`: Kafka's default partitioner (murmur2 of the UTF-8 key)."""
    return (_murmur2(entity.encode()) & 0x7FFFFFFF) % partitions


def _murmur2(data: bytes) -> int:
    """MurmurHash2 as in Kafka's Java client (org.apache.kafka.common.utils.Utils.murmur2)."""
    length = len(data)
    h = _MURMUR_SEED ^ length
    whole = length & ~3
    for word in unpack_from(f"<{length >> 2}I", data):
        k = word * _MURMUR_M & _MASK
        k = (k ^ (k >> _MURMUR_R)) * _MURMUR_M & _MASK
        h = (h * _MURMUR_M & _MASK) ^ k
    tail = data[whole:]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _MURMUR_M & _MASK
    h = (h ^ (h >> 13)) * _MURMUR_M & _MASK
    return h ^ (h >> 15)
