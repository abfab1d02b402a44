"""What a message or a reply is made of: parts, in order.

Parts are values. What a dialect says beyond these fields rides in `extras` under that dialect's name and comes out for
it alone; a part that no field here can hold is Opaque.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

Extras = dict[str, dict[str, Any]]
"""By dialect: members of the wire object that have no neutral meaning, as they came."""

Issuer = Literal["openai", "anthropic", "google", "openai_chat"]
"""Whose secret a seal is: the vendor's, or, for a Chat Completions server of unknown make, `openai_chat`."""


class Seal(msgspec.Struct, frozen=True, kw_only=True):
    """Something only its issuer can read, which must come back to it unchanged, and to nobody else.

    `signature` proves a reasoning text (Anthropic), `redacted` stands in for one (Anthropic), `encrypted` holds one
    (OpenAI), `thought` is Gemini's thought signature (base64).
    """

    issuer: Issuer
    kind: Literal["signature", "redacted", "encrypted", "thought"]
    value: str


class CacheMark(msgspec.Struct, frozen=True, kw_only=True):
    """A wish that the prompt up to and including this part be cached (Anthropic's `cache_control`)."""

    ttl: Literal["5m", "1h"] | None = None


class Citation(msgspec.Struct, frozen=True, kw_only=True):
    """Where a piece of a Text comes from; `start` and `end` are character offsets in that Text.

    `payload` is the citation as `dialect` wrote it, for that dialect; other dialects use the fields.
    """

    url: str | None = None
    title: str | None = None
    quote: str | None = None
    start: int | None = None
    end: int | None = None
    dialect: str
    payload: dict[str, Any]


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """Text for people. `logprobs` is OpenAI's list of `{token, logprob, bytes, top_logprobs}`."""

    text: str
    citations: tuple[Citation, ...] = ()
    seal: Seal | None = None
    cache: CacheMark | None = None
    logprobs: tuple[dict[str, Any], ...] | None = None
    extras: Extras = {}


class Media(msgspec.Struct, frozen=True, kw_only=True):
    """An image, a document, sound or video; exactly one of `data` (base64), `url`, `text` and `file` is set.

    `file` is an id that means something to `issuer` only. `detail` is OpenAI's low | high | auto | original.
    """

    kind: Literal["image", "audio", "video", "document"]
    media_type: str | None = None
    data: str | None = None
    url: str | None = None
    text: str | None = None
    file: str | None = None
    issuer: str | None = None
    name: str | None = None
    detail: str | None = None
    seal: Seal | None = None
    cache: CacheMark | None = None
    extras: Extras = {}


class Reasoning(msgspec.Struct, frozen=True, kw_only=True):
    """What a model thought: the text itself (`full`) or a summary of it; the text is empty when only the seal is known.

    `item` is the Responses API's id of the reasoning item.
    """

    text: str = ""
    form: Literal["full", "summary"] = "full"
    seal: Seal | None = None
    item: str | None = None
    extras: Extras = {}


class ToolCall(msgspec.Struct, frozen=True, kw_only=True):
    """A model's wish to have a tool run.

    `arguments` is JSON text as the model wrote it ("" when it wrote none: a dialect that needs an object writes `{}`);
    for `custom` tools it is free text. `id` is never empty and holds no seal (see `neutral.seals`). `item` is the
    Responses API's id of the item, `namespace` its name of the group that the tool belongs to.
    """

    id: str
    name: str
    arguments: str = ""
    kind: Literal["function", "custom"] = "function"
    namespace: str | None = None
    item: str | None = None
    seal: Seal | None = None
    cache: CacheMark | None = None
    extras: Extras = {}


class ToolResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a tool gave back for the call with id `call`; no parts: it gave nothing. `failed` None: not said."""

    call: str
    name: str | None = None
    parts: tuple[Text | Media, ...] = ()
    failed: bool | None = None
    kind: Literal["function", "custom"] = "function"
    cache: CacheMark | None = None
    extras: Extras = {}


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The model's own words for why it does not answer."""

    text: str
    extras: Extras = {}


class Opaque(msgspec.Struct, frozen=True, kw_only=True):
    """A part that only `dialect` knows (a hosted tool's call, a compaction item): it comes out whole for that dialect.

    For every other dialect it is a Loss.
    """

    dialect: str
    payload: Any


Part = Text | Media | Reasoning | ToolCall | ToolResult | Refusal | Opaque
