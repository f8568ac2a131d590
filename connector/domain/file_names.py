"""The file name that an import has in Rossum."""

import hashlib
import re

from connector.contracts.arrivals import ReceivedArrival

#: Bytes of UTF-8 that a file name may have.
LIMIT = 255
#: What Rossum may replace in a name: all that is neither letter nor digit.
_REPLACED = re.compile(r"[\W_]+")
#: Hexadecimal digits of a sign: names of one upload differ in theirs, and a stranger's is the same once in 4 billion.
SIGN_LENGTH = 8
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


def alike(shown: str, sent: str) -> bool:
    """Whether a name may be what Rossum made of another."""
    return bare_name(shown) == bare_name(sent)


def bare_name(name: str) -> str:
    """What Rossum leaves of a name whatever else it replaces."""
    return _REPLACED.sub("", name).casefold()


def sign_of(file_name: str) -> str:
    """A short sign of a name that stays the same when Rossum replaces what is neither letter nor digit."""
    return hashlib.sha256(bare_name(file_name).encode()).hexdigest()[:SIGN_LENGTH]


def numbered_name(name: str, number: int) -> str | None:
    """The name with a number before its suffix; None where it would be too long."""
    stem, dot, suffix = name.rpartition(".")
    numbered = f"{stem} ({number}){dot}{suffix}" if stem else f"{name} ({number})"
    return numbered if len(numbered.encode()) <= LIMIT else None


def _clean(name: str) -> str:
    cleaned = _UNSAFE.sub("_", name).strip().strip(".")
    if len(cleaned.encode()) <= LIMIT:
        return cleaned
    stem, dot, suffix = cleaned.rpartition(".")
    tail = (dot + suffix)[:20] if stem else ""
    return cleaned.encode()[: LIMIT - len(tail.encode())].decode(errors="ignore") + tail
