"""The client of an exchange, as its own connection shows it: one request, and the reply to it.

Nothing stands between an exchange and the connection: a piece of the reply is one `transport.write`, and a client that
leaves is told of by the very callback that says so. Each waits for what it needs by itself, so that there is no task
but the exchange's own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from argo_relay.dialects.base import Headers
from argo_relay.errors import ClientLeft
from argo_relay.server.head import CONTINUE, framing_of, reply_head
from argo_relay.server.request import RequestHead, headers_of

_SMALL: Final = 64 * 1024
"""A body up to this size goes out in one piece with its head."""
_BODILESS: Final = (204, 304)
_STALL_SECONDS: Final = 75.0
"""How long a reply waits for its client to read what came before it: as long as one waits for a request."""
_MOST_UNREAD: Final = 256 * 1024
"""Bytes of a request's body that may wait to be read before the client is held back."""


class Wire(Protocol):
    """What a client's part needs of its connection."""

    transport: asyncio.Transport
    loop: asyncio.AbstractEventLoop
    room: asyncio.Event | None
    """Set when the system takes bytes again; None while it does."""

    def hold_back(self) -> None:
        """Have the other side wait until what it has sent is read."""
        ...

    def go_on(self) -> None:
        """Let the other side send again."""
        ...

    def date(self) -> str:
        """Return the header `date` as a line."""
        ...

    def replied(self) -> None:
        """Take note that all of the reply has been written."""
        ...


