"""Gemini's stream as events: https://ai.google.dev/api/generate-content#method:-models.streamgeneratecontent.

Each chunk is a whole reply with the next piece of its content. Parts have no marks of their own: text goes on in the
part before it while it is of the same sort, until a signature seals that part. No terminator exists: a `finishReason`
says that the reply is complete, usage may follow it, and some servers write one into every chunk.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Final

from argo_relay.dialects.google.content_decoder import (
    decode_citations,
    decode_logprobs,
    decode_media,
    decode_seal,
)
from argo_relay.dialects.google.errors import decode_error_object
from argo_relay.dialects.google.outline import in_list
from argo_relay.dialects.google.stops import decode_block, decode_stop, finish_of
from argo_relay.dialects.google.tools import PartialArguments
from argo_relay.dialects.google.usage import decode_usage
from argo_relay.errors import BadJson
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Opaque, Reasoning, Text, ToolCall
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
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.reply import Stop

_EMPTY: Final[dict[type, StreamedPart]] = {Text: Text(text=""), Reasoning: Reasoning(form="summary")}
_DONE: Final = b"[DONE]"
_NOT_IN_IDS = re.compile(r"[^A-Za-z0-9_-]")
_LONGEST_ID: Final = 40


class GoogleStreamDecoder:
    """Follows one stream. `whole`: what it is fed is a whole reply, complete even where no `finishReason` says so."""

    __slots__ = (
        "_arguments",
        "_called",
        "_finish",
        "_id",
        "_kind",
        "_logprobs",
        "_next",
        "_over",
        "_said_usage",
        "_sealed",
        "_started",
        "_stop",
        "_texts",
        "_usage",
        "_whole",
    )

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._over = False
        self._started = False
        self._id = ""
        self._next = 0
        # The part that is open, if any, is number `_next - 1`.
        self._kind: type | None = None
        self._sealed = False
        self._texts: list[str] = []
        self._arguments: PartialArguments | None = None
        self._called = False
        self._logprobs: tuple[dict[str, Any], ...] | None = None
        self._finish: Any = None
        self._stop: Stop | None = None
        self._usage: dict[str, Any] = {}
        self._said_usage: dict[str, Any] | None = None

    def feed(self, frame: Frame) -> list[Event]:
        """Return what a frame says."""
        if self._over:
            return []
        if frame.data is None:
            return [] if frame.raw.strip() in (b"[", b"]") else [Heartbeat()]
        try:
            return self.take(jsonx.decode_loosely(frame.data))
        except BadJson:
            return self._unreadable(frame.data.strip())

    def take(self, chunk: Any) -> list[Event]:
        """Return what a chunk says; servers put an error into a list at times."""
        events: list[Event] = []
        try:
            for one in chunk if isinstance(chunk, list) else (chunk,):
                if isinstance(one, dict) and not self._over:
                    self._take(one, events)
        except RecursionError:
            self._fail(_unreadable(), events)
        return events

    def finish(self) -> list[Event]:
        """Return the end: of a complete reply its stop, of another that it broke off."""
        if self._over:
            return []
        events: list[Event] = []
        if not self._started or not (self._whole or self._finish or self._stop):
            message = "The upstream ended the stream before the answer was complete. Try again in a moment."
            self._fail(_failure("upstream_incomplete", message), events)
            return events
        self._close(events)
        self._say_usage(events)
        self._over = True
        events.append(Ended(stop=self._stopped()))
        return events

    def _stopped(self) -> Stop:
        if self._finish:
            return decode_stop(self._finish, called=self._called)
        if self._stop is not None:
            return self._stop
        if self._next == 0:
            return Stop(reason="other")
        return Stop(reason="tool_calls" if self._called else "end")

    def _unreadable(self, data: bytes) -> list[Event]:
        if data == _DONE and (self._finish or self._stop):
            return self.finish()
        events: list[Event] = []
        if data != _DONE and not self._finish:
            self._fail(_unreadable(), events)
        return events

    def _fail(self, failure: Failure, events: list[Event]) -> None:
        if self._started:
            self._say_usage(events)
        self._over = True
        events.append(Failed(failure=failure))

    def _take(self, chunk: dict[str, Any], events: list[Event]) -> None:
        if error := chunk.get("error"):
            self._fail(decode_error_object(error), events)
            return
        if not chunk:
            events.append(Heartbeat())
            return
        if not self._started:
            self._start(chunk, events)
        usage = chunk.get("usageMetadata")
        if isinstance(usage, dict):
            self._usage = {**self._usage, **usage}
            if self._said_usage is None:
                self._say_usage(events)
        candidates = chunk.get("candidates")
        if isinstance(candidates, list):
            for candidate in candidates:
                # A client that wants several candidates is refused before: these can only be number 0.
                if isinstance(candidate, dict) and candidate.get("index") in (None, 0):
                    self._candidate(candidate, events)
        if "promptFeedback" in chunk:
            self._stop = decode_block(chunk["promptFeedback"]) or self._stop

    def _start(self, chunk: dict[str, Any], events: list[Event]) -> None:
        identifier, model = chunk.get("responseId"), chunk.get("modelVersion")
        if not isinstance(identifier, str) or not identifier:
            # Clients tell replies apart by their ids, so no two may have the same one.
            identifier = "gen_" + hashlib.blake2s(jsonx.encode(chunk), digest_size=9).hexdigest()
        self._id = _NOT_IN_IDS.sub("", identifier)[:_LONGEST_ID]
        self._started = True
        events.append(Started(id=identifier, model=model if isinstance(model, str) else ""))

    def _say_usage(self, events: list[Event]) -> None:
        if self._usage != (self._said_usage or {}) and (usage := decode_usage(self._usage)):
            self._said_usage = self._usage
            events.append(UsageSeen(usage=usage))

    def _candidate(self, candidate: dict[str, Any], events: list[Event]) -> None:
        if "logprobsResult" in candidate:
            self._logprobs = decode_logprobs(candidate["logprobsResult"])
        content = candidate.get("content")
        if isinstance(content, dict):
            for part in in_list(content.get("parts")):
                if isinstance(part, dict):
                    self._part(part, events)
        if "groundingMetadata" in candidate or "citationMetadata" in candidate:
            self._cite(candidate, events)
        if self._finish is not None or "finishReason" in candidate:
            reason = finish_of(candidate, self._finish)
            self._finish = candidate.get("finishReason") if self._whole and reason is None else reason

    def _cite(self, candidate: dict[str, Any], events: list[Event]) -> None:
        if self._kind is Text:
            index = self._next - 1
            citations = decode_citations(candidate, "".join(self._texts))
            events += [Cited(index=index, citation=citation) for citation in citations]

    def _part(self, part: dict[str, Any], events: list[Event]) -> None:
        text = part.get("text")
        if isinstance(text, str):
            self._text(part, text, events)
        elif isinstance(part.get("functionCall"), dict):
            self._call(part, part["functionCall"], events)
        elif (media := decode_media(part)) is not None:
            self._open(media, events)
            self._close(events)
        elif part.keys() - {"thought", "thoughtSignature"}:
            self._open(Opaque(dialect="google", payload=part), events)
            self._close(events)
        elif part.get("thoughtSignature"):
            self._text(part, "", events)

    def _text(self, part: dict[str, Any], text: str, events: list[Event]) -> None:
        kind = Reasoning if part.get("thought") else Text
        seal = decode_seal(part.get("thoughtSignature"))
        if self._kind is not kind or self._sealed:
            if not text and seal is None:
                return
            self._open(_EMPTY[kind], events)
        if text:
            self._texts.append(text)
            logprobs = self._logprobs if kind is Text else None
            if logprobs is not None:
                self._logprobs = None
            events.append(TextDelta(index=self._next - 1, text=text, logprobs=logprobs))
        if seal is not None:
            self._sealed = True
            events.append(SealDelta(index=self._next - 1, seal=seal))

    def _call(self, part: dict[str, Any], called: dict[str, Any], events: list[Event]) -> None:
        name = called.get("name")
        if isinstance(name, str) and name:
            self._begin_call(name, called, events)
        elif self._arguments is None:
            return
        seal = decode_seal(part.get("thoughtSignature"))
        if seal is not None:
            events.append(SealDelta(index=self._next - 1, seal=seal))
        if self._arguments is not None:
            for piece in in_list(called.get("partialArgs")):
                self._arguments.add(piece)
        if called.get("willContinue") is not True:
            self._close(events)

    def _begin_call(self, name: str, called: dict[str, Any], events: list[Event]) -> None:
        given, arguments = called.get("id"), called.get("args")
        made_up = not isinstance(given, str) or not given
        call = ToolCall(
            id=f"call_{self._id}_{self._next}" if made_up else str(given),
            name=name,
            extras={"google": {"id": None}} if made_up else {},
        )
        self._open(call, events)
        if called.get("willContinue") is True or "partialArgs" in called:
            self._arguments = PartialArguments(arguments)
            return
        text = jsonx.encode({} if arguments is None else arguments).decode()
        events.append(ArgumentsDelta(index=self._next - 1, text=text))

    def _open(self, part: StreamedPart, events: list[Event]) -> None:
        self._close(events)
        self._kind = type(part)
        events.append(PartStarted(index=self._next, part=part))
        self._next += 1

    def _close(self, events: list[Event]) -> None:
        """End the open part, if any."""
        if self._kind is None:
            return
        if self._arguments is not None:
            events.append(ArgumentsDelta(index=self._next - 1, text=self._arguments.text()))
            self._arguments = None
        self._called = self._called or self._kind is ToolCall
        self._kind, self._sealed, self._texts = None, False, []
        events.append(PartEnded(index=self._next - 1))


def _failure(code: str, message: str) -> Failure:
    return Failure(kind=FailureKind.UPSTREAM, status=502, code=code, message=message, at_fault="upstream")


def _unreadable() -> Failure:
    return _failure("upstream_bad_event", "The upstream sent an event that cannot be read. Try again in a moment.")
