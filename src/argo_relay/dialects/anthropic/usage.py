"""Tokens as the Messages API counts them: `input_tokens` leaves out what was read from and written to the cache.

https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.neutral.reply import Usage

# What a message_delta's usage holds: https://platform.claude.com/docs/en/build-with-claude/streaming
_IN_DELTA: Final[tuple[str, ...]] = (
    "input_tokens",
    "output_tokens",
    "cache_creation_input_tokens",
    "cache_read_input_tokens",
    "output_tokens_details",
    "server_tool_use",
)


def decode_usage(value: Any) -> Usage | None:
    """Return the counts of a `usage` object; None when it counts nothing. Counters that are null are not reported."""
    if not isinstance(value, dict):
        return None
    fresh = _count(value, "input_tokens")
    read = _count(value, "cache_read_input_tokens")
    created = value.get("cache_creation")
    long = _count(created, "ephemeral_1h_input_tokens")
    write = _count(value, "cache_creation_input_tokens")
    if write is None and isinstance(created, dict):
        write = (_count(created, "ephemeral_5m_input_tokens") or 0) + (long or 0)
    usage = Usage(
        input=None if fresh is None else fresh + (read or 0) + (write or 0),
        output=_count(value, "output_tokens"),
        cache_read=read,
        cache_write=write,
        cache_write_1h=long,
        reasoning=_count(value.get("output_tokens_details"), "thinking_tokens"),
    )
    return None if usage == Usage() else msgspec.structs.replace(usage, raw=value)


_TIERS: Final = {"default": "standard"}
_DECODED_TIERS: Final = {said: neutral for neutral, said in _TIERS.items()}


def decode_tier(usage: Any) -> str | None:
    """Return the tier that a reply's `usage` names, in the word that the neutral language has for the ordinary one."""
    tier = usage.get("service_tier") if isinstance(usage, dict) else None
    return _DECODED_TIERS.get(tier, tier) if isinstance(tier, str) and tier else None


def encode_usage(usage: Usage | None, service_tier: str | None = None) -> dict[str, Any]:
    """Return the `usage` of a whole reply or a message_start; its two required counters are 0 while not known."""
    if usage is None:
        counts: dict[str, Any] = {"input_tokens": 0, "output_tokens": 0}
    elif usage.raw is not None and "total_tokens" not in usage.raw and decode_usage(usage.raw) == usage:
        # The upstream wrote it in this very dialect: its own object says more than the counters.
        counts = {"input_tokens": 0, "output_tokens": 0} | {
            name: count for name, count in usage.raw.items() if count is not None
        }
    else:
        counts = _counted(usage)
    tier = _TIERS.get(service_tier or "", service_tier)
    if tier in ("standard", "priority", "batch"):
        counts.setdefault("service_tier", tier)
    return counts


def encode_delta_usage(usage: Usage | None) -> dict[str, Any]:
    """Return the `usage` of a message_delta: cumulative, and the whole of what a client learns of the tokens."""
    counts = encode_usage(usage)
    wanted: dict[str, Any] = {name: counts[name] for name in _IN_DELTA if name in counts}
    if usage is not None and usage.cache_write_1h is not None:
        # The SDKs' types have it in message_start only, which is long gone; the price of the tokens depends on it, and
        # only an upstream of this dialect reports it.
        wanted["cache_creation"] = counts["cache_creation"]
    return wanted


def _counted(usage: Usage) -> dict[str, Any]:
    read, write, long = usage.cache_read or 0, usage.cache_write or 0, usage.cache_write_1h
    counts: dict[str, Any] = {
        "input_tokens": max((usage.input or 0) - read - write, 0),
        "output_tokens": max(usage.output or 0, usage.reasoning or 0),
    }
    if usage.cache_write is not None or long:
        counts["cache_creation_input_tokens"] = write
    if usage.cache_read is not None:
        counts["cache_read_input_tokens"] = read
    if long is not None:
        counts["cache_creation"] = {
            "ephemeral_5m_input_tokens": max(write - long, 0),
            "ephemeral_1h_input_tokens": long,
        }
    if usage.reasoning is not None:
        counts["output_tokens_details"] = {"thinking_tokens": usage.reasoning}
    return counts


def _count(value: Any, field: str) -> int | None:
    count = value.get(field) if isinstance(value, dict) else None
    return count if isinstance(count, int) and not isinstance(count, bool) else None
