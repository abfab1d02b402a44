"""A Messages stream becomes events: https://platform.claude.com/docs/en/build-with-claude/streaming.

Blocks that only Anthropic knows (a server tool's call and result) come whole, so they are gathered until they stop.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import msgspec

from argo_relay.dialects.anthropic.content_decoder import Origin, decode_block, decode_citation
from argo_relay.dialects.anthropic.errors import decode_inner_error
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.dialects.anthropic.stops import decode_stop
from argo_relay.dialects.anthropic.usage import decode_tier, decode_usage
from argo_relay.dialects.statuses import INCOMPLETE, UNREADABLE
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Opaque, Reasoning, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    StreamedPart,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure

_DONE: Final = b"[DONE]"
_NOTHING: Final = Text(text="")
"""A text begins with its first character: some blocks have none, and Anthropic refuses such blocks in requests."""
_ALIVE: Final[list[Event]] = [Heartbeat()]


class _Block:
    """One content block that has started; `index` is its part's, None while nobody has been told of it."""

    __slots__ = ("arguments", "index", "kind", "part", "pieces")

    def __init__(self, part: StreamedPart) -> None:
        self.part = part
        self.index: int | None = None
        self.kind = type(part)
        self.arguments = part.arguments if isinstance(part, ToolCall) else ""
        self.pieces: list[str] = []


