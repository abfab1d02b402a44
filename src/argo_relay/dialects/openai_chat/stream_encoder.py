"""Events become a Chat Completions stream: https://platform.openai.com/docs/api-reference/chat/streaming.

Calls have numbers, so several may be under way at once; texts have none, so what belongs to a later text, thought or
refusal waits until the earlier one has ended. Annotations go out in one chunk at the end: the official SDK fails at a
second list of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, Final

import msgspec

from argo_relay.dialects.base import free_text
from argo_relay.dialects.openai_chat.content_decoder import Block, encode_logprobs
from argo_relay.dialects.openai_chat.content_encoder import encode_detail
from argo_relay.dialects.openai_chat.errors import encode_stream_error
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.dialects.openai_chat.reply import (
    CallWriter,
    Thoughts,
    empty_arguments,
    encode_citation,
    encode_id,
    encode_image,
    lose,
    needs_detail,
    own_audio,
)
from argo_relay.dialects.openai_chat.stops import encode_stop
from argo_relay.dialects.openai_chat.stream_decoder import BETWEEN
from argo_relay.dialects.openai_chat.usage import encode_usage
from argo_relay.framing import jsonx, sse
from argo_relay.neutral import seals
from argo_relay.neutral.content import Citation, Media, Opaque, Reasoning, Refusal, Seal, Text, ToolCall
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
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage
from argo_relay.neutral.request import Request

ALIVE: Final = b": keep-alive\n\n"
"""A comment: every client tried skips it, and it resets their read timers."""
_DONE: Final = sse.write(b"[DONE]")
_REST: Final = b',"logprobs":null,"finish_reason":null}]}\n\n'

_PartEvent = PartStarted | TextDelta | ArgumentsDelta | SealDelta | Cited | PartEnded


class _Open:
    """A part that has begun; `number` is a call's, `head` is what stands before more of its text in a chunk."""

    __slots__ = ("begun", "cited", "gathers", "head", "number", "part", "pieces", "seal", "tail")

    def __init__(self, part: StreamedPart) -> None:
        self.part: Any = part
        self.pieces: list[str] = []
        self.cited: list[Citation] = []
        self.seal: Seal | None = None if isinstance(part, Refusal | Opaque) else part.seal
        self.begun = False
        self.gathers = False
        self.number: int | None = None
        self.head = b""
        self.tail = b"}" + _REST


