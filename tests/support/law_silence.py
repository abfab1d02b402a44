"""Law 6: what a neutral value says is written by every encoder, or it is a Loss. Nothing is lost in silence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from argo_relay.dialects.base import Dialect, Target, encode_events
from argo_relay.framing import jsonx
from argo_relay.neutral.content import Citation, Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Reply, Stop, StopReason
from argo_relay.neutral.request import Request
from support.law_requests import strings
from support.sights import events_of, folded, frames_of, plain_request, replied, said
from support.silence_rows import IMAGE, MARK, TYPES, UNSAID, Row, rows

_CITED: Final = Citation(url=f"https://example.org/{MARK}", title="Source", dialect="nobody", payload={"x": 1})
REPLIED: Final[dict[str, Part]] = {
    "text": Text(text=MARK),
    "citation": Text(text="a", citations=(_CITED,)),
    "logprobs": Text(text="a", logprobs=({"token": MARK, "logprob": -0.5, "bytes": None, "top_logprobs": []},)),
    "reasoning": Reasoning(text=MARK),
    "summary": Reasoning(text=MARK, form="summary"),
    "call": ToolCall(id="call_1", name=MARK, arguments="{}"),
    "arguments": ToolCall(id="call_1", name="look", arguments=f'{{"a":"{MARK}"}}'),
    "broken arguments": ToolCall(id="call_1", name="look", arguments=f'{{"a":"{MARK}'),
    "custom call": ToolCall(id="call_1", name="patch", arguments=MARK, kind="custom"),
    "namespace": ToolCall(id="call_1", name="look", arguments="{}", namespace=MARK),
    "refusal": Refusal(text=MARK),
    "image": Media(kind="image", media_type="image/png", data=IMAGE),
    "audio": Media(kind="audio", media_type="audio/wav", data=IMAGE),
    "opaque": Opaque(dialect="nobody", payload={"type": MARK}),
}
STOPS: Final[tuple[StopReason, ...]] = (
    "end",
    "stop_sequence",
    "length",
    "context_full",
    "content_filter",
    "refusal",
    "pause",
    "cancelled",
    "error",
    "other",
)


def silent(dialect: Dialect, row: Row) -> Iterator[str]:
    """Yield what a request lost in silence: neither the body nor a Loss says it."""
    other = "anthropic" if dialect.name != "anthropic" else "openai_chat"
    before, known = _encoded(dialect, other, row.without)
    for way in row.ways:
        body, losses = _encoded(dialect, other, way)
        if len(losses) > len(known):
            return
        # A text that is sent as a file is in base64, as which `IMAGE` is `MARK`.
        leaves = "\n".join(strings(body)).replace(IMAGE, f"{IMAGE} {MARK}")
        if body != before and all(mark in leaves for mark in row.marks):
            return
    yield "neither in the body nor a Loss"


def _encoded(dialect: Dialect, source: str, request: Request) -> tuple[Any, Losses]:
    request = msgspec.structs.replace(request, dialect=source)
    body, losses = dialect.encode_request(request, Target(model="m"))
    return jsonx.decode(jsonx.encode(body)), losses


def unnamed() -> list[str]:
    """Return the fields of the neutral types that have neither a row nor a reason, and reasons without a field."""
    fields = {f"{kind.__name__}.{name}" for kind in TYPES for name in kind.__struct_fields__}
    named = {row.field for row in rows()} | {"Seal.value"}
    return [
        *(f"{field}: no row says it" for field in sorted(fields - named - set(UNSAID))),
        *(f"{field}: no such field" for field in sorted((named | set(UNSAID)) - fields)),
    ]


def silent_replies(dialect: Dialect, part: Part) -> Iterator[str]:
    """Yield in which form of a reply a part was lost in silence, or in an order that is not its own."""
    stop = Stop(reason="tool_calls" if isinstance(part, ToolCall) else "end")
    reply = Reply(id="r1", model="m", parts=(Text(text="before"), part, Text(text="after")), stop=stop)
    asked = plain_request(dialect.name)
    mark = IMAGE if isinstance(part, Media) else MARK
    text, losses = dialect.encode_reply(reply, asked)
    if mark.encode() not in text and not losses:
        yield "whole: neither written nor a Loss"
    encoder = dialect.stream_encoder(plain_request(dialect.name, stream=True))
    stream = encode_events(encoder, unfold(reply))
    if mark.encode() not in stream and not encoder.losses:
        yield "stream: neither written nor a Loss"
    for form, written in (("whole", text), ("stream", stream)):
        if b"before" not in written or b"after" not in written:
            yield f"{form}: its neighbours are gone"


def wrong_stops(dialect: Dialect, reason: StopReason) -> Iterator[str]:
    """Yield how a stop reason was said as another one."""
    reply = Reply(id="r1", model="m", parts=(Text(text="a"),), stop=Stop(reason=reason))
    asked = plain_request(dialect.name)
    text, losses = dialect.encode_reply(reply, asked)
    encoder = dialect.stream_encoder(plain_request(dialect.name, stream=True))
    stream = encode_events(encoder, unfold(reply))
    want = said(reply, dialect.name).stop
    again = replied(folded(events_of(dialect, frames_of(dialect, stream))))
    for form, got in (("whole", dialect.decode_reply(text)), ("stream", again)):
        if want not in {"any", said(got, dialect.name).stop}:
            yield f"{form}: {want} became {said(got, dialect.name).stop}"
    if reason == "pause" and dialect.name != "anthropic" and not (losses and encoder.losses):
        yield "a pause became something else, and no Loss says so"
