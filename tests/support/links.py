"""What a dialect makes of a request whose URLs are data now."""

from __future__ import annotations

import json
from typing import Any

from argo_relay.dialects.base import Link
from argo_relay.dialects.table import DIALECTS
from argo_relay.framing.jsonx import JsonObject, Path

PNG = "data:image/png;base64,QUJD"
PDF = "data:application/pdf;base64,QUJD"


def found(dialect: str, body: dict[str, Any]) -> list[Link]:
    return list(DIALECTS[dialect].links(body))


def inlined(dialect: str, body: dict[str, Any]) -> Any:
    """Return a body with the same three bytes in the place of every URL: a PDF where none but that may be."""
    edits: dict[Path, object] = {}
    for link in found(dialect, body):
        media_type = "image/png" if "image" in link.kinds else "application/pdf"
        edits |= link.inlined(media_type, "QUJD")
    return json.loads(JsonObject(json.dumps(body).encode()).edit(edits))
