"""Files: only regular ones, only below a root, never through a link."""

import asyncio
import os
import socket
from pathlib import Path

import pytest

from connector.contracts.arrivals import FileSource
from connector.documents.dispatch import DocumentSources
from connector.documents.limits import CHUNK, DocumentLimits
from connector.errors import ConnectorError, Rejected, Retryable, SettingsError, Stage


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A root with a file in it, and a secret beside it."""
    root = tmp_path / "root"
    (root / "in").mkdir(parents=True)
    (root / "in" / "a.pdf").write_bytes(b"%PDF-1.7 inside")
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "a.pdf").write_bytes(b"%PDF-1.7 outside")
    return root


def sources(*roots: Path, max_bytes: int = 10_000_000) -> DocumentSources:
    """The source under test."""
    return DocumentSources(DocumentLimits(max_bytes=max_bytes, file_roots=roots))


async def read(files: DocumentSources, path: Path | str) -> bytes:
    """The whole file."""
    async with files.open(FileSource(kind="file", path=str(path))) as document:
        return b"".join([piece async for piece in document.chunks])


async def failure(files: DocumentSources, path: Path | str) -> ConnectorError:
    """The error that reading ends in, within half a minute."""
    with pytest.raises(ConnectorError) as caught:
        await asyncio.wait_for(read(files, path), 30)
    return caught.value


def stage(error: ConnectorError) -> Stage:
    """Where it was rejected."""
    assert isinstance(error, Rejected)
    return error.stage


def descriptors() -> int:
    """How many this process has open."""
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only


async def test_a_file_below_a_root_is_read(root: Path) -> None:
    """Content, name, kind and size."""
    async with sources(root).open(FileSource(kind="file", path=f"{root}/in//./a.pdf")) as document:
        body = b"".join([piece async for piece in document.chunks])

    assert body == b"%PDF-1.7 inside"
    seen = (document.file_name, document.content_type, document.single, document.size)
    assert seen == ("a.pdf", "application/pdf", True, 15)


async def test_a_large_file_comes_in_pieces(root: Path) -> None:
    """No piece is larger than 256 KiB, and nothing is lost between them."""
    content = os.urandom(3 * CHUNK + 7)
    (root / "big.bin").write_bytes(content)

    async with sources(root).open(FileSource(kind="file", path=str(root / "big.bin"))) as document:
        pieces = [piece async for piece in document.chunks]

    assert b"".join(pieces) == content
    assert max(len(piece) for piece in pieces) <= CHUNK


async def test_the_extension_is_the_word_of_a_file(root: Path) -> None:
    """XML has no magic bytes."""
    (root / "a.xml").write_bytes(b"<Invoice/>")

    async with sources(root).open(FileSource(kind="file", path=str(root / "a.xml"))) as document:
        seen = (document.content_type, document.single)

    assert seen == ("text/xml", False)


async def test_a_root_may_be_a_link_itself(root: Path, tmp_path: Path) -> None:
    """The operator named it, so it is trusted."""
    (tmp_path / "alias").symlink_to(root)

    body = await read(sources(tmp_path / "alias"), tmp_path / "alias" / "in" / "a.pdf")

    assert body == b"%PDF-1.7 inside"


async def test_one_of_several_roots_is_enough(root: Path) -> None:
    """Nested ones included."""
    body = await read(sources(root, root / "in"), root / "in" / "a.pdf")

    assert body == b"%PDF-1.7 inside"


@pytest.mark.parametrize(
    "path",
    [
        "{root}/../secret/a.pdf",
        "{root}/in/../../secret/a.pdf",
        "{root}/in/../in/a.pdf",
        "{root}/..",
        "{root}",
        "{root}/",
        "{root}x/a.pdf",
        "{top}/secret/a.pdf",
        "/etc/passwd",
        "/",
        "in/a.pdf",
        "../secret/a.pdf",
        "file://{root}/in/a.pdf",
        "{root}/in/a.pdf\0.txt",
    ],
)
async def test_a_path_that_is_not_below_a_root_is_not_allowed(root: Path, path: str) -> None:
    """Refused by its text, before anything is opened."""
    error = await failure(sources(root), path.format(root=root, top=root.parent))

    assert stage(error) is Stage.VALIDATE


@pytest.mark.parametrize("depth", range(4))
async def test_a_link_at_any_level_is_not_followed(root: Path, depth: int) -> None:
    """A folder or the file itself, exchanged for a link: refused, even where it leads to an allowed file."""
    parts = ["a", "b", "c", "d.pdf"]
    folder = root
    for part in parts[:depth]:
        folder = folder / part
        folder.mkdir()
    target = root.parent / "target"
    target.joinpath(*parts[depth + 1 : -1]).mkdir(parents=True)
    target.joinpath(*parts[depth + 1 : -1], "d.pdf").write_bytes(b"%PDF-1.7")
    (folder / parts[depth]).symlink_to(target if depth < 3 else target / "d.pdf")
    assert root.joinpath(*parts).read_bytes() == b"%PDF-1.7"

    error = await failure(sources(root), root.joinpath(*parts))

    assert stage(error) is Stage.FETCH
    assert "link" in str(error)


async def test_a_dangling_link_is_refused(root: Path) -> None:
    """Not even the absence of its target is told."""
    (root / "a.pdf").symlink_to("/nonexistent")

    error = await failure(sources(root), root / "a.pdf")

    assert "link" in str(error)


async def test_a_fifo_does_not_hang(root: Path) -> None:
    """Refused at once although nobody writes to it."""
    os.mkfifo(root / "pipe")

    error = await failure(sources(root), root / "pipe")

    assert (stage(error), "regular" in str(error)) == (Stage.FETCH, True)


async def test_a_socket_is_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It can't be opened."""
    monkeypatch.chdir(root)  # the path of a socket is short
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")

        error = await failure(sources(root), root / "sock")

    assert (stage(error), "regular" in str(error)) == (Stage.FETCH, True)


