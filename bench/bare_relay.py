"""The floor of a relay in Python: bytes from one side to the other on uvloop and httptools, and nothing else.

    .venv/bin/python bench/bare_relay.py PORT UPSTREAM_HOST:PORT

It reads requests and replies with the same parser as argo-relay, since whoever keeps connections open must know where
messages end, and keeps a pool of connections. It has no deadline, no limit, no log, no error but a cut connection, and
looks into nothing. What argo-relay costs more is argo-relay's; what this costs more than nginx is Python's.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, cast

import httptools
import uvloop


class Upstream(asyncio.Protocol):
    """One connection to the upstream, which carries one reply after the other."""

    def __init__(self, pool: list[Upstream]) -> None:
        self.client: Client | None = None
        self.transport: asyncio.Transport | None = None
        self._pool = pool

    def ask(self, request: bytes, client: Client) -> None:
        """Send a request, whose reply is the client's."""
        self.client = client
        self._parser = httptools.HttpResponseParser(self)
        if self.transport is not None:
            self.transport.write(request)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Pass on what has come."""
        client = self.client
        if client is None or client.transport is None:
            self._close()
            return
        client.transport.write(data)
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        self.client = None
        self._pool.append(self)

    def connection_lost(self, _: Exception | None) -> None:
        """See asyncio."""
        if self in self._pool:
            self._pool.remove(self)
        if self.client is not None and self.client.transport is not None:
            self.client.transport.close()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.abort()


class Client(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, place: tuple[str, int], pool: list[Upstream]) -> None:
        self.transport: asyncio.Transport | None = None
        self._place = place
        self._pool = pool
        self._parser = httptools.HttpRequestParser(self)
        self._pieces: list[bytes] = []
        self._connecting: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what has come until the request is whole."""
        self._pieces.append(data)
        self._parser.feed_data(data)

    def on_message_complete(self) -> None:
        """See httptools."""
        request = b"".join(self._pieces)
        self._pieces.clear()
        if self._pool:
            self._pool.pop().ask(request, self)
        else:
            self._connecting = asyncio.ensure_future(self._connect(request))

    def connection_lost(self, _: Exception | None) -> None:
        """See asyncio."""
        self.transport = None

    async def _connect(self, request: bytes) -> None:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: Upstream(self._pool), *self._place)
        made.ask(request, self)


async def main(port: int, upstream: str) -> None:
    """Relay until ended."""
    host, _, number = upstream.rpartition(":")
    pool: list[Upstream] = []
    place: Any = (host, int(number))
    server = await asyncio.get_running_loop().create_server(lambda: Client(place, pool), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), sys.argv[2]))
