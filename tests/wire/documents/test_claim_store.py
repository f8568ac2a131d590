"""The claim store: the real client against an S3-compatible server and against one that misbehaves."""

import sys
from collections.abc import Iterator

import pytest

from connector.documents.claim_store import ObjectClaims
from connector.errors import Retryable, SettingsError
from tests.wire.documents.object_site import BUCKET, Buckets, ScriptedStore, answering, running_s3

BODY = b'{"document_key":"k"}'


@pytest.fixture(scope="module")
def s3() -> Iterator[Buckets]:
    """A running S3."""
    with pytest.MonkeyPatch.context() as patch, running_s3(patch) as buckets:
        yield buckets


@pytest.mark.parametrize("prefix", ["", "/", "/claims", "/claims/of/rossum/"])
async def test_a_body_is_kept_below_the_prefix_where_its_url_says(s3: Buckets, prefix: str) -> None:
    """The URL is the setting and the name; to keep a body again changes nothing."""
    claims = ObjectClaims(f"s3://{BUCKET}{prefix}")

    urls = {await claims.keep("id/digest.json", BODY) for _ in range(2)}

    assert urls == {f"s3://{BUCKET}{prefix.rstrip('/')}/id/digest.json"}
    stored = s3.client.get_object(Bucket=BUCKET, Key=f"{prefix.strip('/')}/id/digest.json".strip("/"))
    assert stored["Body"].read() == BODY
    assert stored["ContentType"] == "application/json"


@pytest.mark.parametrize(
    "store",
    [ScriptedStore(status=403), ScriptedStore(status=404), ScriptedStore(status=503), ScriptedStore(silent=True)],
    ids=["forbidden", "no bucket", "failing", "silent"],
)
async def test_a_store_that_does_not_take_a_body_is_tried_again(
    monkeypatch: pytest.MonkeyPatch, store: ScriptedStore
) -> None:
    """Whatever is wrong can be repaired; the event has to wait for it, and the sentence names the setting."""
    async with answering(store, monkeypatch):
        with pytest.raises(Retryable, match=r"^CAPTURE__CLAIM_STORE: s3://invoices/claims does not take an event"):
            await ObjectClaims(f"s3://{BUCKET}/claims", read_timeout=0.3).keep("id/digest.json", BODY)

    assert len(store.requests) == 1


def test_without_the_extra_the_service_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sentence says what to install."""
    monkeypatch.setitem(sys.modules, "obstore.store", None)

    with pytest.raises(SettingsError, match=r"rossum-kafka-connector\[object-stores\]"):
        ObjectClaims(f"s3://{BUCKET}")


def test_a_store_that_the_environment_does_not_know_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure needs an account beside the container."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)

    with pytest.raises(SettingsError, match="the environment does not tell how to reach azure://claims"):
        ObjectClaims("azure://claims/of")
