"""ASGI on top of a client's connection, for all that is no exchange: https://asgi.readthedocs.io/en/latest/specs/www.html."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import ASGIApp, Message, Scope

from argo_relay.errors import ClientLeft
from argo_relay.server.wire_client import WireClient

ABORT: Final = "argo_relay.abort"
"""The scope extension: a function that cuts the connection, whatever the client has not read yet."""
_LEFT: Final[Message] = {"type": "http.disconnect"}


async def serve_asgi(app: ASGIApp, client: WireClient) -> None:
    """Have an ASGI application answer a request."""
    bridge = _Bridge(client)
    await app(_scope_of(client), bridge.receive, bridge.send)


class _Bridge:
    """Turns messages into calls, and back."""

    def __init__(self, client: WireClient) -> None:
        self._client = client
        self._read = False

    async def receive(self) -> Message:
        """Return the next piece of the body; after the last one wait for the client's leaving."""
        client = self._client
        if not self._read:
            try:
                body = await client.receive()
            except ClientLeft:
                return _LEFT
            self._read = body is None or client.whole
            return {"type": "http.request", "body": body or b"", "more_body": not self._read}
        left = asyncio.Event()
        client.watch(left.set)
        await left.wait()
        return _LEFT

    async def send(self, message: Message) -> None:
        """Send a reply's head, or a piece of its body."""
        if message["type"] == "http.response.start":
            # How the body is delimited is the server's to say.
            fields = [
                (name.decode("latin-1").lower(), value.decode("latin-1"))
                for name, value in message.get("headers", ())
                if name.lower() != b"transfer-encoding"
            ]
            await self._client.begin(message["status"], fields)
        else:
            await self._client.write(message.get("body", b""), last=not message.get("more_body", False))


def _scope_of(client: WireClient) -> Scope:
    head = client.head
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": head.version,
        "method": head.method,
        "scheme": "http",
        "path": head.target.path,
        "raw_path": head.target.raw_path,
        "query_string": head.target.query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in head.fields],
        "server": None,
        "client": None,
        "extensions": {ABORT: client.abort},
    }
