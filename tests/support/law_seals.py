"""Law 7: a seal reaches its issuer unchanged, through a client of any dialect, and nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, get_args

import msgspec

from argo_relay.dialects.base import Dialect, Owner, Target, encode_events
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Issuer, Media, Part, Reasoning, Seal, Text, ToolCall, ToolResult
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply, Stop
from argo_relay.neutral.request import Message, Request
from argo_relay.neutral.seals import pack
from argo_relay.neutral.tools import FunctionTool
from support import law_sdks
from support.corpus import Exchange
from support.follow_ups import follow_up
from support.law_requests import strings
from support.sights import plain_request, seals_of

VALUE: Final = "WnE3c2VhbHZhbHVl"
"""Base64, as some issuers' fields demand."""

_OWN: Final[dict[str, set[str]]] = {
    "openai_chat": {"openai_chat", "google"},
    "openai_responses": {"openai"},
    "anthropic": {"anthropic"},
    "google": {"google"},
}
_KINDS: Final[dict[str, str]] = {
    "openai": "encrypted",
    "anthropic": "signature",
    "google": "thought",
    "openai_chat": "encrypted",
}
SEALS: Final = (
    *(msgspec.convert({"issuer": one, "kind": _KINDS[one], "value": VALUE}, Seal) for one in get_args(Issuer)),
    Seal(issuer="anthropic", kind="redacted", value=VALUE),
    Seal(issuer="openai_chat", kind="signature", value=VALUE),
)
OWNERS: Final[tuple[Owner | None, ...]] = (None, "openai", "anthropic", "google")


def bearers(seal: Seal) -> dict[str, Part]:
    """Return the parts that a seal can stand on."""
    return {
        "thought": Reasoning(text="Hm.", seal=seal),
        "bare thought": Reasoning(seal=seal),
        "summary": Reasoning(text="Hm.", form="summary", seal=seal, item="rs_1"),
        "call": ToolCall(id="call_1", name="look", arguments="{}", seal=seal),
        "text": Text(text="Hi.", seal=seal),
        "image": Media(kind="image", media_type="image/png", data="aGk=", seal=seal),
    }


def betrayed(dialect: Dialect, seal: Seal, source: str) -> Iterator[str]:
    """Yield where a seal stands in a body for somebody who did not issue it, or does not reach its issuer."""
    for name, part in bearers(seal).items():
        for owner in OWNERS:
            leaves = "\n".join(strings(_body(dialect, part, source, owner)))
            told = VALUE in leaves or pack(seal)[4:] in leaves
            if told and not _may_read(dialect.name, seal, owner):
                yield f"{name} ({owner}): the seal of {seal.issuer} is in the body"
            if not told and name in {"thought", "call"} and _must_read(dialect.name, name, seal, owner):
                yield f"{name} ({owner}): the seal did not reach {seal.issuer}"


def _may_read(dialect: str, seal: Seal, owner: Owner | None) -> bool:
    if dialect == "openai_chat" and seal.issuer == "google":
        return owner in {"google", None}
    return seal.issuer in _OWN[dialect]


def _must_read(dialect: str, name: str, seal: Seal, owner: Owner | None) -> bool:
    if dialect == "openai_chat":
        fits = seal.issuer == "openai_chat" if name == "thought" else seal.issuer == "google"
        return fits and owner in {"google", None}
    place = "call" if dialect == "google" else "thought"
    return name == place and seal.issuer in _OWN[dialect] and owner in {dialect, None}


def _body(dialect: Dialect, part: Part, source: str, owner: Owner | None) -> object:
    turns = [*plain_request(source).messages, Message(role="assistant", parts=(part,))]
    if isinstance(part, ToolCall):
        turns.append(Message(role="user", parts=(ToolResult(call=part.id, parts=(Text(text="done"),)),)))
    tools = (FunctionTool(name="look", schema={"type": "object", "properties": {}}),)
    request = Request(dialect=source, model="m", messages=tuple(turns), tools=tools)
    return jsonx.decode(jsonx.encode(dialect.encode_request(request, Target(model="m", owner=owner))[0]))


def lost(dialect: Dialect, seal: Seal) -> Iterator[str]:
    """Yield where a seal, given to a client of this dialect, does not come back in its next request."""
    for name, part in bearers(seal).items():
        stop = Stop(reason="tool_calls" if isinstance(part, ToolCall) else "end")
        reply = Reply(id="r1", model="m", parts=(part, Text(text="Done.")), stop=stop)
        text, losses = dialect.encode_reply(reply, plain_request(dialect.name))
        yield from (f"{name}, whole: {one}" for one in _missing(dialect, seal, jsonx.decode(text), bool(losses)))
        encoder = dialect.stream_encoder(plain_request(dialect.name, stream=True))
        stream = encode_events(encoder, unfold(reply))
        heard = law_sdks.streamed(dialect.name, stream)
        yield from (f"{name}, stream: {one}" for one in _missing(dialect, seal, heard, bool(encoder.losses)))


def _missing(dialect: Dialect, seal: Seal, heard: dict[str, object], excused: bool) -> Iterator[str]:
    body = follow_up(dialect.name, heard)
    request = dialect.decode_request(dialect.outline(Exchange(id="", dialect=dialect.name, body=body).incoming))
    parts = [part for message in request.messages for part in message.parts]
    if seal not in seals_of(parts) and not excused:
        yield f"the seal of {seal.issuer} became {seals_of(parts)}"
    called = [part.id for part in parts if isinstance(part, ToolCall)]
    answered = [part.call for part in parts if isinstance(part, ToolResult)]
    if called != answered:
        yield f"the calls {called} are answered as {answered}"
