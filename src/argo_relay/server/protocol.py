"""HTTP/1.1 with one client: asyncio's protocol on llhttp, without streams, and with one task for each request.

The parser is Node's own, in its strict form. A request begins to be served when its head is complete. A connection is
always read, whatever its request waits for: so it is seen at once that a client leaves. One that says more before its
reply is complete (pipelining) gets that reply, and then the connection's end: it sends the rest again, as it must be
ready to (https://www.rfc-editor.org/rfc/rfc9112#section-9.3.2).
"""

from __future__ import annotations

import asyncio
import logging
import typing
from collections.abc import Awaitable, Callable
from typing import Final, cast

import httptools
import msgspec

from argo_relay.dialects.base import Dialect
from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from argo_relay.server.head import reply_head
from argo_relay.server.paths import dialect_at
from argo_relay.server.request import Fields, RequestHead, headers_of, target_of
from argo_relay.server.wire_client import WireClient

KEEP_ALIVE_SECONDS: Final = 75.0
"""How long a connection may wait for the end of a request's head: of its first, and of each that follows."""
_LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a head; also of what carries nothing between two pieces of a body, or after the last."""
_CONNECTION: Final = (b"connection", b"proxy-connection")
"""Headers that the parser takes for `Connection`: the second is what old clients send to proxies."""
_EARLY: Final = 0.001
"""Seconds by which a timer may come early: uvloop counts in milliseconds."""
_BROKEN: Final = Failure(
    kind=FailureKind.INTERNAL,
    status=500,
    code="internal_error",
    message="The relay failed on this request. Its log says where.",
)

_log = logging.getLogger("argo_relay")

App = Callable[[WireClient], Awaitable[None]]
"""Serves one request."""


class Home(typing.Protocol):
    """Where connections belong."""

    app: App
    tasks: set[asyncio.Task[None]]
    """Of the requests that are served."""
    draining: bool
    """Whether nobody is taken any more."""
    lasting: bool
    """Whether connections are kept after a reply; else each is its connection's last."""

    def date(self) -> str:
        """Return the header `date` as a line."""
        ...

    def made(self, connection: Connection) -> None:
        """Take note that a client has come."""
        ...

    def lost(self, connection: Connection) -> None:
        """Take note that a connection is no more."""
        ...

    def ended(self, task: asyncio.Task[None] | None) -> None:
        """Take note that a task is about to end."""
        ...


