"""A reply as a script: what is done on the connection, and when. Pure; `route` acts it out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import count, islice
from typing import Protocol

import msgspec

from argo_relay.simulator.directives import Directives
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.wire import JSON_HEADERS, STREAM_HEADERS, Headers, encode


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


class Voice(Protocol):
    """A reply in the words of one dialect. A stream is asked for once and in order: an event may count those before."""

    @property
    def count(self) -> int:
        """Return how many pieces the reply has."""

    def opening(self) -> Iterator[bytes]:
        """Yield the events that come before any piece."""

    def beats(self) -> Iterator[list[bytes]]:
        """Yield the events of each piece."""

    def ending(self, orders: Directives) -> Iterator[bytes]:
        """Yield the events after the last piece."""

    def failing(self, kind: str | None = None) -> Iterator[bytes]:
        """Yield the events of a stream that fails, in this way or in the dialect's usual one."""

    def whole(self, orders: Directives) -> object:
        """Return the reply in one body."""

    def failed(self, kind: str | None = None) -> Refusal:
        """Return how a whole reply fails."""

    def hidden(self, kind: str | None = None) -> object:
        """Return the error that may come with status 200."""


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


def streamed(voice: Voice, orders: Directives, headers: Headers = STREAM_HEADERS) -> Iterator[Step]:
    """Yield a reply as events: what opens it with the status line, its pieces, and what ends it."""
    sent, wrong = _limits(orders, voice.count)
    if orders.hidden_error:
        sent, wrong = 0, "error"
    now = orders.headers
    yield Start(at=now, status=200, headers=headers)
    yield from _events(now, voice.opening())
    for index, beat in enumerate(islice(voice.beats(), sent)):
        then = orders.time_of(index)
        yield from _comments(now, then, orders.comments)
        now = then
        yield from _events(now, beat)
    if wrong == "drop":
        yield Cut(at=now)
    elif wrong == "stall":
        yield from _comments(now, None, orders.comments)
        yield Hang(at=now)
    else:
        yield from _events(now, voice.failing(orders.error_kind) if wrong == "error" else voice.ending(orders))
        yield Finish(at=now)


def _events(at: float, events: Iterable[bytes]) -> Iterator[Step]:
    return (Write(at=at, data=event, events=1) for event in events)


def whole(voice: Voice, orders: Directives) -> Iterator[Step]:
    """Yield a reply in one body, after the time its pieces take.

    Its status line waits for the body, unless `headers` ordered it earlier.
    """
    sent, wrong = _limits(orders, voice.count)
    end = orders.time_of(sent - 1)
    if wrong == "error":
        yield from refused(voice.failed(orders.error_kind), end)
        return
    body = encode(voice.hidden(orders.error_kind) if orders.hidden_error else voice.whole(orders))
    early = orders.headers < orders.first_token
    start = Start(
        at=orders.headers if early else end,
        status=200,
        headers=(*JSON_HEADERS, (b"content-length", str(len(body)).encode())),
    )
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