async def test_a_folder_is_refused(root: Path) -> None:
    """It is no document."""
    error = await failure(sources(root), root / "in")

    assert (stage(error), "regular" in str(error)) == (Stage.FETCH, True)


async def test_a_device_is_refused() -> None:
    """Even where the operator made /dev a root."""
    error = await failure(sources(Path("/dev")), "/dev/zero")

    assert (stage(error), "regular" in str(error)) == (Stage.FETCH, True)


@pytest.mark.parametrize("path", ["none.pdf", "none/a.pdf", "in/a.pdf/b", "x" * 300])
async def test_a_file_that_is_not_there_is_rejected(root: Path, path: str) -> None:
    """It was announced and is not there: a person has to look."""
    error = await failure(sources(root), f"{root}/{path}")

    assert stage(error) is Stage.FETCH


async def test_a_missing_file_is_named(root: Path) -> None:
    """The sentence says which."""
    error = await failure(sources(root), root / "none.pdf")

    assert str(error) == f"The file {str(root / 'none.pdf')!r}: no such file."


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
async def test_an_unreadable_file_is_rejected(root: Path) -> None:
    """Permission denied is final."""
    (root / "in" / "a.pdf").chmod(0)

    error = await failure(sources(root), root / "in" / "a.pdf")

    assert (stage(error), "permission denied" in str(error)) == (Stage.FETCH, True)


async def test_a_root_that_is_not_mounted_is_waited_for(tmp_path: Path) -> None:
    """Documents on a volume that is away are not lost."""
    error = await failure(sources(tmp_path / "volume"), tmp_path / "volume" / "a.pdf")

    assert isinstance(error, Retryable)


async def test_files_are_off_without_roots(root: Path) -> None:
    """The sentence names the setting."""
    error = await failure(sources(), root / "in" / "a.pdf")

    assert (stage(error), "IMPORTS__FILE_ROOTS" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize("path", ["data", "/data/../etc"])
def test_a_root_is_absolute(path: str) -> None:
    """A relative root would depend on where the process was started."""
    with pytest.raises(SettingsError, match="IMPORTS__FILE_ROOTS"):
        sources(Path(path))


async def test_an_empty_file_is_refused(root: Path) -> None:
    """Nothing to import."""
    (root / "empty.pdf").touch()

    error = await failure(sources(root), root / "empty.pdf")

    assert (stage(error), "empty" in str(error)) == (Stage.VALIDATE, True)


async def test_a_large_file_is_refused_unread(root: Path) -> None:
    """Its size is known before."""
    error = await failure(sources(root, max_bytes=14), root / "in" / "a.pdf")

    assert (stage(error), "IMPORTS__MAX_BYTES" in str(error)) == (Stage.VALIDATE, True)


@pytest.mark.parametrize("size", [CHUNK, 5 * CHUNK + 1])
async def test_a_file_that_changes_while_it_is_read_is_read_again(root: Path, size: int) -> None:
    """Half of the old and half of the new content is no document."""
    path = root / "big.bin"
    path.write_bytes(b"x" * 4 * CHUNK)

    async with sources(root).open(FileSource(kind="file", path=str(path))) as document:
        os.truncate(path, size)
        with pytest.raises(Retryable, match="changed"):
            [piece async for piece in document.chunks]


async def test_no_descriptor_is_left(root: Path) -> None:
    """Whatever happens: success, half a read, an error."""
    os.mkfifo(root / "pipe")
    files = sources(root)
    await read(files, root / "in" / "a.pdf")
    before = descriptors()

    for path in (root / "in" / "a.pdf", root / "pipe", root / "none", root / "in"):
        with pytest.raises((ConnectorError, ZeroDivisionError)):
            async with files.open(FileSource(kind="file", path=str(path))):
                raise ZeroDivisionError

    assert descriptors() == before


async def test_a_cancelled_open_leaves_no_descriptor(root: Path) -> None:
    """The thread that opens goes on after its task was cancelled; its descriptor is closed all the same."""
    files = sources(root)
    await read(files, root / "in" / "a.pdf")
    before = descriptors()

    for turns in range(12):
        task = asyncio.create_task(read(files, root / "in" / "a.pdf"))
        for _ in range(turns):
            await asyncio.wait({task}, timeout=0)
        task.cancel()
        await asyncio.wait({task}, timeout=30)

    async with asyncio.timeout(30):
        while descriptors() > before:
            await asyncio.to_thread(os.sched_yield)
