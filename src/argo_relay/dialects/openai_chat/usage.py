"""Tokens as Chat Completions counts them: the convention is the neutral one already, only the names differ.

https://platform.openai.com/docs/api-reference/chat/object#chat/object-usage
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.neutral.reply import Usage

_EMPTY: Final[dict[str, Any]] = {}
# Where servers write what they read from a cache, besides OpenAI's place: Moonshot, DeepSeek, Anthropic, Mistral.
_READ: Final = ("cached_tokens", "prompt_cache_hit_tokens", "cache_read_input_tokens", "num_cached_tokens")
_READ_NAMES: Final = frozenset(_READ)


def decode_usage(value: Any) -> Usage | None:
    """Return the counts of a `usage` object; None when it counts nothing. Counters that are null are not reported."""
    if not isinstance(value, dict):
        return None
    asked, told = _object(value, "prompt_tokens_details"), _object(value, "completion_tokens_details")
    read = _count(asked, "cached_tokens")
    if read is None and not _READ_NAMES.isdisjoint(value):
        read = next((count for name in _READ if (count := _count(value, name)) is not None), None)
    written = _count(asked, "cache_write_tokens")
    reasoning = _count(told, "reasoning_tokens")
    usage = Usage(
        input=_count(value, "prompt_tokens"),
        output=_count(value, "completion_tokens"),
        cache_read=read,
        cache_write=_count(value, "cache_creation_input_tokens") if written is None else written,
        cache_write_1h=_count(_object(value, "cache_creation"), "ephemeral_1h_input_tokens"),
        reasoning=_count(value, "reasoning_tokens") if reasoning is None else reasoning,
        input_audio=_count(asked, "audio_tokens"),
        output_audio=_count(told, "audio_tokens"),
        raw=value,
    )
    if usage == Usage(raw=value):
        return None
    if usage.reasoning is usage.cache_read is usage.cache_write is None:
        # Nothing is part of anything.
        return usage
    return _agreed(usage, _count(value, "total_tokens"))


def usage_of(chunk: dict[str, Any]) -> Usage | None:
    """Return the counts that a chunk brings: in its `usage`, or where Groq has put them since 2024."""
    usage = chunk.get("usage")
    if usage is None and "x_groq" in chunk:
        groq = chunk["x_groq"]
        usage = groq.get("usage") if isinstance(groq, dict) else None
    return decode_usage(usage) if usage is not None else None


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Return the `usage` of a whole reply, or of the chunk that brings it."""
    raw = usage.raw
    if raw is not None and "prompt_tokens" in raw and _agrees(raw, usage):
        # The upstream wrote it in this very dialect: its own object says more than the counters.
        return raw
    output = max(usage.output or 0, usage.reasoning or 0)
    asked = max(usage.input or 0, (usage.cache_read or 0) + (usage.cache_write or 0))
    counts: dict[str, Any] = {"prompt_tokens": asked, "completion_tokens": output, "total_tokens": asked + output}
    details = {
        "cached_tokens": usage.cache_read,
        "cache_write_tokens": usage.cache_write,
        "audio_tokens": usage.input_audio,
    }
    counts["prompt_tokens_details"] = {"cached_tokens": 0} | _said(details)
    details = {"reasoning_tokens": usage.reasoning, "audio_tokens": usage.output_audio}
    counts["completion_tokens_details"] = {"reasoning_tokens": 0} | _said(details)
    if usage.cache_write_1h is not None:
        # No field of OpenAI's: the price of the tokens depends on it, and only Anthropic reports it.
        counts["cache_creation"] = {"ephemeral_1h_input_tokens": usage.cache_write_1h}
    return counts


def _agreed(usage: Usage, total: int | None) -> Usage:
    """Return counts of which none is part of a smaller one."""
    asked, told, reasoning = usage.input, usage.output, usage.reasoning
    if told is not None and reasoning:
        if total is not None and asked is not None and total >= asked + told + reasoning:
            # xAI leaves reasoning out of what was written, and counts it in the total only.
            told += reasoning
        reasoning = min(reasoning, told)
    read, written = usage.cache_read, usage.cache_write
    if asked is not None:
        # Grok at Azure reports a cache of 158 tokens for a prompt of 78.
        read = None if read is None else min(read, asked)
        written = None if written is None else min(written, asked - (read or 0))
    return msgspec.structs.replace(usage, output=told, reasoning=reasoning, cache_read=read, cache_write=written)


def _agrees(raw: dict[str, Any], usage: Usage) -> bool:
    """Say whether a `usage` object can stand as it is: its plain counters are the ones that hold, and add up."""
    asked, told = raw.get("prompt_tokens"), raw.get("completion_tokens")
    if (asked, told) != (usage.input, usage.output) or asked is None or told is None:
        return False
    read = decode_usage(raw)
    said = _count(_object(raw, "prompt_tokens_details"), "cached_tokens")
    thought = _count(_object(raw, "completion_tokens_details"), "reasoning_tokens")
    honest = (said or 0) <= asked and (thought or 0) <= told and raw.get("total_tokens") == asked + told
    return honest and read == usage


def _said(details: dict[str, int | None]) -> dict[str, int]:
    return {name: count for name, count in details.items() if count is not None}


def _object(value: dict[str, Any], field: str) -> dict[str, Any]:
    member = value.get(field)
    return member if isinstance(member, dict) else _EMPTY


def _count(value: dict[str, Any], field: str) -> int | None:
    count = value.get(field)
    # No bool, which is an int to Python.
    return count if type(count) is int else None
