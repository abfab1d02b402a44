"""Events as Gemini's stream, for a client: server-sent events, or one JSON array where the client asked for that.

Every chunk is a reply with the next piece of its content. Chunks have no part numbers, so parts go out one after the
other: what arrives for a later part waits. No chunk has an empty list of candidates: google-genai 1.75 fails on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from argo_relay.dialects.google.content_encoder import Citations, encode_logprobs, encode_reply_part, encode_seal
from argo_relay.dialects.google.errors import error_object
from argo_relay.dialects.google.stops import encode_block, encode_stop
from argo_relay.dialects.google.usage import encode_usage
from argo_relay.framing import jsonx, sse
from argo_relay.neutral.content import Citation, Media, Reasoning, Refusal, Seal, Text, ToolCall
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
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.reply import Usage
from argo_relay.neutral.request import Request

_Delta = TextDelta | ArgumentsDelta | SealDelta | Cited | PartEnded
_HEAD: Final = b'{"candidates":[{"content":{"parts":['
_ROLE: Final = b'],"role":"model"},"index":0'


class GoogleStreamEncoder:
    """Writes one stream for the client that sent `request`."""

    def __init__(self, request: Request) -> None:
        self.losses: Losses = []
        self._array = bool(request.extras.get("google", {}).get("array"))
        self._between = b"["
        self._tail = b"}]}"
        self._named: dict[str, Any] = {}
        self._usage: Usage | None = None
        self._current: int | None = None
        self._waiting: dict[int, list[PartStarted | _Delta]] = {}
        self._part: StreamedPart = Text(text="")
        self._pieces: list[str] = []
        self._seal: Seal | None = None
        self._cited: list[Citation] = []
        self._citations = Citations()
        self._silent = True
        self._refused = False

    def feed(self, event: Event) -> bytes:
        """Return what an event looks like."""
        return _WAYS[type(event)](self, event)

    def _write(self, body: bytes) -> bytes:
        if not self._array:
            return sse.write(body)
        block = self._between + body
        self._between = b",\r\n"
        return block

    def _chunk(self, part: bytes, more: dict[str, Any] | None = None) -> bytes:
        """Return a chunk with one part; `more` are other members of the candidate."""
        self._silent = False
        members = b"," + jsonx.encode(more)[1:-1] if more else b""
        return self._write(_HEAD + part + _ROLE + members + self._tail)

    def _start(self, event: Started) -> bytes:
        named = {"modelVersion": event.model, "responseId": event.id}
        self._named = {name: value for name, value in named.items() if value}
        self._tail = b"}]" + (b"," + jsonx.encode(self._named)[1:] if self._named else b"}")
        return b""

    def _start_part(self, event: PartStarted) -> bytes:
        if self._current is not None:
            self._waiting[event.index] = [event]
            return b""
        part = event.part
        self._current, self._part, self._pieces = event.index, part, []
        self._seal = part.seal if isinstance(part, Text | Reasoning | ToolCall | Media) else None
        self._cited = list(part.citations) if isinstance(part, Text) else []
        if isinstance(part, Text | Reasoning | Refusal):
            if isinstance(part, Refusal):
                self._refused = True
                why = "Gemini has no refusals; the words stand as text."
                self.losses.append(Loss(path=self._path(), what="refusal", why=why, how="approximated"))
            return self._say(part.text, part.logprobs if isinstance(part, Text) else None)
        return b""

    def _delta(self, event: _Delta) -> bytes:
        if event.index != self._current:
            self._waiting.setdefault(event.index, []).append(event)
            return b""
        return _DELTAS[type(event)](self, event)

    def _add_text(self, event: TextDelta) -> bytes:
        return self._say(event.text, event.logprobs)

    def _say(self, text: str, logprobs: Sequence[dict[str, Any]] | None) -> bytes:
        if not text:
            return b""
        self._pieces.append(text)
        more = {"logprobsResult": encode_logprobs(logprobs)} if logprobs else None
        if isinstance(self._part, Reasoning):
            return self._chunk(b'{"text":' + jsonx.encode(text) + b',"thought":true}', more)
        return self._chunk(b'{"text":' + jsonx.encode(text) + b"}", more)

    def _add_arguments(self, event: ArgumentsDelta) -> bytes:
        self._pieces.append(event.text)
        return b""

    def _add_seal(self, event: SealDelta) -> bytes:
        self._seal = event.seal
        return b""

    def _add_citation(self, event: Cited) -> bytes:
        self._cited.append(event.citation)
        return b""

    def _end_part(self, event: PartEnded) -> bytes:
        block = self._close(cut=event.cut)
        while self._current is None and self._waiting:
            block += self._go_on(self._waiting.pop(min(self._waiting)))
        return block

    def _go_on(self, events: list[PartStarted | _Delta]) -> bytes:
        """Return what had to wait for the part before it."""
        block = b""
        for event in events:
            if isinstance(event, PartStarted):
                block += self._start_part(event)
            elif isinstance(event, PartEnded):
                block += self._close(cut=event.cut)
            else:
                block += self._delta(event)
        return block

    def _close(self, *, cut: bool) -> bytes:
        # Calls are said at their end, and whole.
        block = b"" if cut and isinstance(self._part, ToolCall) else self._ending()
        self._current = None
        return block

    def _ending(self) -> bytes:
        """Return what can be said of the current part only when it is complete."""
        part = self._part
        if isinstance(part, Text | Reasoning):
            if isinstance(part, Text):
                self._citations.add("".join(self._pieces), self._cited, self._path(), self.losses)
            if self._seal is None:
                return b""
            thought = {"thought": True} if isinstance(part, Reasoning) else {}
            return self._chunk(jsonx.encode({"text": "", **thought, "thoughtSignature": encode_seal(self._seal)}))
        if isinstance(part, Refusal):
            return b""
        if isinstance(part, ToolCall):
            part = msgspec.structs.replace(part, arguments=part.arguments + "".join(self._pieces), seal=self._seal)
        elif isinstance(part, Media):
            part = msgspec.structs.replace(part, seal=self._seal)
        wire = encode_reply_part(part, self._path(), self.losses)
        return b"" if wire is None else self._chunk(jsonx.encode(wire))

    def _path(self) -> str:
        return f"parts[{self._current}]"

    def _note_usage(self, event: UsageSeen) -> bytes:
        self._usage = event.usage.over(self._usage)
        return b""

    def _live(self, event: Heartbeat) -> bytes:
        return b"\n" if self._array else b"\n\n"

    def _end(self, event: Ended) -> bytes:
        stop = event.stop
        blocked = encode_block(stop) if self._silent else None
        last: dict[str, Any] = {}
        if blocked is not None:
            last["promptFeedback"] = {"blockReason": blocked}
        else:
            candidate = {
                "content": {"parts": [{"text": ""}], "role": "model"},
                "finishReason": encode_stop(stop, refused=self._refused),
                "index": 0,
                **self._citations.metadata(),
            }
            last["candidates"] = [candidate]
        if stop.reason == "pause":
            self.losses.append(Loss(path="stop", what="pause", why="Gemini's replies end; they do not pause."))
        if self._usage is not None:
            last["usageMetadata"] = encode_usage(self._usage)
        return self._write(jsonx.encode(last | self._named)) + (b"]" if self._array else b"")

    def _fail(self, event: Failed) -> bytes:
        return self._write(jsonx.encode(error_object(event.failure))) + (b"]" if self._array else b"")


_DELTAS: Final[dict[type, Callable[[GoogleStreamEncoder, Any], bytes]]] = {
    TextDelta: GoogleStreamEncoder._add_text,
    ArgumentsDelta: GoogleStreamEncoder._add_arguments,
    SealDelta: GoogleStreamEncoder._add_seal,
    Cited: GoogleStreamEncoder._add_citation,
    PartEnded: GoogleStreamEncoder._end_part,
}
_WAYS: Final[dict[type, Callable[[GoogleStreamEncoder, Any], bytes]]] = {
    Started: GoogleStreamEncoder._start,
    PartStarted: GoogleStreamEncoder._start_part,
    **dict.fromkeys(_DELTAS, GoogleStreamEncoder._delta),
    UsageSeen: GoogleStreamEncoder._note_usage,
    Heartbeat: GoogleStreamEncoder._live,
    Ended: GoogleStreamEncoder._end,
    Failed: GoogleStreamEncoder._fail,
}
