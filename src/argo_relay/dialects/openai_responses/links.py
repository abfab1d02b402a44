"""Where a Responses request gives images and documents by URL.

https://platform.openai.com/docs/guides/images-vision, https://platform.openai.com/docs/guides/pdf-files
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from argo_relay.dialects.base import Link
from argo_relay.dialects.urls import file_name, is_link, objects_in
from argo_relay.framing.jsonx import REMOVED, Path

_IMAGE: Final = "as a URL of the form `data:image/png;base64,DATA`"
_FILE: Final = 'as `"filename": NAME, "file_data": "data:application/pdf;base64,DATA"` in place of `file_url`'
_PICTURES: Final = ("input_image", "computer_screenshot")


def links(values: Mapping[str, Any]) -> Iterator[Link]:
    """Find what a request gives by URL: in messages and in what tools gave back."""
    for path, item in objects_in(values.get("input"), ("input",)):
        yield from _link(item, path)
        output = item.get("output")
        if isinstance(output, dict):
            yield from _link(output, (*path, "output"))
        for member in ("content", "output"):
            for at, part in objects_in(item.get(member), (*path, member)):
                yield from _link(part, at)


def _link(part: dict[str, Any], at: Path) -> Iterator[Link]:
    kind = part.get("type")
    if kind in _PICTURES and is_link(url := part.get("image_url")):
        yield _image(url, (*at, "image_url"))
    elif kind == "input_file" and is_link(url := part.get("file_url")):
        yield _file(url, part, at)


def _image(url: str, path: Path) -> Link:
    def inlined(media_type: str, data: str) -> dict[Path, object]:
        return {path: f"data:{media_type};base64,{data}"}

    return Link(path=path, url=url, kinds=frozenset({"image"}), inlined=inlined, instead=_IMAGE)


def _file(url: str, part: dict[str, Any], at: Path) -> Link:
    path = (*at, "file_url")
    name: dict[Path, object] = {} if part.get("filename") else {(*at, "filename"): file_name(url)}

    def inlined(media_type: str, data: str) -> dict[Path, object]:
        return {path: REMOVED, **name, (*at, "file_data"): f"data:{media_type};base64,{data}"}

    return Link(path=path, url=url, kinds=frozenset({"document"}), inlined=inlined, instead=_FILE)
