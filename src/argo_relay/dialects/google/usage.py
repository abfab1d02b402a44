"""Tokens as Gemini counts them: thoughts stand beside the answer's tokens, and tools' prompts beside the prompt's.

Total = prompt + tool-use prompt + candidates + thoughts, in every recorded reply that adds up at all. Counts are those
of the whole reply so far: a later report replaces an earlier one.

https://ai.google.dev/api/generate-content#UsageMetadata
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from argo_relay.neutral.reply import Usage

# https://ai.google.dev/api/generate-content#Modality, in the order of their numbers.
_MODALITIES: Final = ("MODALITY_UNSPECIFIED", "TEXT", "IMAGE", "VIDEO", "AUDIO", "DOCUMENT")


def decode_usage(value: Any) -> Usage | None:
    """Return the counts of a `usageMetadata` object; None when it counts nothing."""
    if not isinstance(value, dict):
        return None
    thoughts = _count(value, "thoughtsTokenCount")
    usage = Usage(
        input=_sum(_count(value, "promptTokenCount"), _count(value, "toolUsePromptTokenCount")),
        output=_sum(_count(value, "candidatesTokenCount"), thoughts),
        cache_read=_count(value, "cachedContentTokenCount"),
        reasoning=thoughts,
        input_audio=_audio(value, "promptTokensDetails"),
        output_audio=_audio(value, "candidatesTokensDetails"),
    )
    return None if usage == Usage() else msgspec.structs.replace(usage, raw=value)


def encode_usage(usage: Usage) -> dict[str, Any]:
    """Return counts as a `usageMetadata` object: Gemini's own as they came, others counted anew."""
    if usage.raw is not None and decode_usage(usage.raw) == usage:
        total: dict[str, Any] = {"totalTokenCount": (usage.input or 0) + (usage.output or 0)}
        return {**total, **{name: _named(value) for name, value in usage.raw.items() if _readable(name, value)}}
    cached, thoughts = usage.cache_read or 0, usage.reasoning or 0
    prompt = max(usage.input or 0, cached + (usage.cache_write or 0))
    output = max(usage.output or 0, thoughts)
    value: dict[str, Any] = {
        "promptTokenCount": prompt,
        "candidatesTokenCount": output - thoughts,
        "totalTokenCount": prompt + output,
    }
    if cached:
        value["cachedContentTokenCount"] = cached
    if thoughts:
        value["thoughtsTokenCount"] = thoughts
    if usage.input_audio:
        value["promptTokensDetails"] = _details(prompt, usage.input_audio)
    if usage.output_audio:
        value["candidatesTokensDetails"] = _details(output - thoughts, usage.output_audio)
    return value


def _readable(name: str, value: Any) -> bool:
    """Say whether google-genai reads a member: where it looks for an enum's name, it fails on the number."""
    return value is not None and not (name == "trafficType" and isinstance(value, int))


def _named(value: Any) -> Any:
    """Return a member of `usageMetadata` with modalities by name, for the same reason."""
    if not isinstance(value, list):
        return value
    return [
        {**one, "modality": _MODALITIES[number]}
        if isinstance(one, dict) and isinstance(number := one.get("modality"), int) and 0 <= number < len(_MODALITIES)
        else one
        for one in value
    ]


def _details(total: int, audio: int) -> list[dict[str, Any]]:
    text = {"modality": "TEXT", "tokenCount": max(total - audio, 0)}
    return [text, {"modality": "AUDIO", "tokenCount": audio}]


def _count(value: dict[str, Any], field: str) -> int | None:
    count = value.get(field)
    return count if isinstance(count, int) and not isinstance(count, bool) and count >= 0 else None


def _sum(first: int | None, second: int | None) -> int | None:
    return None if first is None and second is None else (first or 0) + (second or 0)


def _audio(value: dict[str, Any], field: str) -> int | None:
    details = value.get(field)
    if not isinstance(details, list):
        return None
    for one in details:
        if isinstance(one, dict) and one.get("modality") == "AUDIO":
            return _count(one, "tokenCount")
    return None
