"""Serving HTTP/1.1 on sockets: connections from the first to the last, and their end in an orderly way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from typing import Final

from argo_relay.server.head import Calendar
from argo_relay.server.protocol import App, Connection

_BACKLOG: Final = 2048
_HURRY_SECONDS: Final = 0.5
"""How long what has been told to end may take when nobody wants to wait."""


class Server:
    """Listens, and knows who is connected."""

    def __init__(self, app: App, wall: Callable[[], float]) -> None:
        """`wall` returns Unix seconds."""
        self.app = app
        self.date = Calendar(wall).line
        self.tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server] = []
        self._sockets: list[socket.socket] = []
        self._patience: asyncio.Timeout | None = None
        self._hurried = False
        self._empty = asyncio.Event()

    @property
    def count(self) -> int:
        """How many clients are connected."""
        return len(self._connections)

    async def start(self, sockets: Iterable[socket.socket]) -> None:
        """Take clients on sockets that listen, TCP's or Unix's; they are closed at the end."""
        loop = asyncio.get_running_loop()
        for one in sockets:
            self._sockets.append(one)
            self._listeners.append(await loop.create_server(lambda: Connection(self), sock=one, backlog=_BACKLOG))

    async def stop(self, patience: float) -> None:
        """Take nobody any more, let replies end for `patience` seconds, then cut what is left."""
        self.draining = True
        for listener in self._listeners:
            listener.close()
        for one in self._sockets:
            one.close()
        for connection in list(self._connections):
            connection.drain()
        self._note()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HURRY_SECONDS if self._hurried else patience) as self._patience:
                await self._empty.wait()
        self._patience = None
        for connection in list(self._connections):
            connection.cut()
        for task in self.tasks:
            task.cancel()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_HURRY_SECONDS):
                # Also the turn of the loop in which connections that have been cut are told so.
                await self._empty.wait()

    def hurry(self) -> None:
        """Have `stop` wait hardly any longer."""
        self._hurried = True
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + _HURRY_SECONDS)

    def made(self, connection: Connection) -> None:
        """See Home."""
        self._connections.add(connection)

    def lost(self, connection: Connection) -> None:
        """See Home."""
        self._connections.discard(connection)
        self._note()

    def ended(self, task: asyncio.Task[None] | None) -> None:
        """See Home."""
        if task is not None:
            self.tasks.discard(task)
        self._note()

    def _note(self) -> None:
        if self.draining and not (self._connections or self.tasks):
            self._empty.set()
