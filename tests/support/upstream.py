"""An upstream made of a raw socket: it says exactly the bytes that a test has it say."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

PATIENCE = 20.0


@dataclass
class Connection:
    """One connection of a client; `ended` is set when the client has closed it, politely or not."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heads: list[bytes] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    async def request(self) -> bytes:
        """Return the body of the next request; its head is kept."""
        head = await self.reader.readuntil(b"\r\n\r\n")
        self.heads.append(head)
        lengths = [line[15:] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return await self.reader.readexactly(int(lengths[0])) if lengths else b""

    async def say(self, *pieces: bytes) -> None:
        for piece in pieces:
            self.writer.write(piece)
            await self.writer.drain()

    def reset(self) -> None:
        """Cut the connection with a reset, as a crashed machine does."""
        linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.writer.transport.abort()

    async def end(self) -> int:
        """Wait for the client to close; return how many bytes it still sent."""
        count = 0
        try:
            while data := await self.reader.read(1 << 20):
                count += len(data)
        except ConnectionError:
            pass
        self.ended.set()
        return count


@dataclass
class Upstream:
    port: int
    """0 for a Unix socket."""
    connections: list[Connection] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/secret-path"

    @property
    def heads(self) -> list[bytes]:
        """Every request's head, connection by connection."""
        return [head for connection in self.connections for head in connection.heads]


@asynccontextmanager
async def upstream(
    behave: Callable[[Connection], Awaitable[object]], tls: ssl.SSLContext | None = None, socket_path: str | None = None
) -> AsyncIterator[Upstream]:
    """Serve connections with `behave`, each closed when it returns; what it fails with fails the test.

    At a Unix socket where a path is given.
    """
    tasks: list[asyncio.Task[None]] = []

    async def serve(connection: Connection) -> None:
        try:
            await behave(connection)
        except (ConnectionError, asyncio.IncompleteReadError):
            connection.ended.set()
        finally:
            connection.writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        there.connections.append(connection)
        tasks.append(asyncio.get_running_loop().create_task(serve(connection)))

    if socket_path is None:
        server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    else:
        server = await asyncio.start_unix_server(accept, socket_path, ssl=tls)
    there = Upstream(0 if socket_path else server.sockets[0].getsockname()[1])
    try:
        yield there
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        for connection in there.connections:
            # Python 3.11 fails to abort what has closed itself once its last bytes were out.
            with contextlib.suppress(AttributeError):
                connection.writer.transport.abort()
    for error in done:
        if isinstance(error, Exception):
            raise error
