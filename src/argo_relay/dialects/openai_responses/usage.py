"""Tokens as the Responses API counts them: the convention is the neutral one already, only the names differ."""

from __future__ import annotations

from typing import Any

from argo_relay.neutral.reply import Usage


def decode_usage(value: Any) -> Usage | None:
    """Return the counts of a `usage` object; None when it counts nothing. Counters that are null are not reported."""
    if not isinstance(value, dict):
        return None
    read = _count(value.get("input_tokens_details"), "cached_tokens")
    written = _count(value.get("input_tokens_details"), "cache_write_tokens")
    reasoning = _count(value.get("output_tokens_details"), "reasoning_tokens")
    given, made, total = (_count(value, name) for name in ("input_tokens", "output_tokens", "total_tokens"))
    if given is not None and made is not None and total is not None and total > given + made:
        # xAI leaves the tokens of thought out of the output; the total has them.
        made = total - given
    usage = Usage(
        input=_at_least(given, read, written),
        output=_at_least(made, reasoning),
        cache_read=read,
        cache_write=written,
        reasoning=reasoning,
    )
    if usage == Usage():
        return None
    return Usage(
        input=usage.input,
        output=usage.output,
        cache_read=read,
        cache_write=written,
        reasoning=reasoning,
        raw=value,
    )


def encode_usage(usage: Usage | None) -> dict[str, Any] | None:
    """Return the `usage` object; None when nothing was reported. Details that are not known are zeros: types ask so."""
    if usage is None:
        return None
    read, written, reasoning = usage.cache_read or 0, usage.cache_write or 0, usage.reasoning or 0
    given = max(usage.input or 0, read + written)
    made = max(usage.output or 0, reasoning)
    return {
        "input_tokens": given,
        "input_tokens_details": {"cached_tokens": read, "cache_write_tokens": written},
        "output_tokens": made,
        "output_tokens_details": {"reasoning_tokens": reasoning},
        "total_tokens": given + made,
    }


def _at_least(count: int | None, *parts: int | None) -> int | None:
    """Return a count that is no less than what it is made of."""
    return None if count is None else max(count, sum(part or 0 for part in parts))


def _count(value: Any, field: str) -> int | None:
    count = value.get(field) if isinstance(value, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None
