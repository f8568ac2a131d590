"""Uploads of the real client: what arrives, and what each fault means for the import."""

import asyncio
import socket
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace

import pytest

from connector.clock import SystemClock
from connector.errors import (
    Ambiguous,
    BrokenOff,
    Identical,
    NotOurs,
    PartitionLost,
    Rejected,
    Retryable,
    Stage,
    Throttled,
)
from connector.rossum.client import RossumClient
from connector.rossum.session import RossumConnection
from tests.support.waiting import eventually
from tests.wire.rossum import client_harness as harness
from tests.wire.rossum.client_harness import (
    IMPATIENT,
    PDF,
    QUICK,
    USER,
    connected,
    pieces,
    served,
    sha256,
    upload_request,
)


@pytest.mark.parametrize("size", [len(PDF), None])
async def test_a_document_arrives_whole_with_its_metadata(size: int | None) -> None:
    """With a length or in chunks: bytes, file name, metadata and mark are Rossum's afterwards."""
    async with connected() as side:
        task_url = await side.upload(size=size)
        document = await side.until_imported("účet 7.pdf")

        task = await side.client.task(task_url)
        assert task is not None
        assert task.upload is not None
        upload = await side.client.upload_object(task.upload)

    assert (document["sha256"], document["uploads"]) == (sha256(PDF), 1)
    assert document["metadata"]["po"] == "77"
    assert task.status == "succeeded"
    assert upload is not None
    assert [each["id"] for each in document["annotations"]] == list(upload.annotations)


