"""The headers that the AsyncAPI document promises are those that records have."""

import pytest
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # its stubs are a package of their own

from connector.contracts.arrivals import Coordinates
from connector.contracts.asyncapi import asyncapi_document
from connector.contracts.catalogue import CATALOGUE, TopicRole, records_of
from connector.contracts.dead_letters import Cause, dead_letter
from connector.contracts.envelope import Event, EventMode
from connector.contracts.events import Claim
from connector.contracts.examples import EXAMPLES
from connector.domain.ids import ImportId
from connector.domain.messages import Via

DOCUMENT = asyncapi_document({role: role.value for role in TopicRole})
CLAIM = Claim(url="s3://claims/1", size=1, sha256="0" * 64)


def event(name: str, extra: str | None) -> Event:
    """An event with all attributes, or with none that may be absent."""
    return Event(
        "id",
        name,
        "https://x/queues/1",
        "annotations/1",
        extra or "",
        "key",
        extra,
        Via.READ,
        EXAMPLES[name].model_copy(update={"claim": CLAIM} if extra and name == "annotation.captured" else {}),
        import_id=extra,
        causation=extra,
        traceparent=extra,
        tracestate=extra,
        replay=extra,
    )


@pytest.mark.parametrize("extra", [None, "text"])
@pytest.mark.parametrize("name", CATALOGUE)
def test_headers_of_events(name: str, extra: str | None) -> None:
    """Every record of every event has the headers of its message, and none that is not told."""
    for role, record in records_of(event(name, extra), EventMode.BINARY):
        headers = {header: value.decode() for header, value in record.headers}
        thin = name == "annotation.captured" and role is TopicRole.LIFECYCLE
        message = DOCUMENT["components"]["messages"][f"{name}-thin" if thin else name]
        schema = {**message["headers"], "components": DOCUMENT["components"]}

        errors = [error.message for error in Draft202012Validator(schema).iter_errors(headers)]

        told = DOCUMENT["components"]["schemas"]["eventHeaders"]["properties"].keys()
        assert errors == []
        assert headers.keys() <= told
        claimed = name == "annotation.captured" and not thin
        assert extra is None or headers.keys() == (told if claimed else told - {"ce_dataref"})


def test_headers_of_dead_letters() -> None:
    """A dead letter of an arrival without headers has exactly those that are told, one without its value all."""
    at = Coordinates("kraft-1", "in", 3, 17, 0)
    value = b'{"document_id": "d", "queue": 1}'.ljust(9_999)

    whole, without = (
        dead_letter(
            some, None, [], at, Cause("fetch", "Rejected", "gone", 1, "t", 0), import_id=ImportId("i"), limit=9_999
        )
        for some in (b"", value)
    )

    told = DOCUMENT["components"]["messages"]["dead-letter"]["headers"]
    assert [name for name, _ in whole.headers] == list(told["required"])
    assert [name for name, _ in without.headers] == list(told["properties"])
