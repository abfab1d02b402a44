"""What an upstream answers, in no vendor's words.

The token convention, stated here once: `input` includes the tokens read from and written to a cache, `output` includes
reasoning; a later report replaces an earlier one field by field and never adds to it; None means that the upstream did
not say.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from argo_relay.neutral.content import Extras, Part

StopReason = Literal[
    "end",
    "stop_sequence",
    "length",
    "context_full",
    "tool_calls",
    "content_filter",
    "refusal",
    "pause",
    "cancelled",
    "error",
    "other",
]


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of one reply, in the convention of this module; `raw` is the object as the upstream wrote it."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None
    reasoning: int | None = None
    input_audio: int | None = None
    output_audio: int | None = None
    raw: dict[str, Any] | None = None

    def over(self, earlier: Usage | None) -> Usage:
        """Return this report laid over an earlier one: what it does not say stays as it was."""
        if earlier is None:
            return self
        said = {name: value for name in self.__struct_fields__ if (value := getattr(self, name)) is not None}
        return msgspec.structs.replace(earlier, **said)


class Stop(msgspec.Struct, frozen=True, kw_only=True):
    """Why a reply ended: `raw` is the upstream's own word, `sequence` the stop sequence that was met.

    `tool_calls` is said whenever a reply that ended of itself holds a ToolCall, whatever the upstream called it.
    """

    reason: StopReason
    raw: str | None = None
    sequence: str | None = None


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """One whole reply. `created` is in Unix seconds; the ordinary `service_tier` is called `default`."""

    id: str
    model: str
    parts: tuple[Part, ...]
    stop: Stop
    usage: Usage | None = None
    created: int | None = None
    service_tier: str | None = None
    extras: Extras = {}
