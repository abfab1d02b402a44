"""A chat reply as events and as one body."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from argo_relay.simulator import chat_bodies as bodies
from argo_relay.simulator.answer import Answer, Beat
from argo_relay.simulator.chat_bodies import Stamp
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import failed, fault
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.wire import event

_DONE = b"data: [DONE]\n\n"


class ChatVoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, by whom, and whether a stream tells what that cost."""

    stamp: Stamp
    answer: Answer
    include_usage: bool = False

    @property
    def count(self) -> int:
        """Return how many pieces the reply has."""
        return self.answer.count

    def opening(self) -> Iterator[bytes]:
        """Yield nothing: the role comes with the first piece."""
        yield from ()

    def beats(self) -> Iterator[list[bytes]]:
        """Yield a chunk for each piece, and one more where a call begins."""
        for beat in self.answer.beats():
            yield [event(bodies.chunk(self.stamp, delta)) for delta in self._deltas(beat)]

    def _deltas(self, beat: Beat) -> Iterator[dict[str, object]]:
        call = beat.part.call
        if beat.first and beat.index == 0:
            yield bodies.opening_delta(self.stamp, call)
        elif beat.first and call is not None:
            yield bodies.opening_call(self.stamp, call, beat.index)
        yield bodies.delta(beat.piece, None if call is None else beat.index)

    def ending(self, orders: Directives) -> Iterator[bytes]:
        """Yield the finish, the usage if asked for, and [DONE]."""
        if not orders.no_finish:
            yield event(bodies.chunk(self.stamp, {}, self.answer.finish))
        if self.include_usage:
            yield event(bodies.usage_chunk(self.stamp, self.answer.tokens))
        if not orders.no_done:
            yield _DONE

    def failing(self, kind: str | None = None) -> Iterator[bytes]:
        """Yield the error as a chunk of its own, and nothing after it."""
        yield event(fault(kind or "quota"))

    def whole(self, orders: Directives) -> object:
        """Return the reply in one body."""
        return bodies.whole(self.stamp, self.answer, None if orders.no_finish else self.answer.finish)

    def failed(self, kind: str | None = None) -> Refusal:
        """Return a 429, unless it fails in another way."""
        return failed(kind or "quota")

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200."""
        return fault(kind or "quota")
