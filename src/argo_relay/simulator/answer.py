"""What is said in answer to a request, before any dialect puts it on the wire: thoughts, words, calls, in pieces."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Literal

import msgspec

from argo_relay.simulator.access import notice
from argo_relay.simulator.calls import Call, arguments, chosen, fragments
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.prose import opening, pieces, thoughts
from argo_relay.simulator.request import Tool, Turn
from argo_relay.simulator.sample import sample
from argo_relay.simulator.wire import encode

Finish = Literal["stop", "length", "tool_calls"]


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a reply cost; None writes null."""

    prompt: int | None
    completion: int | None
    thinking: int = 0

    @property
    def total(self) -> int | None:
        """Return the sum, where both are known."""
        return None if self.prompt is None or self.completion is None else self.prompt + self.completion


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One block of an answer; a call's pieces are its arguments."""

    kind: Literal["thinking", "text", "call"]
    pieces: tuple[str, ...]
    call: Call | None = None

    @property
    def text(self) -> str:
        """Return it whole."""
        return "".join(self.pieces)


class Beat(msgspec.Struct, frozen=True, kw_only=True):
    """One piece of an answer: which part it belongs to, and whether it begins or ends that."""

    index: int
    part: Part
    piece: str
    first: bool
    last: bool


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """All of it."""

    parts: tuple[Part, ...]
    finish: Finish
    tokens: Tokens

    @property
    def count(self) -> int:
        """Return how many pieces it has."""
        return sum(len(part.pieces) for part in self.parts)

    def beats(self) -> Iterator[Beat]:
        """Yield its pieces in their order."""
        for index, part in enumerate(self.parts):
            last = len(part.pieces) - 1
            for number, piece in enumerate(part.pieces):
                yield Beat(index=index, part=part, piece=piece, first=number == 0, last=number == last)


def denial(text: str) -> Answer:
    """Return Argo's notice as an answer, which costs nothing."""
    return Answer(parts=(Part(kind="text", pieces=(text,)),), finish="stop", tokens=Tokens(prompt=0, completion=0))


def wordless(part: Part, prompt: int, limit: int) -> Answer:
    """Return what is left of an answer whose thoughts took all of its limit: a `part` that says nothing."""
    return Answer(parts=(part,), finish="length", tokens=Tokens(prompt=prompt, completion=limit, thinking=limit))


def leaked(answer: Answer) -> Answer:
    """Return the answer with Claude's calls as text, as Argo's chat told them once; the finish is inferred."""
    calls = [part for part in answer.parts if part.call]
    if not calls:
        return answer
    text = "".join(str(_block(part, part.call)) for part in calls if part.call)
    said = Part(kind="text", pieces=fragments(text, 2))
    return Answer(parts=(said,), finish="stop", tokens=answer.tokens)


def _block(part: Part, call: Call) -> dict[str, object]:
    made = {"id": call.id, "input": json.loads(part.text), "name": call.name, "type": "tool_use"}
    return made | {"cache_control": None}


def _said(turn: Turn, name: str, orders: Directives) -> tuple[str, ...]:
    if turn.structured:
        return fragments(encode(sample(turn.schema)).decode(), orders.chunks)
    return pieces(opening(name, turn.images), orders.chunks, orders.size)


def _made(tools: list[Tool], orders: Directives, call_id: Callable[[], str]) -> Iterator[Part]:
    for tool in tools:
        call = Call(id=call_id(), name=tool.name, free=tool.free, namespace=tool.namespace)
        yield Part(kind="call", pieces=fragments(arguments(tool), orders.chunks), call=call)


def compose(turn: Turn, name: str, orders: Directives, call_id: Callable[[], str]) -> Answer:
    """Return the answer of the model with this `name`, an orders' worth of it and no more than the turn's limit."""
    thinking = thoughts(orders.think)
    tools = chosen(turn, orders)
    parts = [Part(kind="thinking", pieces=thinking)]
    finish: Finish = "tool_calls" if tools else "stop"
    if tools:
        parts += _made(tools, orders, call_id)
    else:
        parts.append(Part(kind="text", pieces=_said(turn, name, orders)))
        full = sum(len(part.pieces) for part in parts)
        parts = _limited(parts, turn.limit)
        parts = _announced(parts, orders)
        finish = "length" if sum(len(part.pieces) for part in parts) < full else "stop"
    kept = tuple(part for part in parts if part.pieces)
    spent = {"thinking": 0} | {part.kind: len(part.pieces) for part in kept}
    counted = Tokens(prompt=turn.tokens, completion=sum(len(part.pieces) for part in kept), thinking=spent["thinking"])
    nothing = Tokens(prompt=None, completion=None)
    return Answer(parts=kept, finish=finish, tokens=nothing if orders.usage == "null" else counted)


def _announced(parts: list[Part], orders: Directives) -> list[Part]:
    """Return the parts with Argo's notice before the words, as it put it there in March 2026."""
    if orders.notice is None:
        return parts
    text = notice(orders.notice) or ""
    return [Part(kind="text", pieces=(text, *part.pieces)) if part.kind == "text" else part for part in parts]


def _limited(parts: list[Part], limit: int | None) -> list[Part]:
    if limit is None:
        return parts
    kept = []
    for part in parts:
        kept.append(Part(kind=part.kind, pieces=part.pieces[:limit], call=part.call))
        limit -= len(kept[-1].pieces)
    return kept
