"""Why a reply ended, in Anthropic's words: https://platform.claude.com/docs/en/api/handling-stop-reasons."""

from __future__ import annotations

import re
from typing import Any, Final

from argo_relay.neutral.loss import Loss
from argo_relay.neutral.reply import Stop, StopReason

_DECODED: Final[dict[str, StopReason]] = {
    "end_turn": "end",
    "stop_sequence": "stop_sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "context_full",
    "tool_use": "tool_calls",
    "refusal": "refusal",
    "pause_turn": "pause",
}
_ENCODED: Final[dict[StopReason, str]] = {reason: word for word, reason in _DECODED.items()} | {
    "content_filter": "refusal"
}
# Anthropic adds words as time goes by (`compaction`), and its clients expect that. Google's are in capitals.
_WORD: Final = re.compile(r"[a-z][a-z0-9_]*")


def decode_stop(raw: Any, sequence: Any, *, calls: bool) -> Stop:
    """Return why a reply ended; one that says nothing ended of itself. `calls`: it calls tools of the client's."""
    word = raw if isinstance(raw, str) else None
    reason: StopReason = "end" if word is None else _DECODED.get(word, "other")
    if reason == "end" and calls:
        reason = "tool_calls"
    return Stop(reason=reason, raw=word, sequence=sequence if isinstance(sequence, str) else None)


def encode_stop(stop: Stop, *, calls: bool, refused: bool) -> tuple[str, Loss | None]:
    """Return the `stop_reason` of a reply that holds calls, or a refusal, or neither."""
    if stop.reason in ("end", "tool_calls") and calls:
        return "tool_use", None
    if stop.reason == "end" and refused:
        return "refusal", None
    if word := _ENCODED.get(stop.reason):
        return word, None
    if stop.reason == "other" and stop.raw is not None and _WORD.fullmatch(stop.raw):
        return stop.raw, None
    why = f"Anthropic has no word for a reply that ended with `{stop.raw or stop.reason}`."
    return "end_turn", Loss(path="stop", what="stop_reason", why=why, how="approximated")
