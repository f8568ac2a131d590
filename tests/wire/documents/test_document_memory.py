"""Documents are streamed: their size doesn't show in the memory of the process."""

import asyncio
import json
import sys
from pathlib import Path

from tests.wire.documents.document_site import HOST, Answer, running_site

SIZE = 200_000_000

# A process of its own: the peak of this one is that of the whole test run.
PROGRAM = """
import asyncio, ipaddress, json, pathlib, resource, sys
from connector.contracts.arrivals import FileSource, HttpsSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import DocumentLimits

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

async def length(sources, source):
    async with sources.open(source) as document:
        return sum([len(piece) async for piece in document.chunks])

async def main(port, ca_file, path):
    limits = DocumentLimits(
        max_bytes=1_000_000_000,
        allowed_hosts=(f"127.0.0.1:{port}",),
        private_networks=(ipaddress.ip_network("127.0.0.0/8"),),
        ca_file=pathlib.Path(ca_file),
        file_roots=(pathlib.Path(path).parent,),
    )
    async with DocumentSources(limits) as sources:
        await length(sources, HttpsSource(kind="https", url=f"https://127.0.0.1:{port}/small"))
        before = peak()
        fetched = await length(sources, HttpsSource(kind="https", url=f"https://127.0.0.1:{port}/large"))
        read = await length(sources, FileSource(kind="file", path=path))
        print(json.dumps({"fetched": fetched, "read": read, "growth": peak() - before}))

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_large_document_needs_little_memory(tmp_path: Path) -> None:
    """200 MB over https and 200 MB from a file: less than 32 MiB more at the peak."""
    large = tmp_path / "large.bin"
    with large.open("wb") as file:
        file.truncate(SIZE)
    async with running_site(tmp_path, HOST, "127.0.0.1") as site:
        site.answers["/small"] = Answer(b"x" * 100_000)
        site.answers["/large"] = Answer(b"x" * 500_000, repeat=SIZE // 500_000)

        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, str(site.port), str(site.ca_file), str(large)),
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await asyncio.wait_for(process.communicate(), 60)

    result = json.loads(output)
    assert (result["fetched"], result["read"]) == (SIZE, SIZE)
    assert result["growth"] < 32 * 1024 * 1024
