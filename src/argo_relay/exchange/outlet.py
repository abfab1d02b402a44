"""The reply's side of an exchange: what has been said to the client, and what may still be said."""

from __future__ import annotations

import asyncio

from argo_relay.dialects.base import Headers
from argo_relay.exchange.client import Client


class Outlet:
    """Writes one reply; the head goes out once, and a heartbeat never falls between two halves of anything."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._beating: asyncio.Task[None] | None = None
        self.status: int | None = None
        """The status that went out; None while the reply has not begun."""
        self.sent = 0
        """Bytes of the body handed to the connection."""
        self.early = False
        """A heartbeat opened the reply, before anything was known of the upstream's."""
        self.begun = False
        """The connection has taken something of the reply itself."""
        self.claimed = False
        """A reply, not a heartbeat, is being written: no other may come in its place."""
        self.over = False
        """All of the reply has been handed to the connection."""
        self.owed = b""
        """What the connection was to take, and has not: where a wait for the client is broken off, it never will."""

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head, unless a heartbeat has sent one already."""
        self.claimed = True
        if self._beating is not None:
            await self.settle()
        if self.status is None:
            await self._client.begin(status, headers)
            self.status = status

    async def write(self, data: bytes) -> None:
        """Send a piece of the body; waits while the client does not read."""
        self.owed = data
        if self._beating is not None:
            await self.settle()
        self.sent += len(data)
        await self._client.write(data)
        self.begun, self.owed = True, b""

    def write_nowait(self, data: bytes) -> bool:
        """Send a piece of a body that has begun, unless that has to wait: then False, and nothing is sent."""
        if self._beating is not None or not self._client.write_nowait(data):
            return False
        self.sent += len(data)
        return True

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of the body."""
        self.owed = data
        if self._beating is not None:
            await self.settle()
        self.sent += len(data)
        await self._client.write(data, last=True)
        self.begun, self.owed, self.over = True, b"", True

    def beat(self, data: bytes, headers: Headers) -> None:
        """Send a heartbeat from outside the exchange's task; the reply's head goes before the first one."""
        if self._beating is None or self._beating.done():
            self._beating = asyncio.get_running_loop().create_task(self._send_beat(data, headers))

    async def _send_beat(self, data: bytes, headers: Headers) -> None:
        if self.status is None:
            await self._client.begin(200, headers)
            self.status, self.early = 200, True
        self.sent += len(data)
        await self._client.write(data)

    async def settle(self) -> None:
        """Wait until a heartbeat that is on its way has gone out: it may be what begins the reply."""
        if self._beating is not None:
            beating, self._beating = self._beating, None
            await beating
