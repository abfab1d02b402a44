"""Where a Gemini request gives images and documents by URL.

https://ai.google.dev/api/caching#FileData. What only Google can open stays: its storage, files uploaded to it, videos.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from argo_relay.dialects.base import Link
from argo_relay.dialects.google.content_decoder import HELD
from argo_relay.dialects.urls import is_link
from argo_relay.framing.jsonx import REMOVED, Path

_INSTEAD: Final = 'as `"inlineData": {"mimeType": TYPE, "data": DATA}` in place of `fileData`'
# Each member in its two spellings; see `outline`.
_FILE: Final = ("fileData", "file_data")
_URI: Final = ("fileUri", "file_uri")
_TYPE: Final = ("mimeType", "mime_type")
_NAME: Final = ("displayName", "display_name")
_RESULT: Final = ("functionResponse", "function_response")
_COUNTED: Final = ("generateContentRequest",)


def links(values: Mapping[str, Any]) -> Iterator[Link]:
    """Find what a request gives by URL: in contents, in the instruction, in what functions gave back."""
    for path, whole in (((), values), *_members(values, _COUNTED, ())):
        for member in ("contents", "systemInstruction", "system_instruction"):
            for at, content in _objects(whole.get(member), (*path, member)):
                yield from _within(content.get("parts"), (*at, "parts"))


def _within(parts: Any, path: Path) -> Iterator[Link]:
    for at, part in _objects(parts, path):
        for where, file in _members(part, _FILE, at):
            yield from _link(file, where)
        for where, result in _members(part, _RESULT, at):
            yield from _within(result.get("parts"), (*where, "parts"))


def _link(file: dict[str, Any], at: Path) -> Iterator[Link]:
    member = next((one for one in _URI if file.get(one) is not None), "")
    url, said = file.get(member), _either(file, _TYPE)
    plain = said is None or (isinstance(said, str) and said.lower().startswith(("image/", "application/pdf")))
    if not is_link(url) or url.startswith(HELD) or not plain:
        return
    name = _either(file, _NAME)
    kept = {"displayName": name} if isinstance(name, str) else {}

    def inlined(media_type: str, data: str) -> dict[Path, object]:
        blob = {"mimeType": media_type, "data": data, **kept}
        return {at: REMOVED, (*at[:-1], "inlineData"): blob}

    yield Link(path=(*at, member), url=url, kinds=frozenset({"image", "document"}), inlined=inlined, instead=_INSTEAD)


def _objects(value: Any, path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the objects in a repeated field, each with its path; one alone stands for a list of one."""
    if isinstance(value, dict):
        yield path, value
    for index, item in enumerate(value if isinstance(value, list) else ()):
        if isinstance(item, dict):
            yield (*path, index), item


def _members(value: Mapping[str, Any], names: tuple[str, ...], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for name in names:
        if isinstance(inner := value.get(name), dict):
            yield (*path, name), inner


def _either(value: dict[str, Any], names: tuple[str, ...]) -> Any:
    return next((value[name] for name in names if value.get(name) is not None), None)
