"""Objects are streamed: their size doesn't show in the memory of the process."""

import asyncio
import json
import os
import sys

import pytest

from tests.wire.documents.object_site import BUCKET, ScriptedStore, answering

SIZE = 40_000_000

# A process of its own: the peak of this one is that of the whole test run.
PROGRAM = """
import asyncio, json, os, resource
from connector.contracts.arrivals import ObjectSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import CHUNK, DocumentLimits
from connector.errors import Rejected

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def sources(max_bytes):
    return DocumentSources(DocumentLimits(max_bytes=max_bytes, allowed_buckets=("s3://invoices",)))

async def main():
    source = ObjectSource(kind="s3", bucket="invoices", key="large.bin")
    try:
        # Refused by its length: everything is loaded and connected then, and nothing of the object read.
        await sources(1).open(source).__aenter__()
    except Rejected:
        before = peak()
    async with sources(1_000_000_000).open(source) as document:
        sizes = [len(piece) async for piece in document.chunks]
    print(json.dumps({"largest": max(sizes) <= CHUNK, "read": sum(sizes), "growth": peak() - before}), flush=True)
    # The stream that was refused is never read: its client's threads may abort an interpreter that tidies up.
    os._exit(0)

asyncio.run(main())
"""


async def test_a_large_object_needs_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """40 MB from a store: less than 16 MiB more at the peak than before its first piece."""
    assert BUCKET == "invoices"
    async with answering(ScriptedStore(body=b"x" * SIZE), monkeypatch):
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM), stdout=asyncio.subprocess.PIPE, env={**os.environ}
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)

    result = json.loads(output)
    assert process.returncode == 0
    assert result["read"] == SIZE
    assert result["largest"]
    assert result["growth"] < 16 * 1024 * 1024
