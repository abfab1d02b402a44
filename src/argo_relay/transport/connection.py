"""One connection to an origin, and the reply that it carries: asyncio's protocol, without streams or tasks."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.transport.causes import Cause, alert_of
from argo_relay.transport.http1 import CLOSED, NO_HTTP, Origin, Parser
from argo_relay.transport.inflate import Inflater, inflater_of

_MOST_UNREAD: Final = 64 * 1024
"""Bytes that may wait to be read before the upstream is held back; a read may then go beyond it by 256 KiB.

What waits here the relay soon has in its hands in five forms, so it decides what a stream whose client does not read
can hold: 1.6 MiB at 64 KiB, 3.1 MiB at 256 (50 streams, tests/e2e/test_memory.py).
"""
_SLICE: Final = 256 * 1024
"""Bytes of a request's body that are handed to the system at once."""
_SMALL: Final = 64 * 1024
"""A body up to this size goes out in one piece with its head."""
_SETTLE_SECONDS: Final = 0.1
"""How long a finished reply may take to send its last empty chunk before its connection is given up."""
_IDLE_SECONDS: Final = 15.0
"""How long a connection waits for its next call: less than servers do, so that we are the ones to close it."""


class Home(Protocol):
    """Where connections belong."""

    def made(self, connection: Connection) -> None:
        """Take note that one stands."""
        ...

    def idle(self, connection: Connection) -> None:
        """Take one whose reply has ended, to serve again."""
        ...

    def lost(self, connection: Connection) -> None:
        """Take note that one is no more."""
        ...


class Connection(asyncio.Protocol):
    """Carries one reply after the other."""

    # What an event touches is seldom in a cache, and slots lie side by side.
    __slots__ = (
        "_alert",
        "_full",
        "_held_back",
        "_home",
        "_reply",
        "_spoke_first",
        "_transport",
        "_unsent",
        "_watched",
        "expires",
        "loop",
        "origin",
    )

    def __init__(self, origin: Origin, home: Home) -> None:
        self.origin = origin
        self.loop = asyncio.get_running_loop()
        self.expires = 0.0
        """Until when it may wait for its next call, in the loop's time."""
        self._home = home
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._unsent: memoryview | None = None
        self._full = False
        self._held_back = False
        self._spoke_first = False
        self._alert: Cause | None = None
        """What the other side had to say about our certificate, before there was anybody to tell."""
        self._watched: select.poll | None = None

    def send(self, head: bytes, body: bytes | None) -> Reply:
        """Send a request; return its reply, of which nothing has come."""
        reply = self._reply = Reply(self)
        transport = self._transport
        if transport is None or transport.is_closing() or self._spoke_first:
            # Closed in the moment between its making and now, or of no use, since it spoke first.
            self._reply = None
            broken = ConnectionBroken(NO_HTTP if self._spoke_first else CLOSED)
            reply.over(broken if self._alert is None else ConnectFailed(self._alert))
            self.cut()
        elif body is None or len(body) <= _SMALL:
            transport.write(head + body if body else head)
        else:
            transport.write(head)
            self._unsent = memoryview(body)
            self._push()
        return reply

    def cut(self) -> None:
        """Close at once, whatever is on its way."""
        self._unsent = None
        reply, self._reply = self._reply, None
        if reply is not None:
            reply.over(ConnectionBroken(CLOSED))
        if self._transport is not None:
            self._transport.abort()

    def is_quiet(self) -> bool:
        """Say whether it is open and nothing has arrived, not even what the loop has not seen yet, such as an end."""
        if self._transport is None or self._transport.is_closing():
            return False
        if self._watched is None:
            if not hasattr(select, "poll"):
                # On Windows; there the loop's word must do.
                return True
            self._watched = select.poll()
            self._watched.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        # Asked each time, 0.3 us: what nobody has asked for must never be read as the next call's reply.
        return not self._watched.poll(0)

    def hold_back(self) -> None:
        """Have the other side wait until what it has sent is read."""
        if not self._held_back and self._transport is not None and not self._transport.is_closing():
            self._held_back = True
            self._transport.pause_reading()

    def go_on(self) -> None:
        """Let the other side send again."""
        if self._held_back and self._transport is not None:
            self._held_back = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)
        self._home.made(self)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        reply = self._reply
        if reply is None:
            # Nobody has asked for it, so nobody could say what it belongs to.
            self._spoke_first = True
            self.cut()
            return
        parser = reply.parser
        try:
            parser.feed(data)
        except ConnectionBroken as broken:
            self._reply = None
            self.cut()
            reply.over(broken)
            return
        if parser.ended:
            self._reply = None
            reply.over(None)
            self._serve_again(parser)
            return
        if self._unsent is not None and parser.begun and parser.status >= 400:
            # It does not want the rest; where it stops, nothing could follow.
            self._unsent = None
            parser.reusable = False
        reply.arrived(len(data))

    def eof_received(self) -> bool:
        """See asyncio. Who closes one half is given up, also with a request that it has not read to its end."""
        self._lost(None)
        self.cut()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._alert = alert_of(exc)
        self._lost(exc)
        self._transport = None
        self._unsent = None
        self._home.lost(self)

    def pause_writing(self) -> None:
        """See asyncio."""
        self._full = True

    def resume_writing(self) -> None:
        """See asyncio."""
        self._full = False
        self._push()

    def _push(self) -> None:
        """Hand over as much of the body as the other side takes."""
        transport = self._transport
        while self._unsent is not None and not self._full and transport is not None:
            piece, rest = self._unsent[:_SLICE], self._unsent[_SLICE:]
            self._unsent = rest if len(rest) else None
            transport.write(piece)

    def _lost(self, exc: Exception | None) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        if exc is not None:
            reply.parser.abandon()
            late = self._alert if not reply.parser.touched else None
            reply.over(ConnectFailed(late) if late else ConnectionBroken(CLOSED))
            return
        try:
            reply.parser.finish()
        except ConnectionBroken as broken:
            reply.over(broken)
        else:
            reply.over(None)

    def _serve_again(self, parser: Parser) -> None:
        transport = self._transport
        kept = _IDLE_SECONDS if parser.idle is None else min(_IDLE_SECONDS, parser.idle - 1.0)
        whole = self._unsent is None and transport is not None and not transport.get_write_buffer_size()
        if not (parser.reusable and whole and kept > 0):
            self.cut()
            return
        self.go_on()
        self.expires = self.loop.time() + kept
        self._home.idle(self)


