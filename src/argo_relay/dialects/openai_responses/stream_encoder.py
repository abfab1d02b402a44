"""Events become a Responses stream: https://platform.openai.com/docs/api-reference/responses-streaming.

What clients need of it: `response.created` first, an item added before anything of it and done after it (Codex takes
its items from there), numbers that rise, and a last event with the whole response (the official SDK takes the answer
from there). A message's or a thought's item stays open until it is plain that no further part joins it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from typing import Any, ClassVar, Final

from argo_relay.dialects.openai_responses.content_encoder import (
    ItemWriter,
    Open,
    encode_annotation,
    encode_logprobs,
    own_members,
)
from argo_relay.dialects.openai_responses.errors import encode_failed
from argo_relay.dialects.openai_responses.options import repeated
from argo_relay.dialects.openai_responses.outline import DIALECT, ISSUER
from argo_relay.dialects.openai_responses.stops import encode_stop
from argo_relay.dialects.openai_responses.usage import encode_usage
from argo_relay.framing import jsonx
from argo_relay.neutral import seals
from argo_relay.neutral.content import Citation, Media, Opaque, Reasoning, Refusal, Text, ToolCall
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
from argo_relay.neutral.loss import Loss
from argo_relay.neutral.reply import Usage
from argo_relay.neutral.request import Request

_PREFIX: Final = "resp_"
# Also what servers of this API use instead: xAI and others UUIDs, OpenRouter `gen-`, Copilot `req_`. A client may
# continue a response by the id that its upstream knows.
_OWN_IDS: Final = re.compile(r"resp_|[0-9a-f]{8}-[0-9a-f]{4}-|gen-|req_")
_TEXT: Final = ("output_text", "text")
_REFUSAL: Final = ("refusal", "refusal")


class ResponsesStreamEncoder(ItemWriter):
    """Writes one stream; fed every event in order. `response` is the response as its last event says it."""

    def __init__(self, request: Request) -> None:
        super().__init__(request)
        self.response: dict[str, Any] = {}
        self._request = request
        self._underway = b""
        self._usage: Usage | None = None
        self._refused = False

    def feed(self, event: Event) -> bytes:
        """Return what an event looks like; Heartbeat gives `response.in_progress`, after `response.created`."""
        return self._WRITERS[type(event)](self, event)

    # ---------------------------------------------------------------------------------------------- the response

    def _started(self, event: Started) -> bytes:
        if not self.response:
            return self._begin(event.id, event)
        # A heartbeat has begun the response. Clients hold on to the id that they were told.
        self._know(event)
        return b""

    def _begin(self, identifier: str, event: Started | None) -> bytes:
        if not _OWN_IDS.match(identifier):
            identifier = _PREFIX + identifier
        self._bare = identifier.removeprefix(_PREFIX)
        self.response = {
            "id": identifier,
            "object": "response",
            "created_at": self._request.received or 0,
            "status": "in_progress",
            "error": None,
            "incomplete_details": None,
            "model": self._request.model,
            "output": [],
            "usage": None,
            **repeated(self._request),
        }
        self._know(event)
        return self._lifecycle(b"response.created", self._underway) + self._in_progress()

    def _know(self, event: Started | None) -> None:
        if event is not None:
            self.response["model"] = event.model
            self.response["created_at"] = event.created or self._request.received or 0
            if event.service_tier is not None:
                self.response["service_tier"] = event.service_tier
        self._underway = jsonx.encode(self.response)

    def _heartbeat(self, event: Heartbeat) -> bytes:
        del event
        return self._in_progress() if self.response else self._begin(self._made_id(), None)

    def _made_id(self) -> str:
        """Return an id for a response whose upstream has not yet named it: only the same request gets the same one."""
        return hashlib.sha256(repr(self._request).encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def _in_progress(self) -> bytes:
        return self._lifecycle(b"response.in_progress", self._underway)

    def _lifecycle(self, kind: bytes, response: bytes) -> bytes:
        return self._event(kind, b'"response":%b' % response)

    def _usage_seen(self, event: UsageSeen) -> bytes:
        self._usage = event.usage.over(self._usage)
        return b""

    def _ended(self, event: Ended) -> bytes:
        ending = encode_stop(event.stop, refused=self._refused)
        if ending.loss is not None:
            self.losses.append(ending.loss)
        written = self._release() + self._settle("completed" if ending.status == "completed" else "incomplete")
        self.response |= {
            "status": ending.status,
            "incomplete_details": ending.details,
            "output": self._output,
            "usage": encode_usage(self._usage),
        }
        kind = b"response.completed" if ending.status == "completed" else b"response.incomplete"
        return written + self._lifecycle(kind, jsonx.encode(self.response))

    def _failed(self, event: Failed) -> bytes:
        written = self._settle("completed") if self.response else self._begin(self._made_id(), None)
        self.response |= {
            "status": "failed",
            "error": encode_failed(event.failure),
            "output": [item for item in self._output if id(item) not in self._unfinished],
            "usage": encode_usage(self._usage),
        }
        return written + self._lifecycle(b"response.failed", jsonx.encode(self.response))

    # ------------------------------------------------------------------------------------------------- the parts

    def _part_started(self, event: PartStarted) -> bytes:
        written = self._release()
        part = event.part
        if self.lost(part, event.index):
            return written
        starter = self._STARTERS[type(part)]
        opened = Open(part)
        if not (self._lingering is not None and self._joins(part, self._lingering)):
            written += self._settle("completed")
        self._open[event.index] = opened
        return written + starter(self, opened, event.index)

    def _joins(self, part: StreamedPart, last: Open) -> bool:
        if isinstance(part, Opaque):
            mine = part.payload if isinstance(part.payload, dict) and part.dialect == DIALECT else {}
        else:
            mine = part.extras.get(DIALECT, {})
        if "joins" not in mine:
            return False
        return isinstance(part, Reasoning) == (last.item.get("type") == "reasoning")

    def _part_ended(self, event: PartEnded) -> bytes:
        opened = self._open.get(event.index)
        if opened is None:
            return b""
        del self._open[event.index]
        if event.cut:
            return self._break_off(opened)
        written = self._release() if opened is self._waiting else b""
        return written + self._ENDERS[type(opened.part)](self, opened)

    def _break_off(self, opened: Open) -> bytes:
        """End a part that is not complete: its text is told like any other, a call is never told as done."""
        if isinstance(opened.part, ToolCall):
            self.cut_call(opened)
            return b""
        opened.item["status"] = "incomplete"
        return self._ENDERS[type(opened.part)](self, opened)

    def _sealed(self, event: SealDelta) -> bytes:
        opened = self._open.get(event.index)
        if opened is None:
            return b""
        if isinstance(opened.part, Reasoning):
            opened.item["encrypted_content"] = seals.written(event.seal, ISSUER)
        elif isinstance(opened.part, ToolCall) and opened is self._waiting:
            opened.seal = event.seal
        else:
            self._lose_seal(event.index)
        return b""

    # ---------------------------------------------------------------------------------------- texts and thoughts

    def _start_said(self, opened: Open, index: int) -> bytes:
        part = opened.part
        if not isinstance(part, Text | Refusal):
            return b""
        written = self._start_message(opened, part.extras.get(DIALECT, {}))
        kind, member = _TEXT if isinstance(part, Text) else _REFUSAL
        opened.slot = {"type": kind, member: "", **({"annotations": [], "logprobs": []} if kind == _TEXT[0] else {})}
        opened.slot |= own_members(part)
        opened.item["content"].append(opened.slot)
        written += self._slot_event(b"response.content_part.added", opened)
        delta = b"response.%b.delta" % kind.encode()
        empty = b',"logprobs":[]' if kind == _TEXT[0] else b""
        opened.delta = b'event: %b\ndata: {"type":"%b",%b%b,"delta":' % (delta, delta, self._place(opened), empty)
        if isinstance(part, Refusal):
            self._refused = True
            return written + (self._say(opened, part.text) if part.text else b"")
        if part.seal is not None:
            self._lose_seal(index)
        if part.logprobs:
            written += self._say_probably(opened, part.text, part.logprobs)
        elif part.text:
            written += self._say(opened, part.text)
        return written + b"".join([self._cite(opened, index, citation) for citation in part.citations])

    def _start_reasoning(self, opened: Open, index: int) -> bytes:
        del index
        part = opened.part
        if not isinstance(part, Reasoning):
            return b""
        written, last = b"", self._lingering
        if last is not None:
            opened.item, opened.at = last.item, last.at
            self._lingering = None
        else:
            item = {"id": self._item_id(part.item, "rs"), "type": "reasoning", "summary": [], **own_members(part)}
            written = self._add_item(opened, item)
        if part.seal is not None:
            opened.item["encrypted_content"] = seals.written(part.seal, ISSUER)
        return written + (self._think(opened, part.text) if part.text else b"")

    def _text_delta(self, event: TextDelta) -> bytes:
        opened = self._open.get(event.index)
        if opened is None:
            return b""
        if event.logprobs:
            return self._say_probably(opened, event.text, event.logprobs)
        if not event.text:
            return b""
        return self._say(opened, event.text) if opened.delta else self._think(opened, event.text)

    def _say_probably(self, opened: Open, text: str, logprobs: tuple[dict[str, Any], ...]) -> bytes:
        if not isinstance(opened.part, Text):
            return self._say(opened, text) if text else b""
        opened.pieces.append(text)
        full = encode_logprobs(logprobs)
        opened.slot["logprobs"] = [*opened.slot.get("logprobs", ()), *full]
        said = b',"logprobs":%b,"delta":%b' % (jsonx.encode(full), jsonx.encode(text))
        return self._event(b"response.output_text.delta", self._place(opened) + said)

    def _think(self, opened: Open, text: str) -> bytes:
        written = b""
        part = opened.part
        if not opened.begun:
            opened.begun = True
            # Codex gives only summaries back, and a foreign thought must come back: its seal is of this very text.
            full = isinstance(part, Reasoning) and part.form == "full" and part.item is not None
            field, kind = ("content", "reasoning_text") if full else ("summary", "summary_text")
            opened.slot = {"type": kind, "text": ""}
            texts = opened.item.setdefault(field, [])
            opened.place = len(texts)
            texts.append(opened.slot)
            written = self._thought_event(opened, b"added")
            delta = b"response.%b.delta" % (b"reasoning_text" if full else b"reasoning_summary_text")
            place = self._place(opened, b"content_index" if full else b"summary_index")
            opened.delta = b'event: %b\ndata: {"type":"%b",%b,"delta":' % (delta, delta, place)
        return written + self._say(opened, text)

    def _thought_event(self, opened: Open, what: bytes) -> bytes:
        full = opened.slot["type"] == "reasoning_text"
        place = self._place(opened, b"content_index" if full else b"summary_index")
        kind = b"response.content_part.%b" if full else b"response.reasoning_summary_part.%b"
        return self._event(kind % what, place + b',"part":%b' % jsonx.encode(opened.slot))

    def _cited(self, event: Cited) -> bytes:
        opened = self._open.get(event.index)
        return b"" if opened is None else self._cite(opened, event.index, event.citation)

    def _cite(self, opened: Open, index: int, citation: Citation) -> bytes:
        annotation = encode_annotation(citation)
        if annotation is None:
            why = "An annotation needs a URL here."
            self.losses.append(Loss(path=f"parts[{index}].citations", what="citation", why=why))
            return b""
        known = opened.slot["annotations"] = [*opened.slot.get("annotations", ()), annotation]
        said = b',"annotation_index":%d,"annotation":%b' % (len(known) - 1, jsonx.encode(annotation))
        return self._event(b"response.output_text.annotation.added", self._place(opened) + said)

    def _end_said(self, opened: Open) -> bytes:
        kind, member = _TEXT if isinstance(opened.part, Text) else _REFUSAL
        text = opened.slot[member] = "".join(opened.pieces)
        logprobs = b',"logprobs":%b' % jsonx.encode(opened.slot["logprobs"]) if kind == _TEXT[0] else b""
        said = b',"%b":%b' % (member.encode(), jsonx.encode(text)) + logprobs
        written = self._event(b"response.%b.done" % kind.encode(), self._place(opened) + said)
        return written + self._slot_event(b"response.content_part.done", opened) + self._linger(opened)

    def _end_reasoning(self, opened: Open) -> bytes:
        written = b""
        if opened.begun:
            text = opened.slot["text"] = "".join(opened.pieces)
            full = opened.slot["type"] == "reasoning_text"
            place = self._place(opened, b"content_index" if full else b"summary_index")
            kind = b"response.reasoning_text.done" if full else b"response.reasoning_summary_text.done"
            written = self._event(kind, place + b',"text":%b' % jsonx.encode(text))
            written += self._thought_event(opened, b"done")
        return written + self._linger(opened)

    _STARTERS: ClassVar[dict[type, Callable[[ResponsesStreamEncoder, Open, int], bytes]]] = {
        Text: _start_said,
        Refusal: _start_said,
        Reasoning: _start_reasoning,
        ToolCall: ItemWriter.start_call,
        Opaque: ItemWriter.start_opaque,
        Media: ItemWriter.start_media,
    }
    _ENDERS: ClassVar[dict[type, Callable[[ResponsesStreamEncoder, Open], bytes]]] = {
        Text: _end_said,
        Refusal: _end_said,
        Reasoning: _end_reasoning,
        ToolCall: ItemWriter.end_call,
        Opaque: ItemWriter.end_opaque,
        Media: ItemWriter.end_media,
    }
    _WRITERS: ClassVar[dict[type, Callable[[ResponsesStreamEncoder, Any], bytes]]] = {
        Started: _started,
        PartStarted: _part_started,
        TextDelta: _text_delta,
        ArgumentsDelta: ItemWriter.arguments_delta,
        SealDelta: _sealed,
        Cited: _cited,
        PartEnded: _part_ended,
        UsageSeen: _usage_seen,
        Heartbeat: _heartbeat,
        Ended: _ended,
        Failed: _failed,
    }
