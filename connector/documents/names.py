"""File names as sources give them, made safe to send on."""

import re
import unicodedata
from urllib.parse import unquote, unquote_to_bytes

#: Bytes of UTF-8; the limit of most file systems.
MAX_NAME_BYTES = 255
#: Bytes; a longer "extension" is no extension, so it is not spared when a name is cut.
_MAX_SUFFIX_BYTES = 16
#: Code points; far above what 255 bytes can hold, so that a name of megabytes costs nothing.
_MAX_RAW_LENGTH = 4096

#: Controls, surrogates, line and paragraph separators. Of the format characters only those that reorder text
#: go (below): joiners belong to the spelling of many languages.
_DROPPED_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_DROPPED = frozenset("\"'`\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
_SEPARATORS = str.maketrans({"/": "_", "\\": "_"})

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"  # noqa: S105 - a grammar rule of RFC 9110, no secret
_PARAMETER = re.compile(rf';\s*({_TOKEN})\s*=\s*("(?:[^"\\]|\\.)*"|[^;"\s]+)')
_CHARSETS = frozenset({"utf-8", "iso-8859-1"})


def clean_file_name(name: str) -> str | None:
    r"""The name, safe in a header, a path and a log; None when nothing usable is left.

    Control characters, quotes and text direction marks are dropped, `/` and `\` become `_`, and what is
    longer than 255 bytes of UTF-8 is cut between characters, in front of its extension where it has one.
    """
    kept = (c for c in name[:_MAX_RAW_LENGTH].translate(_SEPARATORS) if not _is_dropped(c))
    cut = _cut("".join(kept).strip()).strip()
    return cut if cut.strip(". ") else None


def name_from_path(path: str) -> str | None:
    """The cleaned last component of a file's path."""
    return clean_file_name(path.rstrip("/").rpartition("/")[2])


def name_from_url_path(path: str) -> str | None:
    """The cleaned last segment of a percent-encoded URL path."""
    return _last_component(unquote(path.rstrip("/").rpartition("/")[2]))


def name_from_disposition(header: str) -> str | None:
    """The cleaned file name of a Content-Disposition header (RFC 6266); `filename*` wins over `filename`."""
    found: dict[str, str] = {}
    for key, value in _PARAMETER.findall(header[:_MAX_RAW_LENGTH]):
        found.setdefault(key.lower(), value)
    extended = _decode_extended(found.get("filename*", ""))
    plain = _unquote_string(found.get("filename", ""))
    return _last_component(extended or "") or _last_component(plain)


def _is_dropped(character: str) -> bool:
    return character in _DROPPED or unicodedata.category(character) in _DROPPED_CATEGORIES


def _cut(name: str) -> str:
    if len(name.encode()) <= MAX_NAME_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    tail = f"{dot}{suffix}".encode()
    if not stem or len(tail) > _MAX_SUFFIX_BYTES:
        stem, tail = name, b""
    head = stem.encode()[: MAX_NAME_BYTES - len(tail)]
    return head.decode(errors="ignore") + tail.decode()


def _last_component(name: str) -> str | None:
    # RFC 6266 section 4.3: a recipient takes nothing but the last path segment.
    return clean_file_name(re.split(r"[/\\]", name)[-1])


def _unquote_string(value: str) -> str:
    if value.startswith('"'):
        return re.sub(r"\\(.)", r"\1", value[1:-1])
    return value


def _decode_extended(value: str) -> str | None:
    """RFC 8187: `charset'language'percent-encoded`; None when it is not readable."""
    charset, _, rest = _unquote_string(value).partition("'")
    _, mark, encoded = rest.partition("'")
    if not mark or charset.lower() not in _CHARSETS:
        return None
    try:
        return unquote_to_bytes(encoded).decode(charset)
    except UnicodeError:
        return None
