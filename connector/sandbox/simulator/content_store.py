"""Keeps the bytes of recent documents up to a total, so that load runs do not exhaust the memory."""

from collections import OrderedDict

KEPT = 64 * 1024 * 1024  # bytes in all, bodies that are still arriving included


class ContentStore:
    """The newest documents' bytes; older ones make room."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._held = 0
        self._contents: OrderedDict[int, bytes] = OrderedDict()

    def reserve(self, size: int) -> bool:
        """Claim room for bytes that are arriving; false when even without old documents there is none."""
        while self._held + size > self._kept and self._contents:
            _, oldest = self._contents.popitem(last=False)
            self._held -= len(oldest)
        if self._held + size > self._kept:
            return False
        self._held += size
        return True

    def release(self, size: int) -> None:
        """Give claimed room back."""
        self._held -= size

    def put(self, document_id: int, content: bytes) -> None:
        """Keep a document's bytes; their room was claimed before."""
        self._contents[document_id] = content

    def get(self, document_id: int) -> bytes | None:
        """The bytes of a document; None when they had to go."""
        return self._contents.get(document_id)
