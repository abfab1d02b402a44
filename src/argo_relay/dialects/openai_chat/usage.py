"""Tokens as Chat Completions counts them: the convention is the neutral one already, only the names differ."""

from __future__ import annotations

from typing import Any

from argo_relay.neutral.reply import Usage


def decode_usage(value: Any) -> Usage | None:
    """Return the counts of a `usage` object; None when it counts nothing. Counters that are null are not reported."""
    if not isinstance(value, dict):
        return None
    usage = Usage(
        input=_count(value, "prompt_tokens"),
        output=_count(value, "completion_tokens"),
        cache_read=_count(value.get("prompt_tokens_details"), "cached_tokens"),
        reasoning=_count(value.get("completion_tokens_details"), "reasoning_tokens"),
    )
    return None if usage == Usage() else usage


def _count(value: Any, field: str) -> int | None:
    count = value.get(field) if isinstance(value, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None
