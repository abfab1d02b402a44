"""A stream gathered into one whole reply: for requests that an upstream answers in no other way."""

from __future__ import annotations

from argo_relay.dialects.base import Dialect
from argo_relay.exchange.translate import TranslateStage, ended
from argo_relay.framing.base import Frame
from argo_relay.neutral.events import CONTENT, Ended, Event, Failed
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage
from argo_relay.neutral.request import Request


class GatherStage:
    """See `exchange.stage.Stage`: all that the client gets comes at the end."""

    gathers = True

    def __init__(self, upstream: Dialect, client: Dialect, request: Request) -> None:
        self.upstream = upstream.framing
        self.client = client.framing
        self.usage: Usage | None = None
        self.events = 0
        self.ended = False
        self.failed = False
        self.failure: Failure | None = None
        self.losses: Losses = []
        self._to = client
        self._decoder = upstream.stream_decoder()
        self._fold = Fold()
        self._writer = TranslateStage(upstream, client, request)

    def whole(self, body: bytes) -> bytes:
        """Return the client's reply for an upstream that answers with a whole one after all."""
        written = self._writer.whole(body)
        self.usage, self.events, self.losses = self._writer.usage, self._writer.events, self._writer.losses
        return written

    def at_once(self, body: bytes) -> bytes:
        """Return the same: the client wants no stream."""
        return self.whole(body)

    def feed(self, frames: list[Frame]) -> bytes:
        """Take these frames in."""
        for frame in frames:
            self._take(self._decoder.feed(frame))
        return b""

    def skim(self, block: bytes) -> None:
        """Return nothing: every frame is taken in by itself."""
        del block

    def finish(self, frames: list[Frame]) -> bytes:
        """Return the reply; nothing when the stream has failed."""
        self.feed(frames)
        if not self.ended and self.failure is None:
            self._take(self._decoder.finish())
        if self.failure is not None:
            return b""
        written = self._writer.write(self._fold.reply())
        self.losses = self._writer.losses
        return written

    def cut(self) -> bytes | None:
        """Return the whole reply of what has come; a call that is not complete is left out."""
        if not self.ended and self.failure is None:
            self._take(ended(self._decoder))
        reply = self._fold.shortened()
        if reply is None or self.failure is not None:
            return None
        self.ended = True
        written = self._writer.write(reply)
        self.losses = self._writer.losses
        return written

    def heartbeat(self) -> bytes:
        """Return what may stand before the reply."""
        return b" "

    def fail(self, failure: Failure) -> bytes:
        """Return the error: it is the whole reply."""
        return self._to.encode_error(failure)

    def _take(self, events: list[Event]) -> None:
        for event in events:
            if self.ended or self.failure is not None:
                return
            if isinstance(event, Failed):
                self.failure = event.failure
                return
            self._fold.feed(event)
            self.events += isinstance(event, CONTENT)
            self.ended = isinstance(event, Ended)
        self.usage = self._fold.usage
