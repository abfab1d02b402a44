"""A reply as it arrives.

    stream   Heartbeat* ( Failed | Started item* ( Ended | Failed ) )
    item     part | UsageSeen | Heartbeat
    part     PartStarted(index) delta(index)* PartEnded(index)
    delta    TextDelta (Text, Reasoning, Refusal) | ArgumentsDelta (ToolCall) | SealDelta (all but Refusal, Opaque)
             | Cited (Text)

Indexes count up from 0 in the order in which parts start; several parts may be open at once, and Ended comes when none
is. `PartStarted.part` is the part as far as it is known: deltas add to it. Opaque and Media parts come whole. After
Failed parts may be left open: a call that was cut off is no call. Nor is one whose PartEnded says `cut`. `Grammar`
holds a stream to all this.
"""

from __future__ import annotations

from typing import Any

import msgspec

from argo_relay.neutral.content import Citation, Media, Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Stop, Usage

StreamedPart = Text | Reasoning | ToolCall | Refusal | Media | Opaque


class Started(msgspec.Struct, frozen=True, kw_only=True):
    """The reply begins; `created` is in Unix seconds."""

    id: str
    model: str
    created: int | None = None
    service_tier: str | None = None


class PartStarted(msgspec.Struct, frozen=True, kw_only=True):
    """Part number `index` begins."""

    index: int
    part: StreamedPart


class TextDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More text of an open Text, Reasoning or Refusal."""

    index: int
    text: str
    logprobs: tuple[dict[str, Any], ...] | None = None


class ArgumentsDelta(msgspec.Struct, frozen=True, kw_only=True):
    """More of an open ToolCall's arguments, as text."""

    index: int
    text: str


class SealDelta(msgspec.Struct, frozen=True, kw_only=True):
    """An open part's seal; a later one replaces an earlier one."""

    index: int
    seal: Seal


class Cited(msgspec.Struct, frozen=True, kw_only=True):
    """A citation of an open Text."""

    index: int
    citation: Citation


class PartEnded(msgspec.Struct, frozen=True, kw_only=True):
    """Part number `index` is complete; `cut`: it is not, and nothing more of it comes."""

    index: int
    cut: bool = False


class UsageSeen(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens so far; laid over what was reported before (`Usage.over`)."""

    usage: Usage


class Heartbeat(msgspec.Struct, frozen=True, kw_only=True):
    """The upstream is alive, and says nothing."""


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The reply is complete."""

    stop: Stop


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """The reply ends here, incomplete."""

    failure: Failure


Event = (
    Started
    | PartStarted
    | TextDelta
    | ArgumentsDelta
    | SealDelta
    | Cited
    | PartEnded
    | UsageSeen
    | Heartbeat
    | Ended
    | Failed
)

CONTENT = (PartStarted, TextDelta, ArgumentsDelta, SealDelta, Cited, Ended)
"""Events that say something of the answer: the timers for content count these. Tokens are told before it, too."""