class Connection(asyncio.Protocol):
    """Serves one request after the other."""

    transport: asyncio.Transport

    def __init__(self, home: Home) -> None:
        self.loop = asyncio.get_running_loop()
        self.room: asyncio.Event | None = None
        self.date = home.date
        self._home = home
        self._client: WireClient | None = None
        """Whose reply is under way."""
        self._parser: httptools.HttpRequestParser = self._new_parser()
        self._url = b""
        self._fields: Fields = []
        self._barren = 0
        """Bytes since the last that were part of a body, or the last of a head."""
        self._deaf = False
        """No more is read: what has begun too early, or is no HTTP, has made this reply the last."""
        self._held_back = False
        self._lingers = False
        """The last reply is complete and the request is not: what is left of it is read and thrown away."""
        self._unsent = 0
        """Bytes of replies that the system had not taken when that was last looked at."""
        self._waits_since: float | None = self.loop.time()
        """Since when a head is waited for, in the loop's time; None while a request is served."""
        # It stays while requests come and go: one for each would cost 1 us of the 17 that a request takes here.
        self._timer = self.loop.call_later(KEEP_ALIVE_SECONDS, self._look)

    @property
    def idle(self) -> bool:
        """Whether it waits for a request, and nothing of one has come."""
        return self._client is None and not self._barren

    def drain(self) -> None:
        """Close as soon as no reply is under way."""
        if self._client is None:
            self.transport.close()
        else:
            self._client.stays = False

    def cut(self) -> None:
        """Close at once, whatever is on its way."""
        self.transport.abort()

    def hold_back(self) -> None:
        """See Wire."""
        if not self._held_back and not self.transport.is_closing():
            self._held_back = True
            self.transport.pause_reading()

    def go_on(self) -> None:
        """See Wire."""
        if self._held_back:
            self._held_back = False
            if not self.transport.is_closing():
                self.transport.resume_reading()

    def replied(self) -> None:
        """See Wire.

        A connection that is closed while its client still sends is reset, and a reply that is not read yet is lost with
        it: so the rest is read first (https://www.rfc-editor.org/rfc/rfc9112#section-9.6). nginx, for one, asks for
        `connection: close` unless it is told otherwise, and makes 502 of it.
        """
        client, self._client = self._client, None
        # Also where it closes now: whoever does not read what is left is not waited for, either.
        self._waits_since = self.loop.time()
        self._unsent = self.transport.get_write_buffer_size()
        if client is None or not (client.stays or self._lingering(client)):
            self.transport.close()
        else:
            self.go_on()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast("asyncio.Transport", transport)
        self._home.made(self)
        if self._home.draining:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """See asyncio.

        httptools takes the body of a request with `Upgrade` for another protocol's first bytes, and it would be lost:
        Java's HttpClient asks for HTTP/2 that way in whatever it sends. A server may ignore the wish
        (https://www.rfc-editor.org/rfc/rfc9110#section-7.8), so the request is read again without it. The application
        still sees what was wished for, and may say that it is not to be had.
        """
        if self._deaf:
            return
        self._barren += len(data)
        unread = self._feed(data)
        if unread is not None:
            # Once at most: what follows a request that is being served is not looked at.
            self._feed(unread)
        if self._barren > _LARGEST_HEAD and not self._deaf:
            self._refuse(431, "The request's head is larger than 64 KiB.")

    def eof_received(self) -> None:
        """See asyncio. Who closes one half is given up, but gets what has been written of a reply that is complete."""
        if self._client is not None:
            self._client.leave()
            self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._timer.cancel()
        self._deaf = True
        client, self._client = self._client, None
        self.resume_writing()
        if client is not None:
            client.leave()
        # It holds this connection, which holds it.
        del self._parser
        self._home.lost(self)

    def pause_writing(self) -> None:
        """See asyncio."""
        self.room = asyncio.Event()

    def resume_writing(self) -> None:
        """See asyncio."""
        room, self.room = self.room, None
        if room is not None:
            room.set()

    def on_message_begin(self) -> None:
        """See httptools."""
        if self._client is not None:
            self._deaf = True
            self._client.stays = False
        self._url, self._fields = b"", []

    def on_url(self, url: bytes) -> None:
        """See httptools."""
        self._url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """See httptools. What follows a body (trailers) is no header of the request's."""
        if self._waits_since is not None:
            self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Begin to serve the request, unless it will not be answered, or will be read again."""
        parser = self._parser
        if self._deaf or parser.should_upgrade():
            return
        version = parser.get_http_version()
        # In this order: of the usual dozen that takes 0.3 us, and 0.4 us without the lengths.
        hosts = len([name for name, _ in self._fields if len(name) == 4 and name.lower() == b"host"])
        if hosts > 1 or (not hosts and version == "1.1"):
            # Who stands between may take one of them, or none, for another server.
            self._refuse(400, "The request needs one Host header (RFC 9112, section 3.2).")
            return
        lasting = version != "1.0" and self._home.lasting and parser.should_keep_alive()
        head = RequestHead(parser.get_method().decode("ascii"), target_of(self._url), self._fields, version, lasting)
        self._barren = 0
        self._waits_since = None
        client = self._client = WireClient(self, head)
        task = client.task = self.loop.create_task(self._serve(client))
        self._home.tasks.add(task)

    def on_body(self, body: bytes) -> None:
        """See httptools. What comes after its reply is thrown away."""
        if not self._deaf:
            self._barren = 0
            if self._client is not None:
                self._client.arrived(body)

    def on_message_complete(self) -> None:
        """See httptools."""
        if not (self._deaf or self._parser.should_upgrade()):
            self._barren = 0
            if self._client is not None:
                self._client.complete()
            elif self._lingers:
                self._end()

    async def _serve(self, client: WireClient) -> None:
        try:
            await self._home.app(client)
        except Exception as error:  # noqa: BLE001 -- the border: a bug of ours must end as a reply, not as silence
            _log.error("a request failed", exc_info=error)
            if not (client.begun or client.left):
                await self._confess(client)
        finally:
            client.done()
            if not (client.over or client.left):
                client.abort()
            # Here, not in a callback of the task's: that takes a turn of the loop, 1.4 us.
            self._home.ended(client.task)

    async def _confess(self, client: WireClient) -> None:
        body = dialect_at(client.head.target.path, client.request_headers).encode_error(_BROKEN)
        fields = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        await client.begin(_BROKEN.status, fields)
        await client.write(body, last=True)

    def _lingering(self, client: WireClient) -> bool:
        """Begin to linger where there is something to wait for; say whether there is."""
        if client.whole or self._deaf or self.transport.is_closing():
            return False
        self._lingers = True
        self.transport.write_eof()
        return True

    def _new_parser(self) -> httptools.HttpRequestParser:
        parser = httptools.HttpRequestParser(self)
        # What follows a request that says `connection: close` is not looked at: it must not spoil that one's reply.
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        return parser

    def _feed(self, data: bytes) -> bytes | None:
        """Let the parser read; return what it has to read again as a request without its wish for an upgrade."""
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self._parser.get_method() == b"CONNECT":
                self._refuse(400, "This is no proxy for other servers. The request cannot be read as HTTP/1.1.")
            elif not self._deaf:
                head = self._plain_head()
                self._parser = self._new_parser()
                return head + data[upgrade.args[0] :]
        except httptools.HttpParserError:
            if not self._deaf:
                self._refuse(400, "Invalid HTTP request received. The request cannot be read as HTTP/1.1.")
        return None

    def _plain_head(self) -> bytes:
        version = self._parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self._parser.get_method(), self._url, version)]
        lines += [b"%s: %s" % _unwished(*field) for field in self._fields]
        return b"\r\n".join([*lines, b"", b""])

    def _refuse(self, status: int, message: str) -> None:
        """Say what is wrong with the bytes that have come, and close."""
        if self._lingers:
            self._end()
            return
        self._deaf = True
        client, self._client = self._client, None
        if client is not None and (client.whole or client.begun):
            # A reply is under way: anything said now would stand in the middle of it.
            self._client = client
            client.stays = False
            return
        if client is not None:
            # The rest of its body will never come.
            client.leave()
            self._waits_since = self.loop.time()
        failure = msgspec.structs.replace(bad_request(message, None, "invalid_http"), status=status)
        body = self._dialect().encode_error(failure)
        fields = [("content-type", "application/json"), ("content-length", str(len(body))), ("connection", "close")]
        self.transport.write(reply_head(status, fields) + body)
        self.transport.close()

    def _dialect(self) -> Dialect:
        """Return whose errors the client understands, by what has come of its request's head."""
        try:
            path = target_of(self._url).path
        except (httptools.HttpParserError, UnicodeError):
            path = ""
        return dialect_at(path, headers_of(self._fields, b""))

    def _end(self) -> None:
        """Close; what follows in the same bytes is not served."""
        self._deaf = True
        self.transport.close()

    def _look(self) -> None:
        """Cut a connection on which no head has come for too long, and what its client has not read with it.

        One whose client is still reading goes on: a large reply over a slow line takes its time.
        """
        now = self.loop.time()
        since = now if self._waits_since is None else self._waits_since
        before, self._unsent = self._unsent, self.transport.get_write_buffer_size()
        if self._waits_since is not None and 0 < self._unsent < before:
            self._waits_since = since = now
        if now - since >= KEEP_ALIVE_SECONDS - _EARLY:
            self.transport.abort()
        else:
            self._timer = self.loop.call_at(since + KEEP_ALIVE_SECONDS, self._look)


def _unwished(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a field of a head as it is, but `Connection` without `upgrade`: then the parser overlooks `Upgrade`."""
    if name.lower() not in _CONNECTION:
        return name, value
    return name, b",".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