async def test_memory_is_not_needed_for_the_whole_document() -> None:
    """The source is read only as fast as the connection takes it."""
    produced, seen, too_much = 0, 0, 30_000_000

    async def endless() -> AsyncIterator[bytes]:
        nonlocal produced
        while True:
            produced += 65536
            yield bytes(65536)

    async def stall(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        await asyncio.Event().wait()

    def comes_to_rest() -> bool:
        nonlocal seen
        before, seen = seen, produced
        return 65536 < before == seen or seen >= too_much

    async with served(stall) as client:
        upload = asyncio.create_task(client.upload(upload_request(size=500_000_000), endless(), gate=lambda: True))
        await eventually(comes_to_rest, within=60, every=0.3)
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload

    assert 65536 < produced < too_much


@pytest.mark.parametrize(
    ("action", "imported"),
    [
        ("drop-before", 0), ("status:503", 0), ("status:500", 0), ("garbage", 0), ("drop-after", 1), ("truncate", 1),
        ("delay:5", 1), ("drip:10", 1),
    ],
)  # fmt: skip
async def test_an_outcome_that_is_not_known_is_ambiguous(action: str, imported: int) -> None:
    """Whether the document got in or not looks the same from here, and is never taken for a failure."""
    async with connected(timeouts=IMPATIENT) as side:
        await side.fault("^/uploads", action, method="POST")

        with pytest.raises(Ambiguous):
            await side.upload(PDF[:500])

        assert len(await side.documents()) == imported


async def test_a_content_type_of_an_acceptance_does_not_matter() -> None:
    """A readable task URL is an acceptance however it is labelled."""
    async with connected() as side:
        await side.fault("^/uploads", "content-type:text/html", method="POST")

        assert "/tasks/" in await side.upload()


async def test_no_connection_is_certainly_no_import() -> None:
    """A refused connection can simply be tried again."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        settings = RossumConnection(f"http://127.0.0.1:{unused.getsockname()[1]}/api/v1", token="t")
        async with RossumClient(settings, clock=SystemClock(), on_call=lambda _: None) as client:
            with pytest.raises(Retryable, match="nothing was sent"):
                await client.upload(upload_request(), pieces(PDF), gate=lambda: True)


@pytest.mark.parametrize("size", [len(PDF), None])
async def test_without_the_gate_rossum_has_nothing(size: int | None) -> None:
    """Work that went to somebody else in mid-upload is broken off and not imported."""
    async with connected() as side:
        with pytest.raises(PartitionLost):
            await side.upload(size=size, owned=False)

        assert await side.documents() == []
        assert "/tasks/" in await side.upload()


@pytest.mark.parametrize("size", [len(PDF), None])
@pytest.mark.parametrize("error", [Rejected("too large", stage=Stage.FETCH), Retryable("broke"), KeyError("bug")])
async def test_an_error_of_the_source_comes_through_as_it_is(error: Exception, size: int | None) -> None:
    """Rossum gets no half document, and the caller learns what really happened."""
    async with connected() as side:
        with pytest.raises(type(error)) as caught:
            await side.client.upload(upload_request(size=size), pieces(PDF[:-1], error=error), gate=lambda: True)

        assert caught.value is error
        assert await side.documents() == []


async def test_a_document_shorter_than_announced_is_not_imported() -> None:
    """A lying source is told from a broken connection."""
    async with connected() as side:
        with pytest.raises(Retryable, match="were announced"):
            await side.upload(size=len(PDF) + 1)

        assert await side.documents() == []


@pytest.mark.parametrize(
    ("content", "status"),
    [(b"", 400), (b"neither PDF nor image", 400), (b"%PDF" + bytes(41 * 1024 * 1024), 413)],
)
async def test_a_refused_document_is_rejected_with_rossums_words(content: bytes, status: int) -> None:
    """It will never succeed: stage, status and reason go into the terminal event."""
    async with connected() as side:
        with pytest.raises(Rejected) as caught:
            await side.upload(content)

    assert (caught.value.stage, caught.value.http_status) == (Stage.UPLOAD, status)
    assert f"answered {status} to POST /uploads: " in str(caught.value)


async def test_an_identical_document_is_refused_where_that_is_asked_for() -> None:
    """The strict form of importing once."""
    async with connected(reject_identical=True) as side:
        await side.upload()

        with pytest.raises(Identical, match="answered 409"):
            await side.upload()


async def test_an_unknown_queue_is_not_ours() -> None:
    """The caller decides by the status whose mistake that is."""
    async with connected() as side:
        with pytest.raises(NotOurs) as caught:
            await side.upload(queue=1)

    assert caught.value.http_status == 404


async def test_a_throttled_upload_is_told_and_pauses_everybody() -> None:
    """Its body is spent, so the caller starts again; the pause holds for all calls."""
    async with connected() as side:
        await side.fault("^/uploads", "retry-after:7", method="POST")

        with pytest.raises(Throttled) as caught:
            await side.upload()

        assert caught.value.retry_after == 7
        assert 6 < side.client.budget.paused_for <= 7


async def test_an_expired_token_costs_an_upload_no_attempt() -> None:
    """A new login follows at once, and the caller starts again as if throttled."""
    async with connected(**USER) as side:
        await side.client.organization()
        await side.fault("^/uploads", "status:401", method="POST")

        with pytest.raises(Throttled, match="expired"):
            await side.upload()

        assert "/tasks/" in await side.upload()
        assert await side.count("POST /auth/login") == 2


async def test_a_refusal_before_the_body_is_read_is_understood() -> None:
    """An answer may come while bytes are still on their way."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(harness.response("413 Payload Too Large", b'{"detail": "Too large."}'))
        await writer.drain()
        while await reader.read(65536):
            pass

    async with served(refuse) as client:
        with pytest.raises(Rejected, match=r"413 to POST /uploads: Too large\."):
            await client.upload(upload_request(size=20_000_000), pieces(bytes(20_000_000)), gate=lambda: True)


async def test_an_acceptance_before_the_body_is_complete_is_ambiguous() -> None:
    """Rossum can't have accepted what it does not have; whatever it did must be looked up."""

    async def hasty(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(harness.response("202 Accepted", b'{"url": "https://x/api/v1/tasks/1"}'))
        await writer.drain()
        while await reader.read(65536):
            pass

    async with served(hasty) as client:
        with pytest.raises(Ambiguous):
            await client.upload(upload_request(size=20_000_000), pieces(bytes(20_000_000)), gate=lambda: True)


async def test_an_upload_that_is_reset_in_its_middle_is_not_imported() -> None:
    """Without the closing boundary there was nothing to import: nobody has to look."""

    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(200_000)
        writer.transport.abort()

    async with served(reset) as client:
        with pytest.raises(BrokenOff, match="nothing was imported"):
            await client.upload(upload_request(size=20_000_000), pieces(bytes(20_000_000)), gate=lambda: True)


async def test_a_server_error_before_the_body_is_read_imported_nothing() -> None:
    """Maintenance that answers at once costs no look-up."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await harness.head_of(reader)
        writer.write(harness.response("503 Service Unavailable"))
        await writer.drain()
        while await reader.read(65536):
            pass

    async with served(refuse) as client:
        with pytest.raises(BrokenOff, match="503"):
            await client.upload(upload_request(size=20_000_000), pieces(bytes(20_000_000)), gate=lambda: True)


async def test_a_cancelled_upload_leaves_nothing_behind() -> None:
    """A caller that gives up in mid-body has imported nothing, and can close its source at once."""
    reached = asyncio.Event()

    async def slow() -> AsyncGenerator[bytes, None]:
        yield PDF[:1000]
        reached.set()
        await asyncio.Event().wait()

    async with connected() as side:

        async def uploading() -> None:
            async with aclosing(slow()) as source:
                await side.client.upload(upload_request(), source, gate=lambda: True)

        upload = asyncio.create_task(uploading())
        await reached.wait()

        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload

        assert await side.documents() == []


async def test_the_rate_limit_of_the_simulator_is_never_hit() -> None:
    """At 8 calls/s of our own, 10 calls/s of Rossum's are not exceeded."""
    async with connected(replace(QUICK, rate_limit=10.0), requests_per_second=8.0) as side:
        await asyncio.gather(*(side.upload(PDF[:500], file_name=f"{n}.pdf") for n in range(20)))

        assert {call.status for call in side.calls} == {202}
