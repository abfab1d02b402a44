"""Serving HTTP/1.1 on sockets: connections from the first to the last, and their end in an orderly way."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Iterable
from typing import Final

from argo_relay.server.accept import Acceptor
from argo_relay.server.head import Calendar
from argo_relay.server.protocol import App, Connection

_BACKLOG: Final = 2048
_HURRY_SECONDS: Final = 0.5
"""How long what has been told to end may take when nobody wants to wait."""
_LOOK_SECONDS: Final = 0.1
_IDLE_SECONDS: Final = 1.0
"""For how long a connection is idle before a process that retires closes it."""


class Server:
    """Listens, and knows who is connected."""

    def __init__(self, app: App, wall: Callable[[], float], crowd: Callable[[int], bool] | None = None) -> None:
        """`wall` returns Unix seconds.

        `crowd`, where other processes listen on the same sockets, is told of each change in how many connections there
        are, and says whether another process has fewer.
        """
        self.app = app
        self.date = Calendar(wall).line
        self.tasks: set[asyncio.Task[None]] = set()
        self.draining = False
        self.lasting = True
        """Whether connections are kept after a reply."""
        self._crowd = crowd
        self._connections: set[Connection] = set()
        self._listeners: list[asyncio.Server | Acceptor] = []
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
        for one in sockets:
            self._sockets.append(one)
            self._listeners.append(await self._listen(one))

    async def stop(self, patience: float) -> None:
        """Take nobody any more, let replies end for `patience` seconds, then cut what is left."""
        self.draining, self.lasting = True, False
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

    async def retire(self) -> None:
        """Leave what comes to other processes, and return when all that is here has ended by itself.

        A connection is closed after its next reply, which says so, or when it has been idle for a while: if it were
        closed at once, a request might just be on its way.
        """
        self.lasting = False
        for listener in self._listeners:
            listener.close()
        idle: dict[Connection, int] = {}
        # First a while for those that have just been accepted.
        await asyncio.sleep(_LOOK_SECONDS)
        while self._connections:
            idle = {one: idle.get(one, 0) + 1 for one in self._connections if one.idle}
            for connection in [one for one, looks in idle.items() if looks * _LOOK_SECONDS > _IDLE_SECONDS]:
                connection.drain()
            await asyncio.sleep(_LOOK_SECONDS)

    def hurry(self) -> None:
        """Have `stop` wait hardly any longer."""
        self._hurried = True
        if self._patience is not None:
            self._patience.reschedule(asyncio.get_running_loop().time() + _HURRY_SECONDS)

    def made(self, connection: Connection) -> None:
        """See Home."""
        self._connections.add(connection)
        self._tell()

    def lost(self, connection: Connection) -> None:
        """See Home."""
        self._connections.discard(connection)
        self._tell()
        self._note()

    def ended(self, task: asyncio.Task[None] | None) -> None:
        """See Home."""
        if task is not None:
            self.tasks.discard(task)
        self._note()

    async def _listen(self, one: socket.socket) -> asyncio.Server | Acceptor:
        crowd = self._crowd
        if crowd is None:
            loop = asyncio.get_running_loop()
            return await loop.create_server(lambda: Connection(self), sock=one, backlog=_BACKLOG)
        return Acceptor(one, lambda: Connection(self), lambda: crowd(self.count))

    def _tell(self) -> None:
        if self._crowd is not None:
            self._crowd(self.count)

    def _note(self) -> None:
        if self.draining and not (self._connections or self.tasks):
            self._empty.set()
