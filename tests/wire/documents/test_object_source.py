"""Documents in object stores: the real client against an S3-compatible server and against one that misbehaves."""

import asyncio
import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace

import pytest

from connector.contracts.arrivals import ObjectSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits
from connector.errors import ConnectorError, Rejected, Retryable, SettingsError, Stage
from tests.wire.documents.object_site import BUCKET, Buckets, ScriptedStore, answering, running_s3

PDF = b"%PDF-1.7 one"
LIMITS = DocumentLimits(
    max_bytes=1_000_000,
    allowed_buckets=(f"s3://{BUCKET}", "s3://nowhere"),
    connect_timeout=30,
    read_timeout=30,
    transfer_timeout=30,
)
IMPATIENT = replace(LIMITS, connect_timeout=0.5, read_timeout=0.5, transfer_timeout=1.0)


@pytest.fixture(scope="module")
def s3() -> Iterator[Buckets]:
    """A running S3."""
    with pytest.MonkeyPatch.context() as patch, running_s3(patch) as buckets:
        yield buckets


@pytest.fixture(scope="module")
def sources() -> DocumentSources:
    """The sources under test; object stores need no session."""
    return DocumentSources(LIMITS)


def at(key: str, **more: str | int) -> ObjectSource:
    """An arrival's source."""
    return ObjectSource.model_validate({"kind": "s3", "bucket": BUCKET, "key": key, **more})


async def read(sources: DocumentSources, source: ObjectSource) -> bytes:
    """The whole document."""
    async with sources.open(source) as document:
        return b"".join([piece async for piece in document.chunks])


async def failure(sources: DocumentSources, source: ObjectSource) -> ConnectorError:
    """The error that a fetch ends in, within a minute."""
    with pytest.raises(ConnectorError) as caught:
        await asyncio.wait_for(read(sources, source), 60)
    return caught.value


async def test_an_object_is_read_with_its_name_type_and_digest(s3: Buckets, sources: DocumentSources) -> None:
    """Key, content type and size are the store's; the digest is that of the bytes."""
    s3.put("in/May 2026/büro+1.pdf", PDF, "application/pdf")

    async with sources.open(at("in/May 2026/büro+1.pdf")) as document:
        body = b"".join([piece async for piece in document.chunks])

    assert body == PDF
    assert (document.file_name, document.content_type, document.size) == ("büro+1.pdf", "application/pdf", len(PDF))
    assert document.sha256() == hashlib.sha256(PDF).hexdigest()


async def test_the_version_that_an_arrival_names_is_read(s3: Buckets, sources: DocumentSources) -> None:
    """The older one although there is a newer one; without a version the newest."""
    older = s3.put("versions.pdf", PDF)
    s3.put("versions.pdf", b"%PDF-1.7 two")

    bodies = [await read(sources, at("versions.pdf", version=older)), await read(sources, at("versions.pdf"))]

    assert bodies == [PDF, b"%PDF-1.7 two"]


@pytest.mark.parametrize(
    "source",
    [at("missing.pdf"), at("x.pdf", bucket="nowhere"), at("known.pdf", version="no-such-version")],
    ids=["key", "bucket", "version"],
)
async def test_what_is_not_there_is_rejected(s3: Buckets, sources: DocumentSources, source: ObjectSource) -> None:
    """A missing object, bucket or version will not come: stage fetch."""
    s3.put("known.pdf", PDF)

    error = await failure(sources, source)

    assert isinstance(error, Rejected)
    assert error.stage is Stage.FETCH


@pytest.mark.parametrize(
    ("more", "stage"),
    [({"size": 11}, Stage.FETCH), ({"sha256": "0" * 64}, Stage.FETCH)],
    ids=["size", "sha256"],
)
async def test_an_object_unlike_the_arrival_says_is_rejected(
    s3: Buckets, sources: DocumentSources, more: dict[str, str | int], stage: Stage
) -> None:
    """Another size or another checksum than announced."""
    s3.put("other.pdf", PDF)

    error = await failure(sources, at("other.pdf", **more))

    assert isinstance(error, Rejected)
    assert error.stage is stage


async def test_an_object_that_is_too_large_is_rejected_before_it_is_read(s3: Buckets, sources: DocumentSources) -> None:
    """Its size is known from the head of the answer."""
    s3.put("large.pdf", b"x" * 1_000_001)

    error = await failure(sources, at("large.pdf"))

    assert isinstance(error, Rejected)
    assert "IMPORTS__MAX_BYTES" in str(error)


