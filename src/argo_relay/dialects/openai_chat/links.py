"""Where a Chat Completions request gives images and documents by URL.

https://platform.openai.com/docs/guides/images-vision, and Mistral's `document_url`:
https://docs.mistral.ai/capabilities/document_ai/document_qna
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from argo_relay.dialects.base import Link
from argo_relay.dialects.urls import file_name, is_link, objects_in
from argo_relay.framing.jsonx import REMOVED, Path

_IMAGE: Final = "as a URL of the form `data:image/png;base64,DATA`"
_DOCUMENT: Final = '`{"type": "file", "file": {"filename": NAME, "file_data": "data:application/pdf;base64,DATA"}}`'


def links(values: Mapping[str, Any]) -> Iterator[Link]:
    """Find what a request gives by URL."""
    for path, message in objects_in(values.get("messages"), ("messages",)):
        content = message.get("content")
        if type(content) is str:
            continue
        for at, part in objects_in(content, (*path, "content")):
            kind = part.get("type")
            find = _FINDERS.get(kind) if isinstance(kind, str) else None
            if find is not None:
                yield from find(part, at)


def _image(part: dict[str, Any], at: Path) -> Iterator[Link]:
    image = part.get("image_url")
    path = (*at, "image_url", "url") if isinstance(image, dict) else (*at, "image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if is_link(url):

        def inlined(media_type: str, data: str) -> dict[Path, object]:
            return {path: f"data:{media_type};base64,{data}"}

        yield Link(path=path, url=url, kinds=frozenset({"image"}), inlined=inlined, instead=_IMAGE)


def _file(part: dict[str, Any], at: Path) -> Iterator[Link]:
    file = part.get("file")
    if not isinstance(file, dict) or not is_link(url := file.get("file_data")):
        return
    path = (*at, "file", "file_data")
    name: dict[Path, object] = {} if file.get("filename") else {(*at, "file", "filename"): file_name(url)}

    def inlined(media_type: str, data: str) -> dict[Path, object]:
        return {path: f"data:{media_type};base64,{data}", **name}

    yield Link(path=path, url=url, kinds=frozenset({"document"}), inlined=inlined, instead=f"as {_DOCUMENT}")


def _document(part: dict[str, Any], at: Path) -> Iterator[Link]:
    url = part.get("document_url")
    if not is_link(url):
        return
    given = part.get("document_name")
    name = given if isinstance(given, str) and given else file_name(url)

    def inlined(media_type: str, data: str) -> dict[Path, object]:
        file = {"filename": name, "file_data": f"data:{media_type};base64,{data}"}
        gone: dict[Path, object] = {(*at, member): REMOVED for member in ("document_url", "document_name")}
        return {**gone, (*at, "type"): "file", (*at, "file"): file}

    path = (*at, "document_url")
    yield Link(path=path, url=url, kinds=frozenset({"document"}), inlined=inlined, instead=f"as {_DOCUMENT}")


_FINDERS: Final[dict[str, Callable[[dict[str, Any], Path], Iterator[Link]]]] = {
    "image_url": _image,
    "file": _file,
    "document_url": _document,
}
