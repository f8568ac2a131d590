"""Parts as Rossum gives them, and what a form makes of them."""

import io
from pathlib import Path

from connector.domain.ids import AnnotationId
from connector.export.forms import Form, Part

API = "https://example.rossum.app/api/v1"


def url(number: int) -> str:
    """An annotation's URL."""
    return f"{API}/annotations/{number}"


def part(folder: Path, content: bytes, *ids: int) -> Part:
    """A part with this content of which these annotations are wanted."""
    path = folder / f"{len(list(folder.iterdir()))}.part"
    path.write_bytes(content)
    return Part(path, tuple(AnnotationId(number) for number in ids))


def joined(form: Form, *parts: Part) -> bytes:
    """The file that a form makes of them."""
    out = io.BytesIO()
    form.write(parts, out)
    return out.getvalue()
