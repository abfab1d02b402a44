"""Events become a Reply, and a Reply becomes events: a whole reply and a stream are two sights of one thing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from argo_relay.neutral.content import Media, Opaque, Part, Reasoning, Refusal, Text, ToolCall, ToolResult
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    StreamedPart,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.reply import Reply, Stop, Usage

# Tuples, and not made anew in each question: a reply's six events take 2.1 us instead of 2.9.
_DELTAS: Final = (TextDelta, ArgumentsDelta, SealDelta, Cited)
_WORDS: Final = (Text, Reasoning, Refusal)
_SEALED: Final = (Text, Reasoning, ToolCall, Media)


class Fold:
    """Gathers one stream. `reply()` once it has ended; `partial(stop)` gives what there is once it has started."""

    def __init__(self) -> None:
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self.stop: Stop | None = None
        self.started: Started | None = None
        self._parts: list[_Growing] = []

    def feed(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, _DELTAS):
            self._parts[event.index].add(event)
        elif isinstance(event, PartStarted):
            self._parts.append(_Growing(event.part))
        elif isinstance(event, PartEnded):
            self._parts[event.index].ended = not event.cut
        elif isinstance(event, UsageSeen):
            self.usage = event.usage.over(self.usage)
        elif isinstance(event, Started):
            self.started = event
        elif isinstance(event, Ended):
            self.stop = event.stop
        elif isinstance(event, Failed):
            self.failure = event.failure

    def reply(self) -> Reply:
        """Return the whole reply of a stream that has ended; ValueError when it has not."""
        if self.stop is None:
            raise ValueError("the stream has not ended")
        return self.partial(self.stop)

    def partial(self, stop: Stop) -> Reply:
        """Return what has come, as a reply that stopped for `stop`; a call that is not complete is left out."""
        if self.started is None:
            raise ValueError("the stream has not started")
        parts = [grown.whole() for grown in self._parts if grown.ended or not isinstance(grown.part, ToolCall)]
        return Reply(
            id=self.started.id,
            model=self.started.model,
            created=self.started.created,
            service_tier=self.started.service_tier,
            parts=tuple(parts),
            stop=stop,
            usage=self.usage,
        )

    def ending(self) -> list[Event]:
        """Return what ends the stream here as at a length limit; nothing where nothing has been generated yet."""
        if self.started is None or not any(grown.says() for grown in self._parts):
            return []
        ends = [
            PartEnded(index=index, cut=not grown.closed()) for index, grown in enumerate(self._parts) if not grown.ended
        ]
        return [*ends, Ended(stop=Stop(reason="length"))]

    def shortened(self) -> Reply | None:
        """End the stream here as at a length limit, and return the reply; None where it would hold nothing."""
        for event in self.ending() if self.stop is None else ():
            self.feed(event)
        if self.stop is None:
            return None
        reply = self.reply()
        parts = tuple(part for part in reply.parts if not _empty(part))
        return msgspec.structs.replace(reply, parts=parts) if parts else None


class _Growing:
    """One part while it grows: texts are gathered in lists, so that a long reply costs no more than its length."""

    __slots__ = ("_cited", "_logprobs", "_pieces", "_seal", "ended", "part")

    def __init__(self, part: StreamedPart) -> None:
        self.part = part
        self.ended = False
        self._pieces: list[str] = []
        self._cited: list[Cited] = []
        self._logprobs: list[TextDelta] = []
        self._seal: SealDelta | None = None

    def add(self, event: TextDelta | ArgumentsDelta | SealDelta | Cited) -> None:
        if isinstance(event, SealDelta):
            self._seal = event
        elif isinstance(event, Cited):
            self._cited.append(event)
        else:
            self._pieces.append(event.text)
            if isinstance(event, TextDelta) and event.logprobs:
                self._logprobs.append(event)

    def says(self) -> bool:
        """Tell whether anything has been generated for this part."""
        return not _empty(self.part) or self._seal is not None or bool(self._cited) or any(self._pieces)

    def closed(self) -> bool:
        """Tell whether nothing can be missing of a part that nobody has ended yet: an object that has been closed.

        In Chat Completions calls end with the reply only, so that the first of several would be cut with the last.
        """
        part = self.part
        if not isinstance(part, ToolCall) or part.kind == "custom":
            return False
        return is_object(joined([part.arguments, *self._pieces]))

    def whole(self) -> Part:
        part = self.part
        if self._pieces and isinstance(part, ToolCall):
            part = msgspec.structs.replace(part, arguments=joined([part.arguments, *self._pieces]))
        elif self._pieces and isinstance(part, _WORDS):
            part = msgspec.structs.replace(part, text=joined([part.text, *self._pieces]))
        if self._seal is not None and isinstance(part, _SEALED):
            part = msgspec.structs.replace(part, seal=self._seal.seal)
        if isinstance(part, Text) and (self._cited or self._logprobs):
            part = msgspec.structs.replace(
                part,
                citations=(*part.citations, *(event.citation for event in self._cited)),
                logprobs=(*(part.logprobs or ()), *(one for event in self._logprobs for one in event.logprobs or ()))
                or None,
            )
        return part


def _empty(part: Part) -> bool:
    if isinstance(part, Text):
        return not (part.text or part.citations or part.seal)
    if isinstance(part, Refusal):
        return not part.text
    return isinstance(part, Reasoning) and not part.text and part.seal is None


def is_object(arguments: str) -> bool:
    """Tell whether a call's arguments are an object that has been closed: nothing can be missing of it."""
    try:
        return isinstance(json.loads(arguments), dict)
    except (ValueError, RecursionError):
        return False