class AnthropicStreamDecoder:
    """Reads one stream; fed every frame in order."""

    def __init__(self) -> None:
        self._blocks: dict[int, _Block] = {}
        self._next = 0
        self._started = False
        self._over = False
        self._calls = False
        self._stop: dict[str, Any] | None = None
        self._usage: dict[str, Any] = {}

    def feed(self, frame: Frame) -> list[Event]:
        """Return what a frame says; after Ended or Failed, nothing."""
        if self._over:
            return []
        data = frame.data
        if data is None:
            return _ALIVE
        try:
            value = jsonx.decode_loosely(data)
        except BadJson:
            # Some servers end every stream in OpenAI's way.
            return self.finish() if data.strip() == _DONE else self._fail(UNREADABLE)
        if not isinstance(value, dict):
            return []
        kind = value.get("type")
        reader = self._READERS.get(kind) if isinstance(kind, str) else None
        if reader is not None:
            return reader(self, value)
        failure = decode_inner_error(value)
        return [] if failure is None else self._fail(failure)

    def finish(self) -> list[Event]:
        """Return what is left when the connection has ended: a reply that has said why it stopped is complete."""
        if self._over:
            return []
        return self._fail(INCOMPLETE) if self._stop is None else self._end()

    def _message_start(self, value: dict[str, Any]) -> list[Event]:
        if self._started:
            return []
        message = value.get("message")
        message = message if isinstance(message, dict) else {}
        usage = message.get("usage")
        self._started = True
        started = Started(
            id=_text(message.get("id")) or "msg_0", model=_text(message.get("model")), service_tier=decode_tier(usage)
        )
        return [started, *self._see_usage(usage)]

    def _see_usage(self, usage: Any) -> list[Event]:
        """Lay a report over the earlier ones as it stands: what `input` means depends on several of its counters."""
        if not isinstance(usage, dict):
            return []
        self._usage = self._usage | {name: count for name, count in usage.items() if count is not None}
        seen = decode_usage(self._usage)
        return [] if seen is None else [UsageSeen(usage=seen)]

    def _start_anyway(self) -> list[Event]:
        return [] if self._started else self._message_start({})

    def _block_start(self, value: dict[str, Any]) -> list[Event]:
        block = value.get("content_block")
        number = value.get("index")
        if not isinstance(block, dict) or not isinstance(number, int):
            return []
        events = self._start_anyway() + self._stop_block(number)
        part = decode_block(block, Origin(client=False, spare_id=f"call_{number}"))
        if not isinstance(part, Text | Reasoning | ToolCall):
            part = Opaque(dialect=DIALECT, payload=dict(block))
        started = _Block(part)
        self._blocks[number] = started
        if isinstance(part, ToolCall):
            self._calls = True
            started.part = msgspec.structs.replace(part, arguments="")
        if not isinstance(part, Opaque) and part != _NOTHING:
            events.append(self._start_part(started))
        return events

    def _start_part(self, block: _Block) -> Event:
        block.index = self._next
        self._next += 1
        return PartStarted(index=block.index, part=block.part)

    def _block_delta(self, value: dict[str, Any]) -> list[Event]:
        delta = value.get("delta")
        number = value.get("index")
        if not isinstance(delta, dict) or not isinstance(number, int):
            return []
        block = self._blocks.get(number)
        if block is None:
            return self._start_unannounced(number, delta, value)
        if isinstance(block.part, Opaque):
            _gather(block, block.part.payload, delta)
            return []
        kind = delta.get("type")
        reader = _DELTAS.get(kind) if isinstance(kind, str) else None
        index = self._next if block.index is None else block.index
        event = reader(block, index, delta) if reader is not None else None
        if event is None:
            return []
        return [event] if block.index is not None else [self._start_part(block), event]

    def _start_unannounced(self, number: int, delta: dict[str, Any], value: dict[str, Any]) -> list[Event]:
        """Begin a block that a careless server did not announce, where its delta tells what it is."""
        kind = delta.get("type")
        empty = _EMPTY.get(kind) if isinstance(kind, str) else None
        if empty is None:
            return []
        return self._block_start({"index": number, "content_block": empty}) + self._block_delta(value)

    def _block_stop(self, value: dict[str, Any]) -> list[Event]:
        number = value.get("index")
        return self._stop_block(number) if isinstance(number, int) else []

    def _stop_block(self, number: int) -> list[Event]:
        block = self._blocks.pop(number, None)
        if block is None:
            return []
        if isinstance(block.part, Opaque):
            _take_input(block, block.part.payload)
            return [self._start_part(block), PartEnded(index=self._next - 1)]
        if block.index is None:
            return []
        events: list[Event] = []
        if block.kind is ToolCall and not block.pieces:
            # Nothing was streamed: the arguments are those of the start, `{}` as a rule.
            events.append(ArgumentsDelta(index=block.index, text=block.arguments))
        events.append(PartEnded(index=block.index))
        return events

    def _message_delta(self, value: dict[str, Any]) -> list[Event]:
        events = self._start_anyway()
        delta = value.get("delta")
        if isinstance(delta, dict) and isinstance(delta.get("stop_reason"), str):
            self._stop = delta
        return events + self._see_usage(value.get("usage"))

    def _message_stop(self, _: dict[str, Any]) -> list[Event]:
        return self._end() if self._started else self._fail(INCOMPLETE)

    def _ping(self, _: dict[str, Any]) -> list[Event]:
        return _ALIVE

    def _error(self, value: dict[str, Any]) -> list[Event]:
        failure = decode_inner_error(value)
        return self._fail(INCOMPLETE) if failure is None else self._fail(failure)

    def _end(self) -> list[Event]:
        events: list[Event] = self._start_anyway()
        for number in list(self._blocks):
            events += self._stop_block(number)
        stop = self._stop or {}
        self._over = True
        events.append(Ended(stop=decode_stop(stop.get("stop_reason"), stop.get("stop_sequence"), calls=self._calls)))
        return events

    def _fail(self, failure: Failure) -> list[Event]:
        self._over = True
        return [Failed(failure=failure)]

    _READERS: ClassVar[dict[str, Callable[[AnthropicStreamDecoder, dict[str, Any]], list[Event]]]] = {
        "message_start": _message_start,
        "content_block_start": _block_start,
        "content_block_delta": _block_delta,
        "content_block_stop": _block_stop,
        "message_delta": _message_delta,
        "message_stop": _message_stop,
        "ping": _ping,
        "error": _error,
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _gather(block: _Block, payload: dict[str, Any], delta: dict[str, Any]) -> None:
    for name, value in delta.items():
        if name == "partial_json":
            block.pieces.append(_text(value))
        elif name != "type":
            before = payload.get(name)
            both = isinstance(value, str) and isinstance(before, str)
            payload[name] = before + value if both else value


def _take_input(block: _Block, payload: dict[str, Any]) -> None:
    if text := "".join(block.pieces):
        try:
            payload["input"] = jsonx.decode_loosely(text.encode("utf-8", "surrogatepass"))
        except BadJson:
            payload["input"] = {}


def _text_delta(block: _Block, index: int, delta: dict[str, Any]) -> Event | None:
    text = delta.get("text")
    return TextDelta(index=index, text=text) if block.kind is Text and isinstance(text, str) and text else None


def _thinking_delta(block: _Block, index: int, delta: dict[str, Any]) -> Event | None:
    text = delta.get("thinking")
    return TextDelta(index=index, text=text) if block.kind is Reasoning and isinstance(text, str) and text else None


def _json_delta(block: _Block, index: int, delta: dict[str, Any]) -> Event | None:
    text = delta.get("partial_json")
    if block.kind is not ToolCall or not isinstance(text, str) or not text:
        return None
    block.pieces.append("")
    return ArgumentsDelta(index=index, text=text)


def _signature_delta(block: _Block, index: int, delta: dict[str, Any]) -> Event | None:
    value = delta.get("signature")
    if block.kind is not Reasoning or not isinstance(value, str) or not value:
        return None
    return SealDelta(index=index, seal=Seal(issuer="anthropic", kind="signature", value=value))


def _citations_delta(block: _Block, index: int, delta: dict[str, Any]) -> Event | None:
    citation = delta.get("citation")
    if block.kind is not Text or not isinstance(citation, dict):
        return None
    return Cited(index=index, citation=decode_citation(citation))


_DELTAS: Final[dict[str, Callable[[_Block, int, dict[str, Any]], Event | None]]] = {
    "text_delta": _text_delta,
    "thinking_delta": _thinking_delta,
    "input_json_delta": _json_delta,
    "signature_delta": _signature_delta,
    "citations_delta": _citations_delta,
}
_EMPTY: Final[dict[str, dict[str, Any]]] = {
    "text_delta": {"type": "text", "text": ""},
    "citations_delta": {"type": "text", "text": ""},
    "thinking_delta": {"type": "thinking", "thinking": ""},
    "signature_delta": {"type": "thinking", "thinking": ""},
}
