"""The lines of `check` about object stores, in front of an S3-compatible server and one that misbehaves."""

import sys

import pytest

from connector.checks import object_stores
from connector.documents.object_checks import look
from connector.domain.check import Check
from connector.errors import ConnectorError
from connector.settings import Settings
from tests.wire.documents.object_site import BUCKET, ScriptedStore, answering, running_s3


async def lines(*buckets: str, claim_store: str | None = None) -> dict[str, Check]:
    """The lines of a deployment with these settings."""
    found: list[Check] = []
    settings = {"imports": {"allowed_buckets": buckets}, "capture": {"claim_store": claim_store}}
    await object_stores(Settings.model_validate(settings), found)
    return {check.name: check for check in found}


async def test_a_bucket_that_answers_is_told_from_one_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has its line; nothing is written."""
    with running_s3(monkeypatch) as s3:
        # The server's memory is one for the process: other tests may have left objects.
        before = s3.client.list_objects_v2(Bucket=BUCKET)["KeyCount"]
        found = await lines(f"s3://{BUCKET}", "s3://nowhere", claim_store="s3://claims/of/rossum")
        after = s3.client.list_objects_v2(Bucket=BUCKET)["KeyCount"]

    assert {name: check.is_fine for name, check in found.items()} == {
        "object store s3://invoices": True,
        "object store s3://nowhere": False,
        "object store s3://claims": False,
    }
    assert "IMPORTS__ALLOWED_BUCKETS" in found["object store s3://nowhere"].sentence
    assert "CAPTURE__CLAIM_STORE" in found["object store s3://claims"].sentence
    assert after == before


async def test_a_bucket_may_forbid_to_be_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing object is a forbidden one then: no fault, but no proof either."""
    body = b"<Error><Code>AccessDenied</Code></Error>"
    async with answering(ScriptedStore(status=403, body=body), monkeypatch):
        (check,) = (await lines(f"s3://{BUCKET}")).values()

    assert check.is_fine
    assert "we may not list it" in check.sentence


@pytest.mark.parametrize(
    ("store", "remedy"),
    [
        (ScriptedStore(status=403, body=b"<Error><Code>InvalidAccessKeyId</Code></Error>"), "credentials"),
        (ScriptedStore(status=503), "503"),
        (ScriptedStore(silent=True), "endpoint"),
    ],
    ids=["credentials", "failing", "silent"],
)
async def test_a_store_that_refuses_or_is_silent_is_told(
    monkeypatch: pytest.MonkeyPatch, store: ScriptedStore, remedy: str
) -> None:
    """The sentence says where to look."""
    async with answering(store, monkeypatch):
        with pytest.raises(ConnectorError, match=remedy):
            await look("s3", BUCKET, "IMPORTS__ALLOWED_BUCKETS", patience=0.5)


async def test_what_the_environment_or_the_installation_lacks_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Azure wants an account; an entry that is none names its setting; without the extra there is no client."""
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    lacking = await lines("azure://papers", "invoices")
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    without = await lines(f"s3://{BUCKET}")

    assert not any(check.is_fine for check in (*lacking.values(), *without.values()))
    assert "account in the environment" in lacking["object store azure://papers"].sentence
    assert "is not a bucket" in lacking["object store invoices"].sentence
    assert "rossum-kafka-connector[object-stores]" in without["object store s3://invoices"].sentence
