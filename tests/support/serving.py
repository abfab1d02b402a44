"""The server on loopback, or on a connection in memory, with applications that note what they are asked."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import h11

from argo_relay.errors import ClientLeft
from argo_relay.server.listen import listen
from argo_relay.server.protocol import App, Connection
from argo_relay.server.serving import Server
from argo_relay.server.wire_client import WireClient

PATIENCE = 20.0
"""For what must come but has no promised time; reached only when it does not come."""


async def until(true: Callable[[], object], step: float = 0.0) -> None:
    """Wait for what raises no event, looking again after `step` seconds, of virtual time where there are any."""
    async with asyncio.timeout(3600.0 if step else PATIENCE):
        while not true():  # noqa: ASYNC110 -- nothing to wait for
            await asyncio.sleep(step)


class Memory(asyncio.Transport):
    """A connection in memory."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.writes: list[bytes] = []
        self.closing = False
        self.aborted = False
        self.reading = True
        self.ended = False
        self.unsent = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        assert not self.ended, "written after the end"
        self.written += data
        self.writes.append(bytes(data))

    def close(self) -> None:
        self.closing = True

    def abort(self) -> None:
        self.aborted = True

    def write_eof(self) -> None:
        assert not self.closing
        self.ended = True

    def get_write_buffer_size(self) -> int:
        return self.unsent

    def is_closing(self) -> bool:
        return self.closing or self.aborted

    def is_reading(self) -> bool:
        return self.reading

    def pause_reading(self) -> None:
        assert self.reading, "pausing twice"
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading, "resuming what goes on"
        self.reading = True


def joined(app: App, wall: Callable[[], float] = lambda: 0.0) -> tuple[Connection, Memory]:
    """Return a connection to an application, and its end in memory."""
    connection, memory = Connection(Server(app, wall)), Memory()
    connection.connection_made(memory)
    return connection, memory


class Echo:
    """Answers with what was asked, as JSON."""

    def __init__(self) -> None:
        self.served = 0

    async def __call__(self, client: WireClient) -> None:
        body = b""
        while (piece := await client.receive()) is not None:
            body += piece
        self.served += 1
        said = json.dumps(seen(client, body)).encode()
        await client.begin(200, [("content-type", "application/json"), ("content-length", str(len(said)))])
        await client.write(said, last=True)


def seen(client: WireClient, body: bytes) -> dict[str, Any]:
    """Return what a request said."""
    head = client.head
    return {
        "method": head.method,
        "path": head.target.path,
        "query": head.target.query.decode("latin-1"),
        "headers": dict(client.request_headers),
        "body": body.decode("latin-1"),
    }


class Held:
    """Reads the body, begins a reply, and writes what it is told to, until the end or the client's leaving."""

    def __init__(self, *, reads: bool = True) -> None:
        self.reads = reads
        self.begun = asyncio.Event()
        self.go = asyncio.Event()
        self.left = asyncio.Event()
        self.over = asyncio.Event()
        self.pieces: list[bytes] = [b"one", b"two"]
        self.written = 0
        self.calls = 0

    async def __call__(self, client: WireClient) -> None:
        try:
            await self._serve(client)
        except ClientLeft:
            self._note()
        finally:
            self.over.set()

    async def _serve(self, client: WireClient) -> None:
        self.begun.set()
        if not self.reads:
            await self.go.wait()
        while await client.receive() is not None:
            pass
        client.watch(self._note)
        await client.begin(200, [("content-type", "text/plain")])
        await self.go.wait()
        for piece in self.pieces:
            await client.write(piece)
            if client.left:
                return
            self.written += 1
        await client.write(b"", last=True)

    def _note(self) -> None:
        self.calls += 1
        self.left.set()
        self.go.set()


@asynccontextmanager
async def served(app: App, wall: Callable[[], float] = lambda: 0.0) -> AsyncIterator[tuple[Server, int]]:
    """Serve on a free port of loopback; at the end nobody may be left."""
    listening = listen("127.0.0.1", 0)
    # What a client does not read is held back early, not after megabytes in the kernel.
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    port = listening.getsockname()[1]
    before = asyncio.all_tasks()
    server = Server(app, wall)
    await server.start([listening])
    async with asyncio.timeout(PATIENCE):
        try:
            yield server, port
        finally:
            await server.stop(0.0)
        assert server.count == 0
        assert server.tasks == set()
        assert asyncio.all_tasks() == before


class Caller:
    """A client that writes what it likes, and has h11 read what comes: another parser than ours."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.parser = h11.Connection(h11.CLIENT)

    def say(self, data: bytes) -> None:
        self.writer.write(data)

    async def reply(self, method: str = "GET") -> tuple[h11.Response, bytes]:
        """Return the next reply, which must be whole; `method` is what it was asked with."""
        parser = self.parser
        if parser.our_state is h11.DONE:
            parser.start_next_cycle()
        # h11 must know of a request to read its reply; the bytes of it are not those that went out.
        parser.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        parser.send(h11.EndOfMessage())
        response, pieces = None, []
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                parser.receive_data(await self.reader.read(65536))
            elif isinstance(event, h11.Response):
                response = event
            elif isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                assert response is not None
                return response, b"".join(pieces)

    async def ask(self, data: bytes, method: str = "GET") -> tuple[h11.Response, bytes]:
        """Say something, and return the reply."""
        self.say(data)
        return await self.reply(method)

    async def is_closed(self) -> bool:
        """Say whether the other side closes, waiting for it to say something."""
        try:
            return await self.reader.read(1) == b""
        except ConnectionResetError:
            return True

    def leave(self) -> None:
        self.writer.transport.abort()


@asynccontextmanager
async def calling(port: int) -> AsyncIterator[Caller]:
    """Connect."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield Caller(reader, writer)
    finally:
        writer.transport.abort()


def header(response: h11.Response, name: str) -> str | None:
    """Return a header's value, None where it is not there."""
    return next((value.decode() for given, value in response.headers if given.decode() == name), None)
