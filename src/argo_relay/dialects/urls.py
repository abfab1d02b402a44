"""What the dialects have in common where a request gives an image or a document by URL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, TypeGuard
from urllib.parse import unquote, urlsplit

from argo_relay.framing.jsonx import Path

_URL: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
# Google's storage: its own models read it, and for the others it is a file that they do not have.
_HELD: Final = frozenset({"gs"})
_PDF: Final = re.compile(r"[^/\\\x00-\x1f\x7f]{1,100}\.pdf", re.IGNORECASE)


def is_link(value: Any) -> TypeGuard[str]:
    """Say whether a value is the URL of something elsewhere; `data:` URLs, ids and what vendors hold are not."""
    found = _URL.match(value) if isinstance(value, str) else None
    return found is not None and found[1].lower() not in _HELD


def objects_in(value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the objects in what may be a list, each with its path."""
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield (*path, index), item


def file_name(url: str) -> str:
    """Return a name for the PDF at a URL: its own, where it has one."""
    try:
        name = unquote(urlsplit(url).path).rpartition("/")[2]
    except ValueError:
        name = ""
    return name if _PDF.fullmatch(name) else "document.pdf"
