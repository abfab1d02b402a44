"""The whole relay and its simulator inside the test's own event loop: real sockets, and everything can be counted."""

from __future__ import annotations

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any

from argo_relay.cli.beside import simulator_beside
from argo_relay.config.load import load
from argo_relay.observe.record import Record
from argo_relay.server.listen import listen
from argo_relay.server.run import Doors, serve


@dataclass
class Inside:
    port: int
    records: list[Record]

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def get(self, path: str, *statuses: int) -> Any:
        """Return the JSON at a path, whose status is 200 or one of `statuses`."""
        reader, writer = await self.connect()
        writer.write(f"GET {path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".encode())
        reply = await reader.read()
        writer.close()
        await writer.wait_closed()
        head, _, body = reply.partition(b"\r\n\r\n")
        assert int(head.split()[1]) in (200, *statuses), head
        return json.loads(body)

    async def exchanges(self) -> list[dict[str, Any]]:
        """Return what the simulator saw."""
        seen: list[dict[str, Any]] = await self.get("/simulator/exchanges")
        return seen


@asynccontextmanager
async def inside(base_url: str | None = None, **overrides: object) -> AsyncIterator[Inside]:
    """Run a relay; its upstream is the simulator unless `base_url` names another."""
    loaded = load(environ={}, overrides={"user": "tester", "shutdown_grace": 0.0, **overrides})
    listening = _tight(listen("127.0.0.1", 0))
    records: list[Record] = []
    started = asyncio.Event()
    companion = None if base_url else simulator_beside(_tight(listen("127.0.0.1", 0)))
    running = asyncio.create_task(
        serve(loaded, base_url or "", Doors(clients=listening), records.append, started.set, companion)
    )
    try:
        await asyncio.wait({running, asyncio.create_task(started.wait())}, return_when=asyncio.FIRST_COMPLETED)
        yield Inside(listening.getsockname()[1], records)
    finally:
        signal.raise_signal(signal.SIGTERM)
        await running


def _tight(listening: socket.socket) -> socket.socket:
    """Have what a client does not read held back early, not after megabytes in the kernel."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16384)
    return listening


@contextmanager
def full_queue() -> Iterator[str]:
    """Yield the URL of an address that takes no connection and refuses none: its queue is full."""
    with socket.socket() as full, ExitStack() as waiting:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        yield f"http://127.0.0.1:{full.getsockname()[1]}"


def request(prompt: str = "hi", declared: int | None = None, **fields: Any) -> bytes:
    """Return a chat request as bytes on the wire; `declared` overrides its content-length."""
    body = json.dumps({"model": "argo:gpt-4", "messages": [{"role": "user", "content": prompt}], **fields}).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {declared or len(body)}\r\n\r\n"
    return head.encode() + body


async def leave(writers: list[asyncio.StreamWriter]) -> list[float]:
    """Close the clients' connections one by one; return when each left.

    With some time between them, so that each one's upstream can be told from its neighbours' work.
    """
    left = []
    for writer in writers:
        left.append(time.time())
        writer.transport.abort()
        await asyncio.sleep(0.01)
    return left