def joined(pieces: Iterable[str]) -> str:
    """Return the whole text of pieces; an emoji that was cut between two of them is one again."""
    text = "".join(pieces)
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    return text


def unfold(reply: Reply) -> Iterator[Event]:
    """Yield the events of a whole reply: each part begins empty, its content comes in one delta."""
    yield Started(id=reply.id, model=reply.model, created=reply.created, service_tier=reply.service_tier)
    for index, part in enumerate(_streamed(reply)):
        yield from _unfold_part(index, part)
    if reply.usage is not None:
        yield UsageSeen(usage=reply.usage)
    yield Ended(stop=reply.stop)


def _streamed(reply: Reply) -> Iterator[StreamedPart]:
    for part in reply.parts:
        if not isinstance(part, ToolResult):
            yield part


def _unfold_part(index: int, part: StreamedPart) -> Iterator[Event]:
    replace = msgspec.structs.replace
    if isinstance(part, Media | Opaque):
        yield PartStarted(index=index, part=part)
    elif isinstance(part, ToolCall):
        yield PartStarted(index=index, part=replace(part, arguments="", seal=None))
        if part.arguments:
            yield ArgumentsDelta(index=index, text=part.arguments)
    else:
        yield from _unfold_text(index, part)
    if isinstance(part, Text | Reasoning | ToolCall) and part.seal is not None:
        yield SealDelta(index=index, seal=part.seal)
    yield PartEnded(index=index)


def _unfold_text(index: int, part: Text | Reasoning | Refusal) -> Iterator[Event]:
    replace = msgspec.structs.replace
    if isinstance(part, Text):
        yield PartStarted(index=index, part=replace(part, text="", seal=None, citations=(), logprobs=None))
        if part.text or part.logprobs:
            yield TextDelta(index=index, text=part.text, logprobs=part.logprobs)
        yield from (Cited(index=index, citation=citation) for citation in part.citations)
        return
    empty = replace(part, text="", seal=None) if isinstance(part, Reasoning) else replace(part, text="")
    yield PartStarted(index=index, part=empty)
    if part.text:
        yield TextDelta(index=index, text=part.text)
