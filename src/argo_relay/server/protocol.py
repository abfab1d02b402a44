"""uvicorn's HTTP protocol with what ASGI has no words for.

Cutting a connection whose client does not read; telling a client in our own words that its request is not HTTP;
serving a request that asks for another protocol as if it did not; bounds on a request's head; and no pipelining,
because uvicorn stops reading for it, and so would never see that the client has left.
"""

from __future__ import annotations

from asyncio import BaseTransport
from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from argo_relay.dialects.openai_chat.errors import encode_error
from argo_relay.neutral.failure import bad_request

ABORT: Final = "argo_relay.abort"
"""The scope extension: a function that cuts the connection, whatever the client has not read yet."""
_LARGEST_HEAD: Final = 64 * 1024


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self._head: int | None = 0
        """Bytes of the head that is being read; None while no head is."""
        self._deaf = False
        """A second request has begun before the first was answered: that answer is the last, and no more is read."""

    def connection_made(self, transport: BaseTransport) -> None:
        """Give the client as long for its first head as for each that follows."""
        super().connection_made(transport)  # type: ignore[arg-type]
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def data_received(self, data: bytes) -> None:
        """Read what has come.

        httptools takes the body of a request with `Upgrade` for another protocol's first bytes, and it would be lost:
        Java's HttpClient asks for HTTP/2 that way in whatever it sends. A server may ignore the wish
        (https://www.rfc-editor.org/rfc/rfc9110#section-7.8), so the request is read again without it. The application
        still sees what was wished for, and may say that it is not to be had.
        """
        if self._deaf:
            return
        if self._head is not None:
            self._head += len(data)
        unread: bytes | None = data
        while unread is not None:
            unread = self._feed(unread)
        if self._head is not None and self._head > _LARGEST_HEAD:
            self._refuse(431, "Request Header Fields Too Large", "The request's head is larger than 64 KiB.")

    def on_message_begin(self) -> None:
        """Offer the extension to the request that begins, unless another is still to be answered."""
        if self._answering():
            self._deaf = True
            self.cycle.keep_alive = False
            self.headers, self.url = [], b""
            return
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {ABORT: self._abort}

    def on_headers_complete(self) -> None:
        """Begin the request, unless it will not be answered, or will be read again."""
        if not self._deaf and not self.parser.should_upgrade():
            self._head = None
            self._unset_keepalive_if_required()
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of the request's body."""
        if not self._deaf:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request's body, unless it will be read again."""
        if not self._deaf and not self.parser.should_upgrade():
            self._head = 0
            super().on_message_complete()

    @property
    def idle(self) -> bool:
        """Whether it waits for a request, and nothing of one has come."""
        return self._head == 0 and not self._answering()

    def timeout_keep_alive_handler(self) -> None:
        """Cut a connection on which no request has come for too long, and what its client has not read with it."""
        self.transport.abort()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the shape of every other error."""
        self._refuse(400, "Bad Request", f"{msg} The request cannot be read as HTTP/1.1.")

    def _abort(self) -> None:
        self.transport.abort()
        # As when the client leaves: otherwise uvicorn logs that the reply was not completed, as if that were news.
        self.cycle.disconnected = True

    def _answering(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def _feed(self, data: bytes) -> bytes | None:
        """Let the parser read; return what it has to read again as a request without its wish for an upgrade."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if self.parser.get_method() == b"CONNECT":
                self.send_400_response("This is no proxy for other servers.")
            elif not self._deaf:
                head = self._plain_head()
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
                return head + data[upgrade.args[0] :]
        except httptools.HttpParserError:
            if not self._deaf:
                self.send_400_response("Invalid HTTP request received.")
        return None

    def _plain_head(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % _unwished(*field) for field in self.headers]
        return b"\r\n".join([*lines, b"", b""])

    def _refuse(self, status: int, reason: str, message: str) -> None:
        self._deaf = True
        if self._answering():
            # A reply is under way: anything said now would stand in the middle of it.
            self.cycle.keep_alive = False
            return
        body = encode_error(bad_request(message, None, "invalid_http"))
        head = f"HTTP/1.1 {status} {reason}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()


def _unwished(name: bytes, value: bytes) -> tuple[bytes, bytes]:
    """Return a field of a head as it is, but `Connection` without `upgrade`: then the parser overlooks `Upgrade`."""
    if name != b"connection":
        return name, value
    return name, b",".join(token for token in value.split(b",") if token.strip().lower() != b"upgrade")
