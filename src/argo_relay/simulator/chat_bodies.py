"""The shapes of Argo's chat answers, key order included: whole replies, stream chunks, usage.

OpenAI's are what its Python SDK dumps (every field, most of them null), with Azure's content filters; Gemini's and
Claude's are put together by Argo itself and hold little else than the text. Whole replies as recorded in May 2026; the
chunks were not recorded and follow the same two habits.
"""

from __future__ import annotations

from typing import Any

import msgspec

from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.ids import blocked_id, chat_id
from argo_relay.simulator.models import Model
from argo_relay.simulator.seals import sealed

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
    sealed_calls: bool = False
    """Whether calls bear the signature of Gemini's thoughts."""


def stamp(model: Model, created: int) -> Stamp:
    """Return a new reply's stamp, its id in its vendor's style."""
    return Stamp(
        id=chat_id(model),
        created=created,
        model=model.served_as,
        sdk=model.owner == "openai",
        fingerprint=model.fingerprint,
        filtered=model.filtered and model.owner == "openai",
        sealed_calls=model.owner == "google",
    )


def blocked_stamp(user: str | None, model: str, created: int) -> Stamp:
    """Return the stamp of a denial: it names the user, and the model as it was asked for."""
    return Stamp(id=blocked_id(user, created), created=created, model=model, sdk=False)


def usage(stamp: Stamp, tokens: Tokens) -> dict[str, Any]:
    """Return the usage object."""
    total = tokens.total
    if not stamp.sdk:
        return {"prompt_tokens": tokens.prompt, "completion_tokens": tokens.completion, "total_tokens": total}
    zero = None if total is None else 0
    return {
        "completion_tokens": tokens.completion,
        "prompt_tokens": tokens.prompt,
        "total_tokens": total,
        "completion_tokens_details": {
            "accepted_prediction_tokens": zero,
            "audio_tokens": zero,
            "reasoning_tokens": None if total is None else tokens.thinking,
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


def _sealed(stamp: Stamp, call: Call) -> dict[str, Any]:
    if not stamp.sealed_calls:
        return {}
    return {"extra_content": {"google": {"thought_signature": sealed("call", call.name)}}}


def _made(stamp: Stamp, part: Part, call: Call) -> dict[str, Any]:
    function = {"arguments": part.text, "name": call.name}
    return {"id": call.id, "function": function, "type": "function"} | _sealed(stamp, call)


def whole(stamp: Stamp, answer: Answer, finish: str | None) -> dict[str, Any]:
    """Return a whole reply."""
    made = [_made(stamp, part, part.call) for part in answer.parts if part.call]
    text = "".join(part.text for part in answer.parts if part.kind == "text")
    message = _message(stamp, None if made else text, made or None)
    counted = usage(stamp, answer.tokens)
    if not stamp.sdk:
        return {
            "id": stamp.id,
            "object": "chat.completion",
            "created": stamp.created,
            "model": stamp.model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": counted,
        }
    choice = {
        "finish_reason": finish,
        "index": 0,
        "logprobs": None,
        "message": message,
        "content_filter_results": _FILTERS if stamp.filtered and text and not made else {},
    }
    return {
        "id": stamp.id,
        "choices": [choice],
        "created": stamp.created,
        "model": stamp.model,
        "object": "chat.completion",
        "service_tier": "default",
        "system_fingerprint": stamp.fingerprint,
        "usage": counted,
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


def opening_call(stamp: Stamp, call: Call, index: int) -> dict[str, Any]:
    """Return the delta that starts a call: its id and name."""
    function = {"name": call.name, "arguments": ""}
    made = {"index": index, "id": call.id, "function": function, "type": "function"}
    return {"tool_calls": [made | _sealed(stamp, call)]}


def opening_delta(stamp: Stamp, call: Call | None) -> dict[str, Any]:
    """Return the first delta: the role, and of a call its id and name."""
    if call is None:
        return {"role": "assistant", "content": ""}
    return {"role": "assistant", "content": None, **opening_call(stamp, call, 0)}


def delta(piece: str, index: int | None) -> dict[str, Any]:
    """Return the delta that carries one piece of the text, or of the arguments of the call with this index."""
    if index is None:
        return {"content": piece}
    return {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
