"""Where a Messages request gives images and documents by URL.

https://platform.claude.com/docs/en/build-with-claude/vision,
https://platform.claude.com/docs/en/build-with-claude/pdf-support
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, Literal

from argo_relay.dialects.base import Link
from argo_relay.dialects.urls import is_link, objects_in
from argo_relay.framing.jsonx import Path

_KINDS: Final[dict[str, frozenset[Literal["image", "document"]]]] = {
    "image": frozenset({"image"}),
    "document": frozenset({"document"}),
}
_INSTEAD: Final = 'as `"source": {"type": "base64", "media_type": TYPE, "data": DATA}`'


def links(values: Mapping[str, Any]) -> Iterator[Link]:
    """Find what a request gives by URL: in messages, and in the results of tools and the documents there."""
    for path, message in objects_in(values.get("messages"), ("messages",)):
        if type(content := message.get("content")) is not str:
            yield from _within(content, (*path, "content"))


def _within(content: Any, path: Path) -> Iterator[Link]:
    for at, block in objects_in(content, path):
        kind, source = block.get("type"), block.get("source")
        if kind == "tool_result":
            yield from _within(block.get("content"), (*at, "content"))
        elif kind in ("image", "document") and isinstance(source, dict):
            if source.get("type") == "url" and is_link(url := source.get("url")):
                yield _link(url, (*at, "source"), _KINDS[kind])
            elif source.get("type") == "content":
                yield from _within(source.get("content"), (*at, "source", "content"))


def _link(url: str, path: Path, kinds: frozenset[Literal["image", "document"]]) -> Link:
    def inlined(media_type: str, data: str) -> dict[Path, object]:
        return {path: {"type": "base64", "media_type": media_type, "data": data}}

    return Link(path=(*path, "url"), url=url, kinds=kinds, inlined=inlined, instead=_INSTEAD)
