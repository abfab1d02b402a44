"""A whole Chat Completions reply, read from a copy."""

from __future__ import annotations

from argo_relay.dialects.base import Digest
from argo_relay.dialects.openai_chat.usage import decode_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx


def read_reply(body: bytes) -> Digest:
    """Return what a reply says; raise BadJson when it is not a JSON object."""
    value = jsonx.decode_loosely(body)
    if not isinstance(value, dict):
        raise BadJson("it is not a JSON object")
    return Digest(usage=decode_usage(value.get("usage")))
