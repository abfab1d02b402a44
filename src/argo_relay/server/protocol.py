"""uvicorn's HTTP protocol with three things that ASGI has no words for.

Cutting a connection whose client does not read, telling a client in our own words that its request is not HTTP, and
serving a request that asks for another protocol as if it did not.
"""

from __future__ import annotations

from typing import Any, Final

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from argo_relay.dialects.openai_chat.errors import encode_error
from argo_relay.neutral.failure import bad_request

ABORT: Final = "argo_relay.abort"
"""The scope extension: a function that cuts the connection, whatever the client has not read yet."""


class Protocol(HttpToolsProtocol):
    """One connection of a client."""

    def on_message_begin(self) -> None:
        """Offer the extension to the request that begins."""
        super().on_message_begin()
        scope: dict[str, Any] = self.scope  # type: ignore[assignment]
        scope["extensions"] = {ABORT: self.transport.abort}

    def data_received(self, data: bytes) -> None:
        """Read what has come.

        httptools takes the body of a request with `Upgrade` for another protocol's first bytes, and it would be lost:
        Java's HttpClient asks for HTTP/2 that way in whatever it sends. A server may ignore the wish
        (https://www.rfc-editor.org/rfc/rfc9110#section-7.8), so the request is read again without it.
        """
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            head = self._plain_head()
            self.parser = httptools.HttpRequestParser(self)
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            self.data_received(head + data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def on_headers_complete(self) -> None:
        """Begin the request, unless it will be read again."""
        if not self._wishes_upgrade():
            super().on_headers_complete()

    def on_message_complete(self) -> None:
        """End the request's body, unless it will be read again."""
        if not self._wishes_upgrade():
            super().on_message_complete()

    def _wishes_upgrade(self) -> bool:
        # To the parser CONNECT is an upgrade, too; that one ends as a 400, for it names no path.
        return self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT"

    def _plain_head(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % field for field in self.headers if field[0] != b"upgrade"]
        return b"\r\n".join([*lines, b"", b""])

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP in the shape of every other error."""
        body = encode_error(bad_request(f"{msg} The request cannot be read as HTTP/1.1.", None, "invalid_http"))
        head = f"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        self.transport.write(head.encode() + b"connection: close\r\n\r\n" + body)
        self.transport.close()
