"""Embedded mode against a Rossum that answers nonsense; what is right is in `web/test_ops_embedded.py`."""

import asyncio

import pytest

from connector.domain.embedded import EmbeddedOrder
from connector.domain.ids import AnnotationId, QueueId
from connector.errors import Retryable
from tests.wire.rossum.client_harness import head_of, response, served


@pytest.mark.parametrize(
    "body", [b"{}", b"[]", b'{"url": 7}', b'{"url": "javascript:alert(1)", "status": "to_review"}']
)
async def test_what_is_no_url_is_not_passed_on(body: bytes) -> None:
    """A browser would go there."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(response("200 OK", body))

    async with served(answer) as client:
        with pytest.raises(Retryable, match="makes no sense"):
            await client.embedding.url(EmbeddedOrder(AnnotationId(1)))


async def test_an_annotation_that_cannot_be_read_spoils_the_list() -> None:
    """Nobody would miss it otherwise."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(response("200 OK", b'{"pagination": {"next": null}, "results": [{"id": 1}]}'))

    async with served(answer) as client:
        with pytest.raises(Retryable, match="makes no sense"):
            await client.embedding.ready(QueueId(8198))
