"""Why Gemini stops: https://ai.google.dev/api/generate-content#FinishReason."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.neutral.reply import Stop, StopReason

_REASONS: Final[dict[str, StopReason]] = {
    "STOP": "end",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
    "LANGUAGE": "other",
    "OTHER": "other",
    "IMAGE_OTHER": "other",
    "NO_IMAGE": "other",
    "MALFORMED_FUNCTION_CALL": "error",
    "UNEXPECTED_TOOL_CALL": "error",
    "TOO_MANY_TOOL_CALLS": "error",
    "MISSING_THOUGHT_SIGNATURE": "error",
    "MALFORMED_RESPONSE": "error",
}
# Protobuf's readers of JSON take numbers for names, and some servers write them.
_NUMBERS: Final = [
    "FINISH_REASON_UNSPECIFIED",
    "STOP",
    "MAX_TOKENS",
    "SAFETY",
    "RECITATION",
    "OTHER",
    "BLOCKLIST",
    "PROHIBITED_CONTENT",
    "SPII",
    "MALFORMED_FUNCTION_CALL",
]
_UNFINISHED: Final = (None, "", 0, "FINISH_REASON_UNSPECIFIED")
_WITHOUT_CONTENT: Final = {"text", "thought", "thoughtSignature"}
_WORDS: Final[dict[StopReason, str]] = {
    "end": "STOP",
    "stop_sequence": "STOP",
    "tool_calls": "STOP",
    "pause": "STOP",
    "length": "MAX_TOKENS",
    "context_full": "MAX_TOKENS",
    "content_filter": "SAFETY",
    "refusal": "SAFETY",
    "cancelled": "OTHER",
    "error": "OTHER",
    "other": "OTHER",
}


def finish_of(candidate: dict[str, Any], before: Any) -> Any:
    """Return the `finishReason` that stands after a chunk's candidate, given the one before it; None: it goes on.

    Where Gemini runs code, it says STOP with the code, and goes on with what came of it.
    """
    reason = candidate.get("finishReason")
    content = candidate.get("content")
    parts = content.get("parts") if isinstance(content, dict) else None
    written = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    if reason in _UNFINISHED:
        return None if any(part.get("text") or part.keys() - _WITHOUT_CONTENT for part in written) else before
    return None if written and "executableCode" in written[-1] else reason


def decode_stop(value: Any, *, called: bool) -> Stop:
    """Return what a `finishReason` says of a reply that holds calls (`called`) or none."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_NUMBERS):
        value = _NUMBERS[value]
    raw = value if isinstance(value, str) else str(value)
    reason = _REASONS.get(raw, "other")
    return Stop(reason="tool_calls" if called and reason == "end" else reason, raw=raw)


def decode_block(feedback: Any) -> Stop | None:
    """Return the stop of a reply whose prompt was blocked; None when `promptFeedback` blocks nothing."""
    reason = feedback.get("blockReason") if isinstance(feedback, dict) else None
    return Stop(reason="content_filter", raw=str(reason)) if reason else None


def encode_stop(stop: Stop, *, refused: bool) -> str:
    """Return a stop as a `finishReason`: the upstream's own word where it is one of Gemini's and means the same.

    `refused`: the reply holds a refusal, which Gemini's clients see by its stop only.
    """
    if refused and stop.reason == "end":
        return "SAFETY"
    if stop.raw is not None and stop.raw != "STOP" and _REASONS.get(stop.raw) == stop.reason:
        return stop.raw
    return _WORDS[stop.reason]


def encode_block(stop: Stop) -> str | None:
    """Return the `blockReason` that a stop came from; None when it is a `finishReason`."""
    if stop.reason != "content_filter" or stop.raw is None or not stop.raw.isupper():
        return None
    return None if _REASONS.get(stop.raw) == "content_filter" else stop.raw