class Reply:
    """An upstream's reply; see Answer, which it is once `begun` has returned."""

    __slots__ = (
        "_connection",
        "_failure",
        "_inflater",
        "_left",
        "_loop",
        "_over",
        "_settling",
        "_take",
        "_unread",
        "_waiter",
        "headers",
        "parser",
        "reason",
        "status",
    )
    status: int
    reason: str
    headers: Mapping[str, str]

    def __init__(self, connection: Connection) -> None:
        self.parser = Parser()
        self._connection: Connection | None = connection
        self._loop = connection.loop
        self._waiter: asyncio.Future[None] | None = None
        self._take: Callable[[bytes], bool] | None = None
        self._left = b""
        """What was not taken."""
        self._over = False
        self._failure: UpstreamError | None = None
        self._unread = 0
        self._settling: asyncio.TimerHandle | None = None
        self._inflater: Inflater | None = None

    async def begun(self, *, inflate: bool = True) -> None:
        """Wait for the head; raise ConnectionBroken when none comes. Cancelling it cuts the connection.

        `inflate`: what comes compressed is read as if it had not been.
        """
        parser = self.parser
        try:
            while not (parser.begun or self._over):
                await self._more()
        except asyncio.CancelledError:
            self.close()
            raise
        if self._failure is not None and not parser.begun:
            raise self._failure
        self.status, self.reason, self.headers = parser.status, parser.reason, parser.headers
        if inflate and (encoding := parser.headers.get("content-encoding")):
            self._inflater = inflater_of(encoding)

    async def read(self, take: Callable[[bytes], bool] | None = None) -> bytes:
        """Return what has arrived; see Answer."""
        if self._inflater is not None:
            return await self._inflated(self._inflater)
        while not (self.parser.pieces or self._over):
            self._take = take
            try:
                await self._more()
            finally:
                self._take = None
            if self._left:
                left, self._left = self._left, b""
                return left
        return self._rest()

    def release(self) -> None:
        """Keep the connection for the next call, once the last bytes have come."""
        if self._connection is not None and self._settling is None:
            self._settling = self._loop.call_later(_SETTLE_SECONDS, self.close)
            self.parser.pieces.clear()
            self._connection.go_on()

    def close(self) -> None:
        """Cut the connection unless the reply has ended."""
        if self._connection is not None:
            self._connection.cut()

    def arrived(self, count: int) -> None:
        """Take note that more has come, and have it taken here and now, if whoever waits for it still does.

        Waking a task for it takes 2 us more, with all of its memory at hand (`bench/events.py`, `single`).
        """
        pieces, take = self.parser.pieces, self._take
        if self._settling is not None:
            pieces.clear()
            return
        if not pieces:
            # A part of the head, or of what stands between two chunks: it leaves nothing that could wait to be read.
            self._wake()
            return
        if take is None:
            self._unread += count
            if self._unread > _MOST_UNREAD and self._connection is not None:
                self._connection.hold_back()
            self._wake()
            return
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        try:
            if take(data):
                return
        except Exception as error:  # noqa: BLE001 -- it is raised where it belongs, in the task that waits
            self._waiter = None
            waiter.set_exception(error)
        else:
            self._left = data
            self._wake()
        self._take = None

    def over(self, failure: UpstreamError | None) -> None:
        """Take note that nothing more will come, and why; what has come can still be read."""
        if self._settling is not None:
            self._settling.cancel()
            self.parser.pieces.clear()
        self._connection = None
        self._over = True
        self._failure = failure
        if failure is not None:
            self.parser.abandon()
        self._wake()

    async def _inflated(self, inflater: Inflater) -> bytes:
        while True:
            while not (self.parser.pieces or self._over or inflater.waiting):
                await self._more()
            raw = b"" if inflater.waiting else self._rest()
            if piece := inflater.feed(raw):
                return piece
            if not (raw or inflater.waiting):
                inflater.finish()
                return b""

    def _rest(self) -> bytes:
        """Return what waits; nothing at the end, unless that came too early, which is raised."""
        pieces = self.parser.pieces
        if not pieces:
            if self._failure is not None:
                raise self._failure
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread = 0
        if self._connection is not None:
            self._connection.go_on()
        return data

    def _more(self) -> asyncio.Future[None]:
        """Return what is done when something has happened; nobody else waits then."""
        self._waiter = self._loop.create_future()
        return self._waiter

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)
