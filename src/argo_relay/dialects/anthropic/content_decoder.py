"""Content blocks become parts; a block that no part can hold becomes Opaque, and nothing here raises.

https://platform.claude.com/docs/en/api/messages#body-messages
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import msgspec

from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.base import passed_over
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    CacheMark,
    Citation,
    Extras,
    Media,
    Opaque,
    Part,
    Reasoning,
    Seal,
    Text,
    ToolCall,
    ToolResult,
)

STANDS_FOR: Final = "block"
"""In a Text's extras: the block that it stands for. The Text says to other dialects what the block says to this one."""

Block = dict[str, Any]


class Origin(NamedTuple):
    """Where a block comes from: seals that we packed are looked for in what a client sends only."""

    client: bool
    spare_id: str
    """The id of a call that has none."""


def decode_block(block: Block, origin: Origin) -> Part:
    """Return what a content block says."""
    kind = block.get("type")
    decoder = _DECODERS.get(kind) if isinstance(kind, str) else None
    part = decoder(block, origin) if decoder is not None else None
    return Opaque(dialect=DIALECT, payload=block) if part is None else part


def decode_citation(payload: dict[str, Any]) -> Citation:
    """Return one citation; its offsets are those of the source, so that only the payload holds them."""
    url = payload.get("url")
    if url is None and payload.get("type") == "search_result_location":
        url = payload.get("source")
    title = payload.get("title", payload.get("document_title"))
    return Citation(
        url=_str(url), title=_str(title), quote=_str(payload.get("cited_text")), dialect=DIALECT, payload=payload
    )


def decode_cache(value: Any) -> CacheMark | None:
    """Return the mark that a `cache_control` sets."""
    if not isinstance(value, dict) or value.get("type") != "ephemeral":
        return None
    ttl = value.get("ttl")
    return CacheMark(ttl=ttl if ttl in ("5m", "1h") else None)


def encode_cache(cache: CacheMark) -> dict[str, Any]:
    """Return the `cache_control` of a mark."""
    return {"type": "ephemeral"} if cache.ttl is None else {"type": "ephemeral", "ttl": cache.ttl}


def leftovers(value: Block, known: frozenset[str]) -> Extras:
    """Return the members that no neutral field holds, a `cache_control` of an unknown form among them."""
    rest = passed_over(value, known)
    if not rest:
        return {}
    control = value.get("cache_control")
    cache = decode_cache(control)
    if cache is not None and encode_cache(cache) == control:
        rest.pop("cache_control", None)
    return {DIALECT: rest} if rest else {}


def _str(value: Any) -> str | None:
    return value if isinstance(value, str) else None


_TEXT: Final = frozenset({"type", "text", "citations"})


def _text(block: Block, _: Origin) -> Text | None:
    text = block.get("text")
    cited = block.get("citations")
    if not isinstance(text, str) or not (cited is None or isinstance(cited, list)):
        return None
    return Text(
        text=text,
        citations=tuple([decode_citation(one) for one in cited if isinstance(one, dict)]) if cited else (),
        cache=decode_cache(block.get("cache_control")),
        extras=leftovers(block, _TEXT),
    )


_THINKING: Final = frozenset({"type", "thinking", "signature"})
_REDACTED: Final = frozenset({"type", "data"})


def _thinking(block: Block, origin: Origin) -> Reasoning | None:
    text = block.get("thinking")
    signature = block.get("signature")
    if not isinstance(text, str) or not isinstance(signature, str | None):
        return None
    return Reasoning(text=text, seal=_seal(signature, "signature", origin), extras=leftovers(block, _THINKING))


def _redacted(block: Block, origin: Origin) -> Reasoning | None:
    data = block.get("data")
    if not isinstance(data, str):
        return None
    return Reasoning(seal=_seal(data, "redacted", origin), extras=leftovers(block, _REDACTED))


def _seal(value: str | None, kind: Literal["signature", "redacted"], origin: Origin) -> Seal | None:
    if not value:
        return None
    return (seals.unpack(value) if origin.client else None) or Seal(issuer="anthropic", kind=kind, value=value)


_TOOL_USE: Final = frozenset({"type", "id", "name", "input"})


