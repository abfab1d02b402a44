"""Connections that wait for their next call, the last used first: the others may then grow old and go."""

from __future__ import annotations

import asyncio
from typing import Final

from argo_relay.transport.connection import Connection
from argo_relay.transport.http1 import Origin

_MOST_IDLE: Final = 256
"""Idle connections of one origin."""
_SWEEP_SECONDS: Final = 5.0


class Pool:
    """All connections of a transport: which there are, and which of them wait."""

    def __init__(self) -> None:
        self.all: set[Connection] = set()
        self._idle: dict[Origin, list[Connection]] = {}
        self._sweep: asyncio.TimerHandle | None = None
        self._emptied: asyncio.Future[None] | None = None
        self._closed = False

    def made(self, connection: Connection) -> None:
        """See Home."""
        self.all.add(connection)
        if self._closed:
            connection.cut()

    def idle(self, connection: Connection) -> None:
        """See Home."""
        waiting = self._idle.setdefault(connection.origin, [])
        if len(waiting) >= _MOST_IDLE:
            waiting.pop(0).cut()
        waiting.append(connection)
        if self._sweep is None:
            self._sweep = connection.loop.call_later(_SWEEP_SECONDS, self._swept)

    def lost(self, connection: Connection) -> None:
        """See Home."""
        self.all.discard(connection)
        waiting = self._idle.get(connection.origin, [])
        if connection in waiting:
            waiting.remove(connection)
        if self._emptied is not None and not self.all and not self._emptied.done():
            self._emptied.set_result(None)

    def take(self, origin: Origin) -> Connection | None:
        """Return one that waits and is as its last reply left it; None when there is none."""
        waiting = self._idle.get(origin)
        while waiting:
            connection = waiting.pop()
            if connection.expires > connection.loop.time() and connection.is_quiet():
                return connection
            connection.cut()
        return None

    async def close(self) -> None:
        """Cut all, and wait until they are gone."""
        self._closed = True
        if self._sweep is not None:
            self._sweep.cancel()
        for connection in list(self.all):
            connection.cut()
        if self.all:
            self._emptied = asyncio.get_running_loop().create_future()
            await self._emptied

    def _swept(self) -> None:
        self._sweep = None
        for origin, waiting in list(self._idle.items()):
            self._idle[origin] = [one for one in waiting if not self._outdated(one)]
            if not self._idle[origin]:
                del self._idle[origin]
        if self._idle:
            self._sweep = asyncio.get_running_loop().call_later(_SWEEP_SECONDS, self._swept)

    @staticmethod
    def _outdated(connection: Connection) -> bool:
        if connection.expires > connection.loop.time():
            return False
        connection.cut()
        return True
