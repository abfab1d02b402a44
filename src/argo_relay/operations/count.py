"""Token counts as the vendors ask for them and tell them.

https://docs.anthropic.com/en/api/messages-count-tokens, https://ai.google.dev/api/tokens
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Dialect, Incoming, Outline
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.jsonx import JsonObject

_FIELDS: Final = {"anthropic": "input_tokens", "google": "totalTokens"}
_ANTHROPIC_MEMBERS: Final = ("model", "messages", "system", "tools", "tool_choice", "thinking")
_NESTED: Final = "generateContentRequest"


def outline_count(dialect: Dialect, incoming: Incoming) -> Outline:
    """Read a request to count; Google's may hold the whole request that is to be counted in one member."""
    if dialect.name != "google":
        return dialect.outline(incoming)
    try:
        nested = JsonObject(incoming.body).values.get(_NESTED)
    except BadJson:
        nested = None
    if not isinstance(nested, dict):
        return dialect.outline(incoming)
    inner = msgspec.structs.replace(incoming, body=jsonx.encode(nested))
    # The body stays as it came, for an upstream of the same dialect.
    return msgspec.structs.replace(dialect.outline(inner), body=JsonObject(incoming.body))


def counted(outline: Outline) -> Outline:
    """Return the outline of the very request that is to be counted."""
    nested = outline.body.values.get(_NESTED)
    if not isinstance(nested, dict):
        return outline
    return msgspec.structs.replace(outline, body=JsonObject(jsonx.encode(nested)))


def count_body(dialect: str, members: dict[str, Any], model: str) -> dict[str, Any]:
    """Return the body that has an upstream count, made from one that would have it answer."""
    if dialect == "google":
        return {_NESTED: {"model": f"models/{model.removeprefix('models/')}"} | members}
    return {name: members[name] for name in _ANTHROPIC_MEMBERS if name in members}


def decode_count(dialect: str, body: bytes) -> int:
    """Return the count that an upstream told; raise BadJson when it told none."""
    value = jsonx.decode(body)
    count = value.get(_FIELDS[dialect]) if isinstance(value, dict) else None
    if not isinstance(count, int) or isinstance(count, bool):
        raise BadJson("it holds no count of tokens")
    return count


def encode_count(dialect: str, count: int) -> bytes:
    """Return a count as a client of a dialect expects it."""
    return jsonx.encode({_FIELDS[dialect]: count})
