"""Replies whose client has left, kept for a while: the same request joins its generation from the beginning.

The official SDKs give up after their own timeout and send the same request again. With `rejoin` configured, an
exchange does not learn at once that its client has left: its reply is recorded, and whoever sends the same request in
time gets the recording and then the rest, as if there had been no other. One at a time: a reply has one reader.

`Recorded` stands between an exchange and its client. `Rejoin` knows those that may be joined, by what was asked.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from argo_relay.dialects.base import Headers
from argo_relay.errors import ClientLeft
from argo_relay.exchange.client import Client
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.outlet import Outlet
from argo_relay.neutral.failure import Failure
from argo_relay.observe.record import Outcome
from argo_relay.upstreams.base import Operation

_PAID: Final = (Operation.GENERATE, Operation.COMPLETE)
# Who asks, and what is asked for beside the body; what is new with each attempt (ids, counts, traces) is none of it.
_ASKED: Final = (
    "authorization",
    "idempotency-key",
    "x-api-key",
    "x-goog-api-key",
    "x-on-timeout",
    "x-request-timeout",
    "x-server-timeout",
    "x-strict",
)
_ASKED_OWN: Final = ("anthropic-", "openai-")
_RETRIES: Final = "x-stainless-retry-count"
"""How often the official SDKs have sent this very request before; Claude Code says 0 each time."""
_COUNT: Final = re.compile(r"[0-9]{1,3}")
_OVERHEAD: Final = 100
"""Bytes that a recorded piece takes beside its own."""


class _Sink(Protocol):
    """What a reply is written to: see `Client`."""

    async def begin(self, status: int, headers: Headers) -> None: ...

    async def write(self, data: bytes, last: bool = False) -> None: ...

    def write_nowait(self, data: bytes) -> bool: ...

    def abort(self) -> None: ...


class _Mark(Protocol):
    """Tells what was asked from everything else, as a hash does."""

    def update(self, data: bytes, /) -> None: ...

    def digest(self) -> bytes: ...


class Rejoin:
    """The recordings of one relay, and the memory that they share."""

    def __init__(self, keep: float | None, memory: int) -> None:
        """`keep` is how long a reply waits without a reader, in seconds (None: not at all); `memory` is in bytes."""
        self.keep = keep
        self.free = memory
        """Bytes that recordings may still take."""
        self._open: dict[bytes, list[Recorded]] = {}

    def around(self, client: Client, entry: Entry) -> Recorded | None:
        """Return what stands between an exchange and its client; None where no reply is kept, and nothing does."""
        if self.keep is None or entry.operation not in _PAID:
            return None
        return Recorded(client, self, hashlib.sha256(_asked(entry, client.request_headers)))

    def twin(self, mark: bytes, retries: int) -> Recorded | None:
        """Return what the same request, sent again, is to join: one that waits, else one whose reader gave up unseen.

        A client's new request may be seen before the end of its old connection; the count tells which one is newer.
        """
        twins = self._open.get(mark, [])
        waiting = (one for one in twins if one.waits)
        return next(waiting, None) or next((one for one in twins if one.retries < retries), None)

    def add(self, mark: bytes, recorded: Recorded) -> None:
        """Let a reply be joined from now on."""
        self._open.setdefault(mark, []).append(recorded)

    def remove(self, mark: bytes, recorded: Recorded) -> None:
        """Let a reply be joined no more."""
        twins = self._open[mark]
        twins.remove(recorded)
        if not twins:
            del self._open[mark]

    def stop(self) -> None:
        """Keep nothing any more: what waits for a reader ends now."""
        self.keep = None
        for recorded in [one for twins in self._open.values() for one in twins if one.waits]:
            recorded.expire()


class Recorded:
    """An exchange's `Client`: the real one, or later who has joined; while there is none, the reply is kept."""

    def __init__(self, client: Client, rejoin: Rejoin, mark: _Mark) -> None:
        """`mark` is fed with the request's body."""
        self.request_headers: Mapping[str, str] = client.request_headers
        self.joined: Recorded | None = None
        """Whose reply this request's client gets."""
        self.request_id = ""
        self.outcome: Outcome | None = None
        """How the exchange ended; None while it runs."""
        self.failure: Failure | None = None
        self._client = client
        self._rejoin = rejoin
        self._mark = mark
        self._digest: bytes | None = None
        """What was asked, while this reply is recorded."""
        self._reader: _Reader | None = _Reader(client, _retries(client.request_headers))
        self._head: tuple[int, Headers] | None = None
        self._pieces: list[bytes] = []
        self._size = 0
        self._whole = False
        self._delivered = False
        self._on_leave: Callable[[], None] = _nothing
        self._timer: asyncio.TimerHandle | None = None

    @property
    def may_return(self) -> bool:
        """The client may leave, and come back for the reply."""
        return self._rejoin.keep is not None

    @property
    def waits(self) -> bool:
        """Nobody reads this reply."""
        return self._reader is None

    @property
    def rejoined(self) -> str | None:
        """The id of the first request, when this one has joined its reply."""
        return self.joined.request_id if self.joined else None

    @property
    def retries(self) -> int:
        """The retry count that its reader's request came with."""
        return self._reader.retries if self._reader else -1

    async def receive(self) -> bytes | None:
        """Return the next piece of the request's body, None at its end; raise ClientLeft."""
        piece = await self._client.receive()
        if piece:
            self._mark.update(piece)
        return piece

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Call `on_leave` when nobody reads the reply any more, and nobody is waited for."""
        self._on_leave = on_leave
        reader = self._reader
        self._client.watch(lambda: self._left(reader))

    def twin(self, request_id: str) -> Recorded | None:
        """Return whose reply to join. When there is none, this one is recorded from now on, and may be joined.

        To be asked once, when the body has been read and before anything is sent upstream.
        """
        self.request_id = request_id
        if not self.may_return:
            return None
        digest = self._mark.digest()
        self.joined = self._rejoin.twin(digest, self.retries)
        if self.joined is None:
            self._digest = digest
            self._rejoin.add(digest, self)
        return self.joined

    async def follow(self, outlet: Outlet, guest: Recorded) -> None:
        """Have the reply written to another request's client, from its beginning, and return when it is over.

        Raise ClientLeft when yet another request takes the reply over.
        """
        reader = _Reader(_Guest(outlet, guest, self.request_id), guest.retries)
        reader.level.clear()
        former, self._reader = self._reader, reader
        if former is not None:
            former.dismiss()
        self._stop_waiting()
        try:
            await self._replay(reader)
            await reader.over.wait()
        finally:
            self._left(reader)
        if reader.dismissed:
            raise ClientLeft

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the reply's head."""
        self._head = (status, headers)
        if self._digest is not None:
            self._take(sum(len(name) + len(value) for name, value in headers))
        if self._reader is not None:
            await self._reader.sink.begin(status, headers)

    async def write(self, data: bytes, last: bool = False) -> None:
        """Send a piece of the reply's body to whoever reads it; wait while that one does not read."""
        if self._reader is not None and not self._reader.level.is_set():
            await self._leveled()
        self._whole = last
        if self._digest is not None and self._take(len(data)):
            self._pieces.append(data)
        reader = self._reader
        if reader is not None:
            await reader.sink.write(data, last)
            if last and reader is self._reader:
                self._deliver()

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece to who reads it, where that takes no more: not while it is recorded, or somebody catches up."""
        reader = self._reader
        if reader is None or self._digest is not None or not reader.level.is_set():
            return False
        return reader.sink.write_nowait(data)

    def abort(self) -> None:
        """Cut the reader's connection, with whatever has not been sent yet."""
        if self._reader is not None:
            self._reader.sink.abort()

    def close(self, outcome: Outcome, failure: Failure | None) -> tuple[Outcome, Failure | None]:
        """Take note of how the exchange ended, and return that: when it joined another, what became of that one.

        Only a reply that is whole and good is kept any longer: after a failure the same request is a new attempt.
        """
        if self.joined is not None and outcome is Outcome.OK:
            outcome, failure = self.joined.outcome or outcome, self.joined.failure
        self.outcome, self.failure = outcome, failure
        # It holds the exchange, and with it the request.
        self._on_leave = _nothing
        if outcome is not Outcome.OK:
            self._drop()
        if self._reader is not None:
            self._reader.over.set()
        return outcome, failure

    def expire(self) -> None:
        """Keep the reply no longer: nobody has come for it."""
        self._drop()
        self._on_leave()

    async def _replay(self, reader: _Reader) -> None:
        """Write what there is so far; the exchange does not go on meanwhile, so that nothing piles up."""
        if self._head is not None:
            await reader.sink.begin(*self._head)
        for piece in tuple(self._pieces):
            if reader is not self._reader:
                return
            await reader.sink.write(piece)
        if self._whole:
            await reader.sink.write(b"", last=True)
            if reader is self._reader:
                self._deliver()
        reader.level.set()
        if self.outcome is not None:
            reader.over.set()

    async def _leveled(self) -> None:
        """Wait until the reader, if there is one, has got all that was written before."""
        while (reader := self._reader) is not None and not reader.level.is_set():
            await reader.level.wait()

    def _left(self, reader: _Reader | None) -> None:
        if reader is None or reader is not self._reader or self._delivered:
            return
        self._reader = None
        reader.level.set()
        if self._digest is None or self._rejoin.keep is None:
            self.expire()
        else:
            self._timer = asyncio.get_running_loop().call_later(self._rejoin.keep, self.expire)

    def _take(self, size: int) -> bool:
        """Take memory for a piece of a recording; where there is not enough, it is not recorded any more."""
        size += _OVERHEAD
        if size <= self._rejoin.free:
            self._rejoin.free -= size
            self._size += size
            return True
        if self._reader is None:
            self.expire()
        else:
            self._drop()
        return False

    def _deliver(self) -> None:
        self._delivered = True
        self._drop()

    def _drop(self) -> None:
        """Forget the recording; the exchange goes on, if it has not ended, as one that is not recorded."""
        self._stop_waiting()
        if self._digest is not None:
            self._rejoin.remove(self._digest, self)
            self._rejoin.free += self._size
        self._digest, self._size = None, 0
        self._pieces.clear()

    def _stop_waiting(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Reader:
    """Who reads a reply at the moment."""

    def __init__(self, sink: _Sink, retries: int) -> None:
        self.sink = sink
        self.retries = retries
        self.level = asyncio.Event()
        """It has got all that was recorded, or has left."""
        self.level.set()
        self.over = asyncio.Event()
        """Nothing more comes."""
        self.dismissed = False

    def dismiss(self) -> None:
        """Give the reply to another; the connection is dead, or about to be."""
        self.dismissed = True
        self.sink.abort()
        self.level.set()
        self.over.set()


class _Guest:
    """The client of a request that has joined another's reply: what is written goes through its own exchange."""

    def __init__(self, outlet: Outlet, client: Recorded, first: str) -> None:
        self._outlet = outlet
        self._client = client
        self._first = first

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head, with the request's own id, and the id of the request whose reply it is."""
        others = [(name, value) for name, value in headers if name != "x-request-id"]
        own = [("x-request-id", self._client.request_id), ("x-rejoined", self._first)]
        await self._outlet.begin(status, [*others, *own])

    async def write(self, data: bytes, last: bool = False) -> None:
        """Send a piece of the body."""
        await (self._outlet.end(data) if last else self._outlet.write(data))

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the body if that need not wait."""
        return self._outlet.write_nowait(data)

    def abort(self) -> None:
        """Cut the connection."""
        self._client.abort()


def _asked(entry: Entry, headers: Mapping[str, str]) -> bytes:
    """Return what a request says before its body; no two that differ give the same bytes."""
    place = (entry.dialect.name, entry.operation.value, entry.model, entry.stream, entry.array)
    said = [(name, headers[name]) for name in sorted(headers) if name in _ASKED or name.startswith(_ASKED_OWN)]
    return repr((place, said)).encode() + b"\0"


def _retries(headers: Mapping[str, str]) -> int:
    count = headers.get(_RETRIES, "")
    return int(count) if _COUNT.fullmatch(count) else 0


def _nothing() -> None:
    return None
