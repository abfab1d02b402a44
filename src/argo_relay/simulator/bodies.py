"""The shapes of Argo's answers, key order included: whole replies, stream chunks, usage.

OpenAI's are what its Python SDK dumps (every field, most of them null), with Azure's content filters; Gemini's and
Claude's are put together by Argo itself and hold little else than the text. Whole replies as recorded in May 2026; the
chunks were not recorded and follow the same two habits.
"""

from __future__ import annotations

import secrets
import string
from typing import Any

import msgspec

from argo_relay.simulator.calls import Call
from argo_relay.simulator.models import Model

_ALPHABET = string.ascii_letters + string.digits
_SAFE = {"filtered": False, "severity": "safe"}
_UNDETECTED = {"detected": False, "filtered": False}
_FILTERS = {
    "hate": _SAFE,
    "protected_material_code": _UNDETECTED,
    "protected_material_text": _UNDETECTED,
    "self_harm": _SAFE,
    "sexual": _SAFE,
    "violence": _SAFE,
}


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What every body of one reply repeats."""

    id: str
    created: int
    model: str
    sdk: bool
    """Whether the body is a dump of OpenAI's SDK."""
    fingerprint: str | None = None
    filtered: bool = False


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply cost; None writes null."""

    prompt: int | None
    completion: int | None


def _letters(count: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def call_id(model: Model) -> str:
    """Return a new tool call id in its vendor's style."""
    return f"toolu_vrtx_{_letters(24)}" if model.owner == "anthropic" else f"call_{_letters(24)}"


def stamp(model: Model, created: int) -> Stamp:
    """Return a new reply's stamp, its id in its vendor's style."""
    if model.owner == "openai":
        return Stamp(
            id=f"chatcmpl-{_letters(29)}",
            created=created,
            model=model.served_as,
            sdk=True,
            fingerprint=model.fingerprint,
            filtered=model.filtered,
        )
    name = f"msg_vrtx_{_letters(24)}" if model.owner == "anthropic" else _letters(23)
    return Stamp(id=name, created=created, model=model.served_as, sdk=False)


def blocked_stamp(user: str | None, model: str, created: int) -> Stamp:
    """Return the stamp of a denial: it names the user, and the model as it was asked for."""
    return Stamp(id=f"msg_blocked_{user or ''}_{created}", created=created, model=model, sdk=False)


def usage(stamp: Stamp, tokens: Tokens) -> dict[str, Any]:
    """Return the usage object."""
    known = tokens.prompt is not None and tokens.completion is not None
    total = (tokens.prompt or 0) + (tokens.completion or 0) if known else None
    if not stamp.sdk:
        return {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion, "total_tokens": total}
    zero = 0 if known else None
    return {
        "completion_tokens": tokens.completion,
        "prompt_tokens": tokens.prompt,
        "total_tokens": total,
        "completion_tokens_details": {
            "accepted_prediction_tokens": zero,
            "audio_tokens": zero,
            "reasoning_tokens": zero,
            "rejected_prediction_tokens": zero,
        },
        "prompt_tokens_details": {"audio_tokens": zero, "cached_tokens": zero},
    }


def _message(stamp: Stamp, content: str | None, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
    if not stamp.sdk:
        return {"role": "assistant", "content": content, "tool_calls": calls}
    return {
        "content": content,
        "refusal": None,
        "role": "assistant",
        "audio": None,
        "function_call": None,
        "tool_calls": calls,
        "annotations": [],
    }


def whole(stamp: Stamp, text: str, call: Call | None, finish: str | None, tokens: Tokens) -> dict[str, Any]:
    """Return a whole reply; with a call, `text` is its arguments."""
    made = None
    if call is not None:
        made = [{"id": call.id, "function": {"arguments": text, "name": call.name}, "type": "function"}]
    message = _message(stamp, None if call else text, made)
    if not stamp.sdk:
        return {
            "id": stamp.id,
            "object": "chat.completion",
            "created": stamp.created,
            "model": stamp.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": usage(stamp, tokens),
        }
    choice = {
        "finish_reason": finish,
        "index": 0,
        "logprobs": None,
        "message": message,
        "content_filter_results": _FILTERS if stamp.filtered and not call else {},
    }
    return {
        "id": stamp.id,
        "choices": [choice],
        "created": stamp.created,
        "model": stamp.model,
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": stamp.fingerprint,
        "usage": usage(stamp, tokens),
    }


def _chunk(stamp: Stamp, choices: list[dict[str, Any]], counted: dict[str, Any] | None) -> dict[str, Any]:
    if not stamp.sdk:
        body = {
            "id": stamp.id,
            "object": "chat.completion.chunk",
            "created": stamp.created,
            "model": stamp.model,
            "choices": choices,
        }
        return body | {"usage": counted} if counted else body
    return {
        "id": stamp.id,
        "choices": choices,
        "created": stamp.created,
        "model": stamp.model,
        "object": "chat.completion.chunk",
        "service_tier": "default",
        "system_fingerprint": stamp.fingerprint,
        "usage": counted,
    }


def chunk(stamp: Stamp, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
    """Return a stream's chunk with its one choice."""
    if not stamp.sdk:
        return _chunk(stamp, [{"index": 0, "delta": delta, "finish_reason": finish}], None)
    blank = {"content": None, "function_call": None, "refusal": None, "role": None, "tool_calls": None}
    choice = {
        "delta": blank | delta,
        "finish_reason": finish,
        "index": 0,
        "logprobs": None,
        "content_filter_results": _FILTERS if stamp.filtered and delta.get("content") else {},
    }
    return _chunk(stamp, [choice], None)


def usage_chunk(stamp: Stamp, tokens: Tokens) -> dict[str, Any]:
    """Return the chunk without a choice that ends a stream whose client asked for usage."""
    return _chunk(stamp, [], usage(stamp, tokens))


def opening_delta(call: Call | None) -> dict[str, Any]:
    """Return the first delta: the role, and of a call its id and name."""
    if call is None:
        return {"role": "assistant", "content": ""}
    function = {"name": call.name, "arguments": ""}
    made = {"index": 0, "id": call.id, "function": function, "type": "function"}
    return {"role": "assistant", "content": None, "tool_calls": [made]}


def delta(piece: str, call: Call | None) -> dict[str, Any]:
    """Return the delta that carries one piece of the text, or of a call's arguments."""
    if call is None:
        return {"content": piece}
    return {"tool_calls": [{"index": 0, "function": {"arguments": piece}}]}
