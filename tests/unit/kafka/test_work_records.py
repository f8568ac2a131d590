"""Records of the work log fit into what Kafka takes."""

from connector.contracts.envelope import KafkaRecord
from connector.domain.ids import AnnotationId, ImportId, QueueId
from connector.domain.messages import Linked, encode_work
from connector.kafka.topics import DEFAULT_MESSAGE_BYTES
from connector.kafka.work_log import MESSAGES_A_RECORD

#: The longest that an arrival may have or Kafka gives: characters of four bytes, and such as JSON escapes.
LARGEST = Linked(
    AnnotationId(10**12),
    ImportId("i" * 36),
    "\U0001f4c4" * 255,
    QueueId(10**12),
    AnnotationId(10**12),
    {"causation": "t" * 249 + "/9999/" + "9" * 12, "traceparent": "0" * 55, "tracestate": '"' * 512},
    claim=True,
)


def test_a_full_record_of_the_largest_messages_is_taken() -> None:
    """One that is refused would be sent again and again, and nothing else of its partition."""
    value = encode_work([LARGEST] * MESSAGES_A_RECORD)

    assert KafkaRecord(None, value, ()).size <= DEFAULT_MESSAGE_BYTES
