"""The file name that an import has in Rossum."""

import re

from connector.contracts.arrivals import ReceivedArrival

#: Bytes of UTF-8 that a file name may have.
LIMIT = 255
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\"<>|:*?]')


def sent_name(template: str, received: ReceivedArrival, source_name: str | None) -> str:
    """`IMPORTS__FILE_NAME` filled in: `{name}`, `{stem}`, `{suffix}`, `{import_id}`, `{document_key}`.

    The name is the arrival's own, else what the source calls it, else the document key.
    """
    name = _clean(received.arrival.file_name or source_name or received.document_key) or "document"
    stem, dot, suffix = name.rpartition(".")
    filled = template.format(
        name=name,
        stem=stem or name,
        suffix=dot + suffix if stem else "",
        import_id=received.import_id,
        document_key=received.document_key,
    )
    return _clean(filled) or "document"


def _clean(name: str) -> str:
    cleaned = _UNSAFE.sub("_", name).strip().strip(".")
    if len(cleaned.encode()) <= LIMIT:
        return cleaned
    stem, dot, suffix = cleaned.rpartition(".")
    tail = (dot + suffix)[:20] if stem else ""
    return cleaned.encode()[: LIMIT - len(tail.encode())].decode(errors="ignore") + tail