class ChatStreamEncoder:
    """Writes one stream; fed every event in order."""

    def __init__(self, request: Request) -> None:
        self.losses: Losses = []
        self._include_usage = request.include_usage
        self._received = request.received
        self._calls = CallWriter(request)
        self._named: Block = {}
        self._head = b""
        self._usage: Usage | None = None
        self._open: dict[int, _Open] = {}
        self._speaking: dict[type, int] = {}
        self._waiting: dict[int, list[_PartEvent]] = {}
        self._held: int | None = None
        self._called = 0
        self._legacy = False
        self._refused = False
        self._thoughts = Thoughts()
        self._thought = False
        self._length = 0
        self._annotations: list[Block] = []
        self._images = 0

    def feed(self, event: Event) -> bytes:
        """Return what an event looks like."""
        return self._WRITERS[type(event)](self, event)

    def _part_event(self, event: _PartEvent) -> bytes:
        index = event.index
        if isinstance(event, PartStarted) and type(event.part) in self._speaking:
            self._waiting[index] = [event]
            return b""
        if index in self._waiting:
            self._waiting[index].append(event)
            return b""
        written = self._PARTS[type(event)](self, event)
        return written + self._next_parts() if self._waiting and isinstance(event, PartEnded) else written

    def _next_parts(self) -> bytes:
        """Return what has waited for the end of a part of its own sort."""
        written = b""
        while free := [index for index, events in self._waiting.items() if self._may_speak(events[0])]:
            for event in self._waiting.pop(min(free)):
                written += self._PARTS[type(event)](self, event)
        return written

    def _may_speak(self, event: _PartEvent) -> bool:
        return isinstance(event, PartStarted) and type(event.part) not in self._speaking

    def _chunk(self, delta: Block) -> bytes:
        return self._head + jsonx.encode(delta) + _REST

    # ------------------------------------------------------------------------------------------------- parts begin

    def _part_started(self, event: PartStarted) -> bytes:
        opened = self._open[event.index] = _Open(event.part)
        return self._STARTERS[type(event.part)](self, opened, event.part, event.index)

    def _start_text(self, opened: _Open, part: Text, index: int) -> bytes:
        self._speaking[Text] = index
        opened.head = self._head + b'{"content":'
        written = b""
        if part.seal is not None:
            lose(self.losses, f"parts[{index}]", None, "seal")
        if (audio := own_audio(part)) is not None:
            written = self._chunk({"audio": audio}) if audio else b""
            opened.head = self._head + b'{"audio":{"transcript":'
            opened.tail = b"}}" + _REST
        opened.cited = list(part.citations)
        return written + self._say(opened, part.text, part.logprobs)

    def _start_refusal(self, opened: _Open, part: Refusal, index: int) -> bytes:
        self._speaking[Refusal] = index
        self._refused = True
        opened.head = self._head + b'{"refusal":'
        return self._say(opened, part.text, None)

    def _start_reasoning(self, opened: _Open, part: Reasoning, index: int) -> bytes:
        self._speaking[Reasoning] = index
        opened.head = self._head + b'{"reasoning_content":'
        written = b""
        if needs_detail(part):
            opened.number, due = self._thoughts.begin()
            written = self._chunk({"reasoning_details": due}) if due else b""
        return written + self._say(opened, part.text, None)

    def _start_call(self, opened: _Open, part: ToolCall, index: int) -> bytes:
        """Begin a call, and hold it until its second piece: its seal is part of its id, and may come after the first.

        Calls that come in one piece are Gemini's.
        """
        written = self._release()
        if self._calls.legacy(part):
            if self._legacy or part.kind == "custom":
                lose(self.losses, f"parts[{index}]", part)
                opened.begun = True
                opened.number = -1
                return written
            self._legacy = True
        else:
            opened.number = self._called
            self._called += 1
        self._held = index
        if part.arguments:
            opened.pieces.append(part.arguments)
        return written

    def _start_media(self, opened: _Open, part: Media, index: int) -> bytes:
        if part.seal is not None:
            lose(self.losses, f"parts[{index}]", None, "seal")
        if (audio := own_audio(part)) is not None:
            return self._chunk({"audio": {**audio, "data": part.data}})
        if (image := encode_image(part, self._images)) is not None:
            self._images += 1
            return self._chunk({"images": [image]})
        lose(self.losses, f"parts[{index}]", part)
        return b""

    def _start_opaque(self, opened: _Open, part: Opaque, index: int) -> bytes:
        if part.dialect == DIALECT and isinstance(part.payload, dict):
            return self._chunk({"content": [part.payload]})
        lose(self.losses, f"parts[{index}]", part)
        return b""

    # ------------------------------------------------------------------------------------------------- parts go on

    def _text_delta(self, event: TextDelta) -> bytes:
        return self._say(self._open[event.index], event.text, event.logprobs)

    def _say(self, opened: _Open, text: str, logprobs: tuple[Block, ...] | None) -> bytes:
        kind = type(opened.part)
        opened.pieces.append(text)
        if logprobs and kind is Text:
            told = jsonx.encode({"content": encode_logprobs(logprobs), "refusal": None})
            return opened.head + jsonx.encode(text) + opened.tail.replace(b"null", told, 1)
        if not text:
            return b""
        return self._think(opened, text) if kind is Reasoning else opened.head + jsonx.encode(text) + opened.tail

    def _think(self, opened: _Open, text: str) -> bytes:
        plain = BETWEEN + text if self._thought and not opened.begun else text
        part, first = opened.part, not opened.begun
        self._thought = opened.begun = True
        if opened.number is None or not isinstance(part, Reasoning):
            return opened.head + jsonx.encode(plain) + opened.tail
        piece = encode_detail(msgspec.structs.replace(part, text=text, seal=None), opened.number, first=first)
        return self._chunk({"reasoning_content": plain, "reasoning_details": [piece]})

    def _arguments_delta(self, event: ArgumentsDelta) -> bytes:
        opened = self._open[event.index]
        if not event.text:
            return b""
        if opened.begun and not opened.gathers:
            opened.pieces = [event.text]
            return opened.head + jsonx.encode(event.text) + opened.tail if opened.head else b""
        opened.pieces.append(event.text)
        return self._release() if self._held == event.index and len(opened.pieces) > 1 else b""

    def _release(self) -> bytes:
        """Begin the call that was held; one whose text stands in an object says the text at its end."""
        index, self._held = self._held, None
        if index is None:
            return b""
        opened = self._open[index]
        opened.gathers = self._calls.unwraps(opened.part)
        return self._begin_call(opened, "" if opened.gathers else "".join(opened.pieces), index)

    def _begin_call(self, opened: _Open, arguments: str, index: int) -> bytes:
        opened.begun = True
        made = self._calls.write(msgspec.structs.replace(opened.part, seal=opened.seal), arguments)
        if opened.number is None:
            if opened.seal is not None:
                lose(self.losses, f"parts[{index}]", None, "seal")
            opened.head, opened.tail = self._head + b'{"function_call":{"arguments":', b"}}" + _REST
            return self._chunk({"function_call": made["function"]})
        kind, member = ("custom", "input") if made["type"] == "custom" else ("function", "arguments")
        opened.head = self._head + b'{"tool_calls":[{"index":%d,"%b":{"%b":' % (
            opened.number,
            kind.encode(),
            member.encode(),
        )
        opened.tail = b"}}]}" + _REST
        return self._chunk({"tool_calls": [{"index": opened.number, **made}]})

    def _seal(self, event: SealDelta) -> bytes:
        opened = self._open[event.index]
        part = opened.part
        if isinstance(part, Reasoning) or (isinstance(part, ToolCall) and not opened.begun):
            # Written with the details, or with the call's id.
            opened.seal = event.seal
        elif isinstance(part, ToolCall) and opened.number is not None and opened.number >= 0:
            google = {"thought_signature": seals.written(event.seal, "google")}
            return self._chunk({"tool_calls": [{"index": opened.number, "extra_content": {"google": google}}]})
        elif opened.seal is None:
            opened.seal = event.seal
            lose(self.losses, f"parts[{event.index}]", None, "seal")
        return b""

    def _cited(self, event: Cited) -> bytes:
        self._open[event.index].cited.append(event.citation)
        return b""

    # --------------------------------------------------------------------------------------------------- parts end

    def _part_ended(self, event: PartEnded) -> bytes:
        opened = self._open.pop(event.index)
        part = opened.part
        if isinstance(part, Text | Reasoning | Refusal):
            del self._speaking[type(part)]
        if isinstance(part, Text):
            self._end_text(opened, event.index)
        elif isinstance(part, Reasoning):
            return self._end_reasoning(opened, part)
        elif isinstance(part, ToolCall):
            # What was held of a call that was cut is never said.
            self._held = None if self._held == event.index else self._held
            return b"" if event.cut else self._end_call(opened, part, event.index)
        return b""

    def _end_reasoning(self, opened: _Open, part: Reasoning) -> bytes:
        text = "".join(opened.pieces)
        if opened.number is None:
            due = self._thoughts.add(msgspec.structs.replace(part, text=text, seal=opened.seal))
        elif text and opened.seal is None:
            due = []
        else:
            bare = msgspec.structs.replace(part, text="", seal=opened.seal)
            due = [encode_detail(bare, opened.number, first=not text)]
        return self._chunk({"reasoning_details": due}) if due else b""

    def _end_text(self, opened: _Open, index: int) -> None:
        length = sum(map(len, opened.pieces))
        for citation in opened.cited:
            made = encode_citation(citation, self._length, length)
            if made is None:
                lose(self.losses, f"parts[{index}]", None, "citation")
            else:
                self._annotations.append(made)
        if isinstance(opened.part, Text) and own_audio(opened.part) is None:
            self._length += length

    def _end_call(self, opened: _Open, part: ToolCall, index: int) -> bytes:
        text = "".join(opened.pieces)
        if not opened.begun:
            # Clients read the arguments as JSON.
            return self._begin_call(opened, text or empty_arguments(part), index)
        text = free_text(text) if opened.gathers else "" if text else empty_arguments(part)
        return opened.head + jsonx.encode(text) + opened.tail if opened.head and text else b""

    # ------------------------------------------------------------------------------------------------- the whole

    def _started(self, event: Started) -> bytes:
        self._named = {
            "id": encode_id(event.id),
            "object": "chat.completion.chunk",
            "created": event.created or self._received or 0,
            "model": event.model,
        }
        if event.service_tier is not None:
            self._named["service_tier"] = event.service_tier
        self._head = b"data: " + jsonx.encode(self._named)[:-1] + b',"choices":[{"index":0,"delta":'
        return self._chunk({"role": "assistant", "content": ""})

    def _usage_seen(self, event: UsageSeen) -> bytes:
        self._usage = event.usage.over(self._usage)
        return b""

    def _heartbeat(self, _: Heartbeat) -> bytes:
        return ALIVE

    def _ended(self, event: Ended) -> bytes:
        written = self._chunk({"annotations": self._annotations}) if self._annotations else b""
        called = self._called > 0 or self._legacy
        word, loss = encode_stop(event.stop, calls=called, refused=self._refused, legacy=self._legacy)
        if loss is not None:
            self.losses.append(loss)
        written += self._head + b'{},"logprobs":null,"finish_reason":"%b"}]}\n\n' % word.encode()
        if self._include_usage and self._usage is not None:
            usage = {**self._named, "choices": [], "usage": encode_usage(self._usage)}
            written += sse.write(jsonx.encode(usage))
        return written + _DONE

    def _failed(self, event: Failed) -> bytes:
        return encode_stream_error(event.failure)

    _STARTERS: ClassVar[dict[type[StreamedPart], Callable[[ChatStreamEncoder, _Open, Any, int], bytes]]] = {
        Text: _start_text,
        Refusal: _start_refusal,
        Reasoning: _start_reasoning,
        ToolCall: _start_call,
        Media: _start_media,
        Opaque: _start_opaque,
    }

    _PARTS: ClassVar[dict[type[_PartEvent], Callable[[ChatStreamEncoder, Any], bytes]]] = {
        PartStarted: _part_started,
        TextDelta: _text_delta,
        ArgumentsDelta: _arguments_delta,
        SealDelta: _seal,
        Cited: _cited,
        PartEnded: _part_ended,
    }

    _WRITERS: ClassVar[dict[type[Event], Callable[[ChatStreamEncoder, Any], bytes]]] = {
        **dict.fromkeys(_PARTS, _part_event),
        Started: _started,
        UsageSeen: _usage_seen,
        Heartbeat: _heartbeat,
        Ended: _ended,
        Failed: _failed,
    }
