"""The shapes of Argo's answers on `/v1/messages`: what Anthropic's SDK dumps, keys in their order, nulls left out.

Whole replies as recorded in May 2026; events were not recorded and follow the same habit.
"""

from __future__ import annotations

import json
from typing import Any

from argo_relay.simulator.answer import Finish, Part, Tokens
from argo_relay.simulator.seals import signature

STOP_REASONS: dict[Finish, str] = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def usage(tokens: Tokens) -> dict[str, Any]:
    """Return the usage object."""
    zero = None if tokens.total is None else 0
    return {
        "cache_creation": {"ephemeral_1h_input_tokens": zero, "ephemeral_5m_input_tokens": zero},
        "cache_creation_input_tokens": zero,
        "cache_read_input_tokens": zero,
        "input_tokens": tokens.prompt,
        "output_tokens": tokens.completion,
    }


def message(name: str, model: str, content: list[dict[str, Any]], reason: str | None, spent: Any) -> dict[str, Any]:
    """Return a message; one that has no reason to stop does not mention it."""
    stopped = {} if reason is None else {"stop_reason": reason}
    head = {"id": name, "content": content, "model": model, "role": "assistant"}
    return head | stopped | {"type": "message", "usage": spent}


def block(part: Part) -> dict[str, Any]:
    """Return a whole block."""
    if part.call is not None:
        return {"id": part.call.id, "input": json.loads(part.text), "name": part.call.name, "type": "tool_use"}
    if part.kind == "thinking":
        return {"signature": signature(part.text), "thinking": part.text, "type": "thinking"}
    return {"text": part.text, "type": "text"}


def opened(part: Part) -> dict[str, Any]:
    """Return a block that has only begun."""
    if part.call is not None:
        return {"id": part.call.id, "input": {}, "name": part.call.name, "type": "tool_use"}
    if part.kind == "thinking":
        return {"signature": "", "thinking": "", "type": "thinking"}
    return {"text": "", "type": "text"}


def delta(part: Part, piece: str) -> dict[str, Any]:
    """Return what carries one piece of a block."""
    if part.call is not None:
        return {"partial_json": piece, "type": "input_json_delta"}
    if part.kind == "thinking":
        return {"thinking": piece, "type": "thinking_delta"}
    return {"text": piece, "type": "text_delta"}


def message_delta(reason: str, tokens: Tokens) -> dict[str, Any]:
    """Return the event that says why it ended, and what that cost."""
    counted = {name: value for name, value in usage(tokens).items() if name != "cache_creation"}
    return {"delta": {"stop_reason": reason}, "type": "message_delta", "usage": counted}
