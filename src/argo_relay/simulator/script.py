"""A reply as a script: what is done on the connection, and when. Pure; `chat` acts it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count

import msgspec

from argo_relay.simulator import bodies
from argo_relay.simulator.bodies import Stamp, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.directives import Directives
from argo_relay.simulator.refusals import QUOTA
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.wire import JSON_HEADERS, STREAM_HEADERS, Headers, encode, event


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Something done `at` seconds after the request was read, or as soon as possible after that."""

    at: float


class Start(Step, frozen=True, kw_only=True):
    """The status line and the headers."""

    status: int
    headers: Headers


class Write(Step, frozen=True, kw_only=True):
    """Bytes of the body, and how many events (or whole replies) are complete with them."""

    data: bytes
    events: int = 0


class Finish(Step, frozen=True, kw_only=True):
    """The proper end."""


class Cut(Step, frozen=True, kw_only=True):
    """The connection is closed where it stands."""


class Hang(Step, frozen=True, kw_only=True):
    """Nothing more, ever."""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is said; with a call, the pieces are its arguments."""

    stamp: Stamp
    pieces: tuple[str, ...]
    finish: str
    tokens: Tokens
    call: Call | None = None
    include_usage: bool = False


def refused(refusal: Refusal, at: float = 0.0) -> Iterator[Step]:
    """Yield an error, whole."""
    length = (b"content-length", str(len(refusal.body)).encode())
    yield Start(at=at, status=refusal.status, headers=(*refusal.headers, length))
    yield Write(at=at, data=refusal.body, events=1)
    yield Finish(at=at)


def _limits(orders: Directives, pieces: int) -> tuple[int, str | None]:
    """Return how many pieces are sent, and what then goes wrong: drop, stall, error or nothing."""
    wrongs = {"drop": orders.drop_after, "stall": orders.stall_after, "error": orders.error_after}
    reached = [(limit, name) for name, limit in wrongs.items() if limit is not None and limit <= pieces]
    return min(reached, key=lambda pair: pair[0]) if reached else (pieces, None)


def _comments(start: float, end: float | None, every: float | None) -> Iterator[Step]:
    if every is None:
        return
    for number in count(1):
        at = start + number * every
        if end is not None and at >= end:
            return
        yield Write(at=at, data=b": still waiting\n\n")


def streamed(reply: Reply, orders: Directives) -> Iterator[Step]:
    """Yield a reply as events: the role, the pieces, the finish, the usage if asked for, and [DONE]."""
    sent, wrong = _limits(orders, len(reply.pieces))
    now = orders.headers
    yield Start(at=now, status=200, headers=STREAM_HEADERS)
    for index in range(sent):
        then = orders.time_of(index)
        yield from _comments(now, then, orders.comments)
        now = then
        if index == 0:
            yield _event(now, bodies.chunk(reply.stamp, bodies.opening_delta(reply.call)))
        yield _event(now, bodies.chunk(reply.stamp, bodies.delta(reply.pieces[index], reply.call)))
    if wrong == "drop":
        yield Cut(at=now)
    elif wrong == "stall":
        yield from _comments(now, None, orders.comments)
        yield Hang(at=now)
    elif wrong == "error":
        yield _event(now, QUOTA)
        yield Finish(at=now)
    else:
        yield from _ending(reply, orders, now)


def _event(at: float, value: object) -> Write:
    return Write(at=at, data=event(value), events=1)


def _ending(reply: Reply, orders: Directives, now: float) -> Iterator[Step]:
    if not orders.no_finish:
        yield _event(now, bodies.chunk(reply.stamp, {}, reply.finish))
    if reply.include_usage:
        yield _event(now, bodies.usage_chunk(reply.stamp, reply.tokens))
    if not orders.no_done:
        yield Write(at=now, data=b"data: [DONE]\n\n", events=1)
    yield Finish(at=now)


def whole(reply: Reply, orders: Directives) -> Iterator[Step]:
    """Yield a reply in one body, after the time its pieces take.

    Its status line waits for the body, unless `headers` ordered it earlier.
    """
    sent, wrong = _limits(orders, len(reply.pieces))
    end = orders.time_of(sent - 1)
    finish = None if orders.no_finish else reply.finish
    body = encode(bodies.whole(reply.stamp, "".join(reply.pieces), reply.call, finish, reply.tokens))
    early = orders.headers < orders.first_token
    start = Start(
        at=orders.headers if early else end,
        status=200,
        headers=(*JSON_HEADERS, (b"content-length", str(len(body)).encode())),
    )
    if wrong == "error":
        yield from refused(Refusal(status=429, body=encode(QUOTA)), end)
        return
    if wrong != "stall" or early:
        yield start
    if wrong == "stall":
        yield Hang(at=end)
    elif wrong == "drop":
        yield Write(at=end, data=body[: len(body) // 2])
        yield Cut(at=end)
    else:
        yield Write(at=end, data=body, events=1)
        yield Finish(at=end)


def in_pieces(steps: Iterable[Step], size: int) -> Iterator[Step]:
    """Yield `steps` with their bytes cut every `size`: writes that no wait separates run together before the cut."""
    buffer, events, at = bytearray(), 0, 0.0
    for step in steps:
        if buffer and (step.at > at or not isinstance(step, Write)):
            yield Write(at=at, data=bytes(buffer), events=events)
            buffer.clear()
            events = 0
        if not isinstance(step, Write):
            yield step
            continue
        buffer += step.data
        events += step.events
        at = step.at
        while len(buffer) > size:
            yield Write(at=at, data=bytes(buffer[:size]))
            del buffer[:size]
