"""A response as events and as one body."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count
from typing import Any

from argo_relay.simulator import responses_bodies as bodies
from argo_relay.simulator.answer import Answer, Beat, Part
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.errors import failed, fault
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.responses_bodies import Head, Outcome
from argo_relay.simulator.wire import named_event


def _words(part: Part) -> tuple[str, str, dict[str, Any]]:
    """Return the events' names of a part's pieces and of their sum, and where within the item they are."""
    if part.call is not None:
        name = "custom_tool_call_input" if part.call.free else "function_call_arguments"
        return f"response.{name}.delta", f"response.{name}.done", {}
    if part.kind == "thinking":
        return "response.reasoning_summary_text.delta", "response.reasoning_summary_text.done", {"summary_index": 0}
    return "response.output_text.delta", "response.output_text.done", {"content_index": 0}


class ResponsesVoice:
    """What is said, and the number of the event that comes next."""

    def __init__(self, head: Head, answer: Answer) -> None:
        self._head = head
        self._answer = answer
        self._names = [bodies.part_id(part) for part in answer.parts]
        self._numbers = count()

    @property
    def count(self) -> int:
        """Return how many pieces the reply has."""
        return self._answer.count

    @property
    def _status(self) -> str:
        return "incomplete" if self._answer.finish == "length" else "completed"

    def _event(self, name: str, **fields: Any) -> bytes:
        return named_event(name, dict(sorted({**fields, "sequence_number": next(self._numbers), "type": name}.items())))

    def _response(self, status: str | None, error: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the response, empty as long as it is not complete."""
        done = status not in {"in_progress", "failed"}
        last = len(self._names) - 1
        output = [
            bodies.item(
                self._head, part, name, "incomplete" if status == "incomplete" and index == last else "completed"
            )
            for index, (part, name) in enumerate(zip(self._answer.parts, self._names, strict=True))
        ]
        spent = bodies.usage(self._answer.tokens) if done else None
        return bodies.response(
            self._head, Outcome(status=status, output=output if done else [], spent=spent, error=error)
        )

    def opening(self) -> Iterator[bytes]:
        """Yield that the response exists and is in progress."""
        for name in ("response.created", "response.in_progress"):
            yield self._event(name, response=self._response("in_progress"))

    def beats(self) -> Iterator[list[bytes]]:
        """Yield a delta for each piece, with what begins and ends its item."""
        for beat in self._answer.beats():
            events = [*self._begun(beat), self._delta(beat), *self._done(beat)]
            yield events

    def _delta(self, beat: Beat) -> bytes:
        name, _, where = _words(beat.part)
        fields = where | {"delta": beat.piece, "item_id": self._names[beat.index], "output_index": beat.index}
        return self._event(name, **fields, **({"logprobs": []} if beat.part.kind == "text" else {}))

    def _begun(self, beat: Beat) -> Iterator[bytes]:
        if not beat.first:
            return
        part, index, name = beat.part, beat.index, self._names[beat.index]
        item = bodies.opened(self._head, part, name)
        yield self._event("response.output_item.added", item=item, output_index=index)
        yield from self._inner(beat, "added", "")

    def _inner(self, beat: Beat, state: str, text: str) -> Iterator[bytes]:
        """Yield what begins or ends the only part of a message's content, or of a reasoning's summary."""
        place = {"item_id": self._names[beat.index], "output_index": beat.index}
        if beat.part.kind == "text":
            part = bodies.output_text(text)
            yield self._event(f"response.content_part.{state}", content_index=0, **place, part=part)
        elif beat.part.kind == "thinking":
            part = bodies.summary_text(text)
            yield self._event(f"response.reasoning_summary_part.{state}", **place, part=part, summary_index=0)

    def _done(self, beat: Beat) -> Iterator[bytes]:
        if not beat.last:
            return
        part, index, name = beat.part, beat.index, self._names[beat.index]
        _, done, where = _words(part)
        yield self._event(done, **where, item_id=name, output_index=index, **self._sum(part))
        yield from self._inner(beat, "done", part.text)
        cut = self._status == "incomplete" and index == len(self._names) - 1
        item = bodies.item(self._head, part, name, "incomplete" if cut else "completed")
        yield self._event("response.output_item.done", item=item, output_index=index)

    def _sum(self, part: Part) -> dict[str, Any]:
        if part.call is None:
            return {"text": part.text} | ({"logprobs": []} if part.kind == "text" else {})
        return {"input": part.text} if part.call.free else {"arguments": part.text}

    def ending(self, orders: Directives) -> Iterator[bytes]:
        """Yield the whole response once more: it says why it ended, and ends the stream."""
        for index, part in enumerate(self._answer.parts):
            if not part.pieces:
                yield from self._untold(index, part)
        if not orders.no_finish and not orders.no_done:
            yield self._event(f"response.{self._status}", response=self._response(self._status))

    def _untold(self, index: int, part: Part) -> Iterator[bytes]:
        """Yield an item of which nothing is shown: a thought that was cut."""
        name = self._names[index]
        yield self._event("response.output_item.added", item=bodies.opened(self._head, part, name), output_index=index)
        yield self._event("response.output_item.done", item=bodies.item(self._head, part, name), output_index=index)

    def failing(self, kind: str | None = None) -> Iterator[bytes]:
        """Yield that it failed, as the vendor does."""
        code = "rate_limit_exceeded" if kind in {None, "quota"} else "server_error"
        error = {"code": code, "message": fault(kind or "quota")["error"]["message"]}
        yield self._event("response.failed", response=self._response("failed", error))

    def whole(self, orders: Directives) -> object:
        """Return the reply in one body."""
        return self._response(None if orders.no_finish else self._status)

    def failed(self, kind: str | None = None) -> Refusal:
        """Return a 429, unless it fails in another way."""
        return failed(kind or "quota")

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200."""
        return fault(kind or "quota")
