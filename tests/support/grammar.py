"""Holds a stream of events to the grammar that `events` writes down."""

from __future__ import annotations

from typing import Final

from argo_relay.neutral.content import Media, Reasoning, Refusal, Text, ToolCall
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

_TAKES: Final[dict[type, tuple[type, ...]]] = {
    TextDelta: (Text, Reasoning, Refusal),
    ArgumentsDelta: (ToolCall,),
    SealDelta: (Text, Reasoning, ToolCall, Media),
    Cited: (Text,),
}


class BrokenGrammarError(AssertionError):
    """A codec of ours broke the grammar: a bug, never an upstream's fault."""


class Grammar:
    """Follows one stream; raises BrokenGrammarError at the first event that may not come where it came."""

    def __init__(self) -> None:
        self.started = False
        self.over = False
        self._open: dict[int, StreamedPart] = {}
        self._next = 0

    def feed(self, event: Event) -> None:
        """Take the next event."""
        self._require(not self.over, event, "after the end")
        if isinstance(event, Failed):
            self.over = True
        elif isinstance(event, Started):
            self._require(not self.started, event, "twice")
            self.started = True
        elif not isinstance(event, Heartbeat):
            self._require(self.started, event, "before Started")
            self._item(event)

    def finish(self) -> None:
        """Say that the stream is over."""
        self._require(self.over, None, "the stream stopped without Ended or Failed")

    def _item(self, event: Event) -> None:
        if isinstance(event, PartStarted):
            self._require(event.index == self._next, event, f"where part {self._next} was next")
            self._next += 1
            self._open[event.index] = event.part
        elif isinstance(event, PartEnded):
            self._require(event.index in self._open, event, "for a part that is not open")
            del self._open[event.index]
        elif isinstance(event, Ended):
            self._require(not self._open, event, f"with parts {sorted(self._open)} open")
            self.over = True
        elif not isinstance(event, UsageSeen | Started | Heartbeat | Failed):
            part = self._open.get(event.index)
            self._require(part is not None, event, "for a part that is not open")
            self._require(isinstance(part, _TAKES[type(event)]), event, f"for a {type(part).__name__}")

    def _require(self, fine: bool, event: Event | None, what: str) -> None:
        if not fine:
            raise BrokenGrammarError(f"{type(event).__name__} came {what}: {event}" if event is not None else what)