class WireClient:
    """See `exchange.client.Client`."""

    __slots__ = (
        "_chunked",
        "_expects",
        "_on_leave",
        "_owed",
        "_pieces",
        "_unread",
        "_unsent",
        "_waiter",
        "_wire",
        "begun",
        "head",
        "left",
        "over",
        "request_headers",
        "stays",
        "task",
        "whole",
    )

    def __init__(self, wire: Wire, head: RequestHead) -> None:
        self.head = head
        self.request_headers: Mapping[str, str] = headers_of(head.fields, head.target.query)
        self.stays = head.lasting
        """Whether the connection is kept after the reply."""
        self.left = False
        """The client has left, or has been cut: nothing more is read, and what is written is overlooked."""
        self.begun = False
        self.over = False
        """All of the reply has been written."""
        self.whole = False
        """All of the request has come."""
        self.task: asyncio.Task[None] | None = None
        """What serves it."""
        self._wire = wire
        # HTTP/1.0 knows no reply before the reply (https://www.rfc-editor.org/rfc/rfc9110#section-10.1.1).
        self._expects = head.version != "1.0" and self.request_headers.get("expect", "").lower() == "100-continue"
        self._pieces: list[bytes] = []
        self._unread = 0
        self._waiter: asyncio.Future[None] | None = None
        self._on_leave: Callable[[], None] | None = None
        self._chunked = False
        self._unsent = b""
        """A head that goes out with the body that it announces: as two pieces that costs 4 us more, of 20 in all."""
        self._owed: int | None = 0
        """Bytes that a body of declared length lacks; None: it lasts until the connection's end."""

    async def receive(self) -> bytes | None:
        """Return the next piece of the request's body, None at its end; raise ClientLeft."""
        wire = self._wire
        if self._expects and not self.left:
            self._expects = False
            wire.transport.write(CONTINUE)
        while not self.left:
            if self._pieces:
                return self._take()
            if self.whole:
                return None
            self._waiter = wire.loop.create_future()
            await self._waiter
        raise ClientLeft

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Call `on_leave` once, as soon as the client closes its connection."""
        self._on_leave = on_leave
        if self.left:
            self._wire.loop.call_soon(self._tell)

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the reply's head, one with a `content-length` along with the first piece of the body.

        Cut a client that has not read the replies before, and does not: a page has no deadline that would end it. Raise
        ValueError where a header holds a line end.
        """
        if self._wire.room is not None:
            await self._caught_up()
        if self.left:
            return
        length, closes = framing_of(headers)
        lines = [self._wire.date()]
        if closes:
            self.stays = False
        if length is not None or self.head.method == "HEAD" or status in _BODILESS:
            self._owed = 0 if self.head.method == "HEAD" else length or 0
        elif self.head.version == "1.0":
            # It knows no chunks (https://www.rfc-editor.org/rfc/rfc9112#section-6.1): the end is the connection's.
            self._owed, self.stays = None, False
        else:
            self._chunked = True
            lines.append("transfer-encoding: chunked")
        if not (self.stays or closes):
            lines.append("connection: close")
        made = reply_head(status, headers, *lines)
        if length is None:
            self._wire.transport.write(made)
        else:
            self._unsent = made
        self.begun = True
        self._expects = False

    async def write(self, data: bytes, last: bool = False) -> None:
        """Send a piece of the reply's body; wait while the client does not read. `last` ends the reply.

        Raise RuntimeError for more or less than the head has announced.
        """
        if self._wire.room is not None:
            await self._writable()
        if not self.left:
            self._write(data, last=last)

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of the reply's body, not its last, unless that has to wait or nobody reads it: then False."""
        wire = self._wire
        if wire.room is not None or self.left:
            return False
        if self._chunked and self.begun and not self.over and data:
            # What `_write` does, for nearly every event.
            wire.transport.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._write(data, last=False)
        return True

    def abort(self) -> None:
        """Cut the connection, with whatever has not been sent yet."""
        self.left = True
        self._wire.transport.abort()

    def done(self) -> None:
        """Tell nobody any more: the exchange is over."""
        self._on_leave = None
        self._pieces.clear()

    def arrived(self, body: bytes) -> None:
        """Take a piece of the request's body."""
        self._pieces.append(body)
        self._unread += len(body)
        if self._unread > _MOST_UNREAD:
            self._wire.hold_back()
        self._wake()

    def complete(self) -> None:
        """Take note that all of the request has come."""
        self.whole = True
        self._wake()

    def leave(self) -> None:
        """Take note that the client is gone."""
        self.left = True
        self._wake()
        self._tell()

    def _take(self) -> bytes:
        """Return what waits to be read."""
        pieces = self._pieces
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        pieces.clear()
        self._unread = 0
        self._wire.go_on()
        return data

    def _measured(self, data: bytes, last: bool) -> bytes:
        """Return what is to be written of a body whose length the head has announced, or the connection's end tells."""
        if self._owed is not None:
            data = b"" if self.head.method == "HEAD" else data
            self._owed -= len(data)
            if self._owed < 0 or (last and self._owed):
                raise RuntimeError("a reply's body is not as long as its head says")
        head, self._unsent = self._unsent, b""
        if len(data) < _SMALL:
            return head + data
        if head:
            self._wire.transport.write(head)
        return data

    def _write(self, data: bytes, *, last: bool) -> None:
        if not self.begun or self.over:
            raise RuntimeError("a reply's body stands between its head and its end")
        if self._chunked:
            # As one piece: a chunk is one system call, and one segment.
            end = b"0\r\n\r\n" if last else b""
            data = b"%x\r\n%b\r\n%b" % (len(data), data, end) if data else end
        else:
            data = self._measured(data, last)
        if data:
            self._wire.transport.write(data)
        if last:
            self.over = True
            self._on_leave = None
            self._wire.replied()

    async def _writable(self) -> None:
        while (room := self._wire.room) is not None and not self.left:
            await room.wait()

    async def _caught_up(self) -> None:
        """Wait until the client has read the replies before this one."""
        try:
            async with asyncio.timeout(_STALL_SECONDS):
                await self._writable()
        except TimeoutError:
            self.abort()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _tell(self) -> None:
        on_leave, self._on_leave = self._on_leave, None
        if on_leave is not None:
            on_leave()
