"""The verbatim lane: client and upstream speak the same dialect, so the upstream's bytes are the client's reply.

Nothing is decoded but what the relay must know: when content came, whether the stream ended properly, what it cost.
"""

from __future__ import annotations

from collections.abc import Callable

from argo_relay.dialects.base import Dialect
from argo_relay.errors import ConnectionBroken
from argo_relay.framing.base import Frame
from argo_relay.framing.jsonarray import JSON_ARRAY, last_element
from argo_relay.neutral.failure import Failure
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.reply import Usage


class VerbatimStage:
    """See `exchange.stage.Stage`."""

    def __init__(self, dialect: Dialect, hide: Callable[[bytes], bytes], *, array: bool = False) -> None:
        """`hide` takes the upstream's address out of an error's bytes; `array`: streams are JSON arrays."""
        self.upstream = self.client = JSON_ARRAY if array else dialect.framing
        self.usage: Usage | None = None
        self.events = 0
        self.ended = False
        self.failed = False
        self.failure: Failure | None = None
        self.losses: Losses = []
        self._dialect = dialect
        self._hide = hide
        self._array = array
        self._begun = False
        self._watch = dialect.watch_stream()

    def whole(self, body: bytes) -> bytes:
        """Return the reply as it came."""
        self.usage = self._dialect.read_reply(body).usage
        self.events = 1
        return body

    def feed(self, frames: list[Frame]) -> bytes:
        """Return the frames as they came, and what a stream lacks that its clients need."""
        watch = self._watch
        block: list[bytes] = []
        for frame in frames:
            carries, before = watch.feed(frame)
            self.events += carries
            block += (before, self._hide(frame.raw) if watch.failed else frame.raw)
            if watch.ended or watch.failed:
                # What an upstream says after its end, or after its own error, is no part of the reply.
                break
        self.ended, self.failed = watch.ended, watch.failed
        self._begun = self._begun or bool(frames)
        return b"".join(block)

    def finish(self, frames: list[Frame]) -> bytes:
        """Return the last frames, and what completes the stream."""
        block = b"" if self.ended or self.failed else self.feed(frames)
        rest = self._watch.finish()
        self.usage, self.failed = self._watch.usage, self._watch.failed
        if rest is None:
            raise ConnectionBroken("it ended the stream before the answer was complete")
        return block + rest

    def heartbeat(self) -> bytes:
        """Return the dialect's sign of life, before the upstream's first event or after it."""
        later = self._dialect.heartbeat_later
        return later if later is not None and self._begun else self._dialect.heartbeat

    def fail(self, failure: Failure) -> bytes:
        """Return the error as the stream's last event."""
        if self._array:
            return last_element(self._dialect.encode_error(failure), begun=self._begun)
        return self._watch.fail(failure)
