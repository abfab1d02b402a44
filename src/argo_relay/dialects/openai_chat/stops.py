"""Why a reply ended, in the words of Chat Completions.

https://platform.openai.com/docs/api-reference/chat/object#chat/object-choices-finish_reason
"""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.neutral.loss import Loss
from argo_relay.neutral.reply import Stop, StopReason

_DECODED: Final[dict[str, StopReason]] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
    # What servers say that only resemble OpenAI's: Together and vLLM, Mistral, gateways before Anthropic's models.
    "eos": "end",
    "end_turn": "end",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_length": "context_full",
    "tool_use": "tool_calls",
    "error": "error",
}
_ENCODED: Final[dict[StopReason, str]] = {
    "end": "stop",
    "stop_sequence": "stop",
    "length": "length",
    "context_full": "length",
    "tool_calls": "stop",
    "content_filter": "content_filter",
}

# Servers have words of their own, and clients of this dialect expect that. Google's are in capitals.
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)


def decode_stop(raw: Any, *, calls: bool) -> Stop:
    """Return why a reply ended; one that says nothing ended of itself. `calls`: it calls tools of the client's."""
    word = raw if isinstance(raw, str) and raw else None
    reason: StopReason = "end" if word is None else _DECODED.get(word, "other")
    if reason in ("end", "tool_calls"):
        reason = "tool_calls" if calls else "end"
    return Stop(reason=reason, raw=word)


def encode_stop(stop: Stop, *, calls: bool, refused: bool, legacy: bool = False) -> tuple[str, Loss | None]:
    """Return the `finish_reason` of a reply that holds calls, or a refusal in words, or neither.

    `legacy`: the client asked for functions as they were before there were tools.
    """
    word = _ENCODED.get(stop.reason)
    loss = None
    if stop.reason == "refusal":
        word = "stop" if refused else "content_filter"
    elif word is None and stop.reason == "other" and stop.raw is not None and _WORD.fullmatch(stop.raw):
        word = stop.raw
    elif word is None:
        why = f"Chat Completions has no word for a reply that ended with `{stop.raw or stop.reason}`."
        word, loss = "stop", Loss(path="stop", what="finish_reason", why=why, how="approximated")
    if calls and word == "stop":
        # Clients run the calls of a reply only when it says so.
        word = "function_call" if legacy else "tool_calls"
    return word, loss