@pytest.mark.parametrize("key", ["/in/a.pdf", "in/a.pdf/", "in//a.pdf", "in/../a.pdf", "./a.pdf"])
async def test_a_key_that_the_client_would_change_is_refused(s3: Buckets, sources: DocumentSources, key: str) -> None:
    """Slashes at its ends would be dropped, and another object read; relative parts are no names."""
    s3.put("in/a.pdf", PDF)
    s3.put("a.pdf", PDF)

    error = await failure(sources, at(key))

    assert isinstance(error, Rejected)
    assert error.stage is Stage.VALIDATE


async def test_only_buckets_that_the_operator_named_are_read(s3: Buckets, sources: DocumentSources) -> None:
    """The refusal names the setting; the same bucket of another store is another bucket."""
    s3.client.create_bucket(Bucket="secrets")
    s3.client.put_object(Bucket="secrets", Key="a.pdf", Body=PDF)
    elsewhere = ObjectSource(kind="gcs", bucket=BUCKET, key="a.pdf")

    errors = [await failure(sources, at("a.pdf", bucket="secrets")), await failure(sources, elsewhere)]

    assert all(isinstance(error, Rejected) and error.stage is Stage.VALIDATE for error in errors)
    assert [str(error) for error in errors] == [
        "s3://secrets is not in IMPORTS__ALLOWED_BUCKETS.",
        "gcs://invoices is not in IMPORTS__ALLOWED_BUCKETS.",
    ]


async def test_without_buckets_the_source_is_off() -> None:
    """The refusal names the setting that switches it on."""
    error = await failure(DocumentSources(DocumentLimits(max_bytes=1)), at("a.pdf"))

    assert isinstance(error, Rejected)
    assert str(error) == "The s3 source is off; set IMPORTS__ALLOWED_BUCKETS."


async def test_without_the_extra_the_refusal_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """An installation without the client library can't read objects, and says what to install."""
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    error = await failure(DocumentSources(LIMITS), at("a.pdf"))

    assert isinstance(error, Rejected)
    assert error.stage is Stage.VALIDATE
    assert "rossum-kafka-connector[object-stores]" in str(error)


@pytest.mark.parametrize("entry", ["invoices", "s3://", "s3://a/b", "http://a", "s3://user@a"])
def test_an_entry_that_is_no_bucket_is_refused(entry: str) -> None:
    """At start, by the setting's name."""
    with pytest.raises(SettingsError, match=r"IMPORTS__ALLOWED_BUCKETS: .* is not a bucket"):
        DocumentSources(DocumentLimits(max_bytes=1, allowed_buckets=(entry,)))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (400, b"", Rejected),
        (403, b"<Error><Code>AccessDenied</Code></Error>", Rejected),
        (403, b"<Error><Code>ExpiredToken</Code></Error>", Retryable),
        (401, b"", Retryable),
        (429, b"", Retryable),
        (500, b"", Retryable),
        (503, b"<Error><Code>SlowDown</Code></Error>", Retryable),
    ],
)
async def test_refusals_are_told_from_troubles(
    monkeypatch: pytest.MonkeyPatch, status: int, body: bytes, kind: type[ConnectorError]
) -> None:
    """What the document is to blame for is final; throttling, failures and our own credentials heal."""
    async with answering(ScriptedStore(status=status, body=body), monkeypatch) as store:
        error = await failure(DocumentSources(LIMITS), at("a.pdf"))

    assert type(error) is kind
    assert len(store.requests) == 1


@pytest.mark.parametrize(
    "store",
    [
        ScriptedStore(silent=True),
        ScriptedStore(body=b"x" * 1000, drip=0.1),
        ScriptedStore(body=b"x" * 10, length=1000),
    ],
    ids=["silent", "dripping", "cut short"],
)
async def test_a_store_that_does_not_deliver_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, store: ScriptedStore
) -> None:
    """Silence, single bytes without end and a broken connection all end in time."""
    async with answering(store, monkeypatch):
        error = await failure(DocumentSources(IMPATIENT), at("a.pdf"))

    assert type(error) is Retryable


async def test_messages_do_not_repeat_what_the_store_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers may quote requests with their signatures."""
    async with answering(ScriptedStore(status=400, body=b"<Error>AWS4-HMAC secret</Error>"), monkeypatch):
        error = await failure(DocumentSources(LIMITS), at("a.pdf"))

    assert str(error) == "s3://invoices/a.pdf: the store answered 400."
    assert error.__cause__ is None
