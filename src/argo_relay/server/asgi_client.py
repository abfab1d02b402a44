"""The client of an exchange, as ASGI shows it: https://asgi.readthedocs.io/en/latest/specs/www.html.

Web pages' exchanges come this way, through the middleware that writes their headers; all others as `WireClient`s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from starlette.types import Receive, Scope, Send

from argo_relay.dialects.base import Headers
from argo_relay.errors import ClientLeft
from argo_relay.server.bridge import ABORT
from argo_relay.server.request import headers_of as headers_in


def headers_of(scope: Scope) -> dict[str, str]:
    """Return a request's headers; see `request.headers_of`."""
    return headers_in(scope["headers"], scope.get("query_string", b""))


class AsgiClient:
    """See `exchange.client.Client`."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.request_headers: Mapping[str, str] = headers_of(scope)
        self._scope = scope
        self._receive = receive
        self._send = send
        self._read = False
        self._watching: asyncio.Task[None] | None = None

    async def receive(self) -> bytes | None:
        """Return the next piece of the body, None at its end; raise ClientLeft."""
        if self._read:
            return None
        message = await self._receive()
        if message["type"] == "http.disconnect":
            raise ClientLeft
        self._read = not message.get("more_body", False)
        body: bytes = message.get("body", b"")
        return body

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Call `on_leave` when the client closes its connection."""

        async def wait() -> None:
            while (await self._receive())["type"] != "http.disconnect":
                pass
            on_leave()

        self._watching = asyncio.get_running_loop().create_task(wait())

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the reply's head."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes, last: bool = False) -> None:
        """Send a piece of the reply's body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": not last})

    def write_nowait(self, data: bytes) -> bool:
        """Send nothing: whether a `send` has to wait cannot be known before."""
        del data
        return False

    def abort(self) -> None:
        """Cut the connection, where the server lets us."""
        abort = self._scope.get("extensions", {}).get(ABORT)
        if abort is not None:
            abort()

    def done(self) -> None:
        """Stop watching: the exchange is over."""
        if self._watching is not None:
            self._watching.cancel()
