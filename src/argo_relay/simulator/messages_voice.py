"""A message as events and as one body."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from argo_relay.simulator import chat_bodies
from argo_relay.simulator import messages_bodies as bodies
from argo_relay.simulator.answer import Answer, Beat, Tokens
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.messages_errors import failed, fault
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.seals import signature
from argo_relay.simulator.wire import named_event


def _event(value: dict[str, Any]) -> bytes:
    return named_event(value["type"], value)


class MessagesVoice(msgspec.Struct, frozen=True, kw_only=True):
    """What is said, under which id, and as which model."""

    id: str
    model: str
    answer: Answer
    created: int = 0
    """Seconds since 1970."""

    @property
    def count(self) -> int:
        """Return how many pieces the reply has."""
        return self.answer.count

    @property
    def _reason(self) -> str:
        return bodies.STOP_REASONS[self.answer.finish]

    def opening(self) -> Iterator[bytes]:
        """Yield the message without content; of what it will cost, only the prompt is known."""
        tokens = self.answer.tokens
        known = Tokens(
            prompt=tokens.prompt, completion=None if tokens.completion is None else min(tokens.completion, 1)
        )
        empty = bodies.message(self.id, self.model, [], None, bodies.usage(known))
        yield _event({"message": empty, "type": "message_start"})

    def beats(self) -> Iterator[list[bytes]]:
        """Yield a delta for each piece, with what begins and ends its block."""
        for beat in self.answer.beats():
            yield [_event(value) for value in self._events(beat)]

    def _events(self, beat: Beat) -> Iterator[dict[str, Any]]:
        part, index = beat.part, beat.index
        if beat.first:
            yield {"content_block": bodies.opened(part), "index": index, "type": "content_block_start"}
        yield {"delta": bodies.delta(part, beat.piece), "index": index, "type": "content_block_delta"}
        if not beat.last:
            return
        if part.kind == "thinking":
            sign = {"signature": signature(part.text), "type": "signature_delta"}
            yield {"delta": sign, "index": index, "type": "content_block_delta"}
        yield {"index": index, "type": "content_block_stop"}

    def ending(self, orders: Directives) -> Iterator[bytes]:
        """Yield the reason and the usage, and the end."""
        if not orders.no_finish:
            yield _event(bodies.message_delta(self._reason, self.answer.tokens))
        if not orders.no_done:
            yield _event({"type": "message_stop"})

    def failing(self, kind: str | None = None) -> Iterator[bytes]:
        """Yield an error, and nothing after it."""
        yield _event(fault(kind or "quota"))

    def whole(self, orders: Directives) -> object:
        """Return the reply in one body."""
        content = [bodies.block(part) for part in self.answer.parts]
        if orders.openai_shape:
            stamp = chat_bodies.Stamp(id=self.id, created=self.created, model=self.model, sdk=False)
            return chat_bodies.whole(stamp, self.answer, self.answer.finish)
        reason = None if orders.no_finish else self._reason
        return bodies.message(self.id, self.model, content, reason, bodies.usage(self.answer.tokens))

    def failed(self, kind: str | None = None) -> Refusal:
        """Return a 429, unless it fails in another way."""
        return failed(kind or "quota")

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200."""
        return fault(kind or "internal")