def _tool_use(block: Block, origin: Origin) -> ToolCall | None:
    name = block.get("name")
    identifier = block.get("id")
    if not isinstance(name, str) or not (identifier is None or isinstance(identifier, str)):
        return None
    identifier = identifier or origin.spare_id
    bare, seal = seals.without_seal(identifier) if origin.client else (identifier, None)
    arguments = block.get("input")
    return ToolCall(
        id=bare,
        name=name,
        arguments=jsonx.encode({} if arguments is None else arguments).decode(),
        seal=seal,
        cache=decode_cache(block.get("cache_control")),
        extras=leftovers(block, _TOOL_USE),
    )


_TOOL_RESULT: Final = frozenset({"type", "tool_use_id", "content", "is_error"})


def _tool_result(block: Block, origin: Origin) -> ToolResult | None:
    call = block.get("tool_use_id")
    failed = block.get("is_error")
    content = block.get("content")
    if not isinstance(call, str) or not (failed is None or isinstance(failed, bool)):
        return None
    parts: tuple[Text | Media, ...] = ()
    if isinstance(content, str):
        parts = (Text(text=content),) if content else ()
    elif isinstance(content, list):
        parts = tuple([_result_part(one, origin) for one in content if isinstance(one, dict)])
    elif content is not None:
        return None
    return ToolResult(
        call=seals.without_seal(call)[0] if origin.client else call,
        parts=parts,
        failed=failed,
        cache=decode_cache(block.get("cache_control")),
        extras=leftovers(block, _TOOL_RESULT),
    )


def _result_part(block: Block, origin: Origin) -> Text | Media:
    part = decode_block(block, origin)
    if isinstance(part, Text | Media):
        return part
    # A tool_reference loads a tool whose definition was deferred; whoever does not know that reads its name.
    tool = block.get("tool_name")
    said = f"The tool `{tool}` is available." if isinstance(tool, str) else jsonx.encode(block).decode()
    return Text(text=said, extras={DIALECT: {STANDS_FOR: block}})


def _search_result(block: Block, _: Origin) -> Text | None:
    content = block.get("content")
    if not isinstance(content, list):
        return None
    lines = [line for line in (_str(block.get("title")), _str(block.get("source")), _texts(content)) if line]
    return Text(text="\n".join(lines), extras={DIALECT: {STANDS_FOR: block}})


def _texts(content: list[Any]) -> str:
    return "\n".join(
        one["text"] for one in content if isinstance(one, dict) and isinstance(one.get("text"), str) and one["text"]
    )


_IMAGE: Final = frozenset({"type", "source"})
_DOCUMENT: Final = frozenset({"type", "source", "title"})


def _image(block: Block, _: Origin) -> Media | None:
    return _sourced(block, Media(kind="image", extras=leftovers(block, _IMAGE)))


def _document(block: Block, _: Origin) -> Media | None:
    name = _str(block.get("title"))
    return _sourced(block, Media(kind="document", name=name, extras=leftovers(block, _DOCUMENT)))


# By type of source: where its content stands, and which field of Media takes it.
_SOURCES: Final = {
    "base64": ("data", "data"),
    "text": ("data", "text"),
    "url": ("url", "url"),
    "file": ("file_id", "file"),
}


def _sourced(block: Block, media: Media) -> Media | None:
    source = block.get("source")
    if not isinstance(source, dict):
        return None
    kind = source.get("type")
    if kind == "content" and (blocks := source.get("content")):
        text = _texts(blocks) if isinstance(blocks, list) else str(blocks)
        return _with_source(block, media, {"text": text}, source)
    member, field = _SOURCES.get(kind, ("", "")) if isinstance(kind, str) else ("", "")
    value = source.get(member)
    if not isinstance(value, str):
        return None
    fields = {field: value, "media_type": _str(source.get("media_type"))}
    if field == "file":
        fields["issuer"] = DIALECT
    return _with_source(block, media, fields, passed_over(source, frozenset({"type", "media_type", member})))


def _with_source(block: Block, media: Media, fields: dict[str, Any], rest: Block) -> Media:
    extras = {DIALECT: {**media.extras.get(DIALECT, {}), "source": rest}} if rest else media.extras
    return msgspec.structs.replace(media, **fields, extras=extras, cache=decode_cache(block.get("cache_control")))


_DECODERS: Final[dict[str, Callable[[Block, Origin], Part | None]]] = {
    "text": _text,
    "image": _image,
    "document": _document,
    "search_result": _search_result,
    "thinking": _thinking,
    "redacted_thinking": _redacted,
    "tool_use": _tool_use,
    "tool_result": _tool_result,
}
