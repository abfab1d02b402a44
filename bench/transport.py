"""What a request and an event of a stream cost the transport: processor time of this process, upstream in another.

    .venv/bin/python bench/transport.py
    .venv/bin/python -m pip install aiohttp   first, for one more row: what the transport stood on before

`a call`: calls one after the other, each answered at once with 700 bytes. `an event`: streams at the same time, with an
event every so many milliseconds, each in a segment of its own. Both with what the loop costs: `the loop alone` wakes
who waits for bytes and looks at none of them; less is not possible.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from argo_relay.dialects.base import Call
from argo_relay.transport.client import HttpTransport

BODY: Final = b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "' + b"x" * 600 + b'"}}]}'
WHOLE: Final = (
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Thu, 26 Nov 2026 00:00:00 GMT\r\ncontent-type: application/json\r\n"
    b"x-request-id: 0123456789abcdef\r\ncontent-length: %d\r\n\r\n%s" % (len(BODY), BODY)
)
STREAM: Final = (
    b"HTTP/1.1 200 OK\r\nserver: bench\r\ndate: Thu, 26 Nov 2026 00:00:00 GMT\r\ncontent-type: text/event-stream\r\n"
    b"x-request-id: 0123456789abcdef\r\ntransfer-encoding: chunked\r\n\r\n"
)
EVENT: Final = b'data: {"id": "chatcmpl-1", "choices": [{"delta": {"content": "' + b"x" * 180 + b'"}}]}\n\n'
CHUNK: Final = b"%x\r\n%s\r\n" % (len(EVENT), EVENT)
ASKED: Final = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "' + b"x" * 900 + b'"}]}'
HEADERS: Final = [
    ("content-type", "application/json"),
    ("accept", "application/json"),
    ("accept-encoding", "identity"),
    ("authorization", "Bearer 0123456789abcdef0123456789abcdef"),
    ("user-agent", "argo-relay"),
]

Client = Callable[[str], Awaitable[int]]
"""Asks a URL, and returns how many times it was given something to read."""


class Upstream(asyncio.Protocol):
    """Answers each request at once, by its path: /whole, or /stream/EVENTS/MILLISECONDS."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport: Any = transport
        self._left = b""

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        self._left += data
        head, end, body = self._left.partition(b"\r\n\r\n")
        if not end or len(body) < len(ASKED):
            return
        self._left = b""
        path = head.split(b" ", 2)[1].decode().split("/")
        if path[1] == "whole":
            self._transport.write(WHOLE)
        else:
            self._transport.write(STREAM)
            self._next(int(path[2]), int(path[3]) / 1000)

    def _next(self, left: int, gap: float) -> None:
        if not left:
            self._transport.write(b"0\r\n\r\n")
            return
        self._transport.write(CHUNK)
        asyncio.get_running_loop().call_later(gap, self._next, left - 1, gap)


def _serve(told: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", 0)
        told.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


class Unnoted:
    """A Progress that nobody watches."""

    def connecting(self) -> None:
        """Take no note."""

    def connected(self) -> None:
        """Take no note."""

    def sent(self) -> None:
        """Take no note."""


async def _ours(run: Callable[[Client], Awaitable[float]]) -> float:
    transport, progress = HttpTransport(), Unnoted()

    async def ask(url: str) -> int:
        answer = await transport.open(Call(method="POST", url=url, headers=HEADERS, body=ASKED), progress)
        count = 0
        while await answer.read():
            count += 1
        answer.release()
        return count

    try:
        return await run(ask)
    finally:
        await transport.close()


class _Bare(asyncio.Protocol):
    """What a loop costs that does no more than wake who waits for bytes, without a look at them."""

    def __init__(self) -> None:
        self.waiter: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self.waiter is not None:
            self.waiter.set_result(data)


async def _floor(run: Callable[[Client], Awaitable[float]]) -> float:
    idle: list[_Bare] = []

    async def ask(url: str) -> int:
        host, _, path = url.removeprefix("http://").partition("/")
        name, _, port = host.partition(":")
        loop = asyncio.get_running_loop()
        bare = idle.pop() if idle else (await loop.create_connection(_Bare, name, int(port)))[1]
        bare.transport.write(b"POST /%s HTTP/1.1\r\n\r\n%s" % (path.encode(), ASKED))
        data, count = b"", 0
        while not data.endswith((BODY, b"0\r\n\r\n")):
            bare.waiter = loop.create_future()
            data = await bare.waiter
            bare.waiter = None
            count += 1
        idle.append(bare)
        return count

    try:
        return await run(ask)
    finally:
        for bare in idle:
            bare.transport.abort()


async def _aiohttp(run: Callable[[Client], Awaitable[float]]) -> float:
    aiohttp: Any = importlib.import_module("aiohttp")
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None),
        skip_auto_headers=("user-agent", "accept", "accept-encoding"),
    )

    async def ask(url: str) -> int:
        response = await session.request("POST", url, data=ASKED, headers=HEADERS, allow_redirects=False)
        count = 0
        while await response.content.readany():
            count += 1
        response.release()
        return count

    try:
        return await run(ask)
    finally:
        await session.close()


async def _whole(ask: Client, base: str, calls: int) -> float:
    """Return the microseconds a call."""
    for _ in range(200):
        await ask(f"{base}/whole")
    started = time.process_time()
    for _ in range(calls):
        await ask(f"{base}/whole")
    return (time.process_time() - started) / calls * 1e6


async def _stream(ask: Client, base: str, streams: int, events: int, gap: int) -> float:
    """Return the microseconds an event."""
    url = f"{base}/stream/{events}/{gap}"
    await asyncio.gather(*(ask(f"{base}/stream/2/{gap}") for _ in range(streams)))
    started = time.process_time()
    await asyncio.gather(*(ask(url) for _ in range(streams)))
    return (time.process_time() - started) / (streams * events) * 1e6


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--gap", type=int, default=20, help="milliseconds between a stream's events (default: 20)")
    options = parser.parse_args()
    clients = {"argo-relay's transport": _ours, "the loop alone": _floor}
    if importlib.util.find_spec("aiohttp"):
        clients[f"aiohttp {importlib.import_module('aiohttp').__version__}"] = _aiohttp
    ours, theirs = multiprocessing.Pipe()
    upstream = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    upstream.start()
    base = f"http://127.0.0.1:{ours.recv()}"
    measured: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in clients}
    try:
        for _ in range(options.runs):
            # Side by side: whatever else the machine does, it does to all of them.
            for name, client in clients.items():
                whole, stream = measured[name]
                whole.append(uvloop.run(client(lambda ask: _whole(ask, base, options.calls))))
                stream.append(
                    uvloop.run(client(lambda ask: _stream(ask, base, options.streams, options.events, options.gap)))
                )
        print(f"{'':24} {'us a call':>26} {'us an event':>26}")
        for name, (whole, stream) in measured.items():
            print(f"{name:24} {_shown(whole):>26} {_shown(stream):>26}")
    finally:
        upstream.kill()


def _shown(measured: list[float]) -> str:
    return f"{statistics.median(measured):.1f} ({min(measured):.1f} to {max(measured):.1f})"


if __name__ == "__main__":
    main()
