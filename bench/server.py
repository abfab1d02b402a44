"""What a request and an event of a stream cost on the client's side: processor time of a process that only serves.

    .venv/bin/python bench/server.py

`a request`: one after the other on one connection, each answered at once with 700 bytes. `an event`: streams at the
same time, an event each every so many milliseconds. What is served is a stub that does with its client what an exchange
does: it reads the body, watches for the client's leaving, and writes. `the loop alone` reads no HTTP: it answers
whatever comes with bytes that stand ready, and less is not possible. `uvicorn and starlette` is what the relay stood on
before, and still runs the simulator.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from typing import Any, Final

import uvicorn
import uvloop
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from argo_relay.exchange.client import Client
from argo_relay.server.asgi_client import AsgiClient
from argo_relay.server.listen import listen
from argo_relay.server.serving import Server

BODY: Final = b'{"id": "chatcmpl-1", "choices": [{"message": {"content": "' + b"x" * 600 + b'"}}]}'
EVENT: Final = b'data: {"id": "chatcmpl-1", "choices": [{"delta": {"content": "' + b"x" * 180 + b'"}}]}\n\n'
ASKED: Final = b'{"model": "gpt-4o", "messages": [{"role": "user", "content": "' + b"x" * 900 + b'"}]}'
PATH: Final = "/v1/chat/completions"
HEADERS: Final = [
    ("x-request-id", "req_0123456789abcdef01234567"),
    ("x-timeout", "600"),
    ("x-timeout-source", "default"),
    ("x-model", "argo:gpt-4o"),
    ("x-upstream", "main"),
]
ASK: Final = (
    f"POST {PATH} HTTP/1.1\r\nhost: 127.0.0.1:44497\r\naccept: application/json\r\ncontent-type: application/json\r\n"
    "accept-encoding: gzip, deflate\r\nconnection: keep-alive\r\nuser-agent: OpenAI/Python 2.8.0\r\n"
    "authorization: Bearer 0123456789abcdef0123456789abcdef\r\nx-stainless-lang: python\r\n"
    f"x-stainless-retry-count: 0\r\nx-events: %d\r\nx-gap: %d\r\ncontent-length: {len(ASKED)}\r\n\r\n"
)
LAST: Final = b"0\r\n\r\n"


def _nothing() -> None:
    return None


async def answer(client: Client) -> None:
    """Do with a client what an exchange does."""
    body = b""
    while (piece := await client.receive()) is not None:
        body += piece
    client.watch(_nothing)
    events, gap = int(client.request_headers["x-events"]), int(client.request_headers["x-gap"]) / 1000
    if not events:
        await client.begin(200, [("content-type", "application/json"), ("content-length", str(len(BODY))), *HEADERS])
        await client.write(BODY, last=True)
        return
    await client.begin(200, [("content-type", "text/event-stream"), ("cache-control", "no-cache"), *HEADERS])
    for _ in range(events):
        await asyncio.sleep(gap)
        await client.write(EVENT)
    await client.write(b"", last=True)


async def _ours(told: Pipe) -> None:
    listening = listen("127.0.0.1", 0)
    await Server(answer, time.time).start([listening])
    told.send(listening.getsockname()[1])
    await _until_asked(told)


class _Endpoint:
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = AsgiClient(scope, receive, send)
        try:
            await answer(client)
        finally:
            client.done()


async def _uvicorn(told: Pipe) -> None:
    listening = listen("127.0.0.1", 0)
    routes = [Route(PATH, _Endpoint(), methods=["POST"])]
    config = uvicorn.Config(Starlette(routes=routes), http="httptools", lifespan="off", ws="none", log_config=None)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listening])
    told.send(listening.getsockname()[1])
    ticking = asyncio.create_task(server.main_loop())
    await _until_asked(told)
    ticking.cancel()


class _Bare(asyncio.Protocol):
    """Answers what comes without a look at it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        events, gap = (int(data.partition(name)[2].split(b"\r\n", 1)[0]) for name in (b"x-events: ", b"x-gap: "))
        if events:
            self._transport.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
            self._next(events, gap / 1000)
        else:
            self._transport.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY))

    def _next(self, left: int, gap: float) -> None:
        if left:
            asyncio.get_running_loop().call_later(gap, self._event, left, gap)
        else:
            self._transport.write(LAST)

    def _event(self, left: int, gap: float) -> None:
        self._transport.write(b"%x\r\n%b\r\n" % (len(EVENT), EVENT))
        self._next(left - 1, gap)


async def _floor(told: Pipe) -> None:
    server = await asyncio.get_running_loop().create_server(_Bare, "127.0.0.1", 0)
    told.send(server.sockets[0].getsockname()[1])
    await _until_asked(told)


async def _until_asked(told: Pipe) -> None:
    """Say how much processor time has gone by, as often as asked; return when nobody asks any more."""
    asked = asyncio.Event()
    asyncio.get_running_loop().add_reader(told.fileno(), asked.set)
    while True:
        await asked.wait()
        asked.clear()
        if not told.recv():
            return
        told.send(time.process_time())


SERVERS: Final[dict[str, Callable[[Pipe], Awaitable[None]]]] = {
    "argo-relay's server": _ours,
    "the loop alone": _floor,
    "uvicorn and starlette": _uvicorn,
}


def _serve(name: str, told: Pipe) -> None:
    async def main() -> None:
        await SERVERS[name](told)

    uvloop.run(main())


async def _ask(port: int, times: int, events: int, gap: int) -> None:
    """Ask on one connection, and read each reply to its end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    ask = (ASK % (events, gap)).encode() + ASKED
    for _ in range(times):
        writer.write(ask)
        await reader.readuntil(LAST if events else BODY)
    writer.close()


def _measured(name: str, options: argparse.Namespace) -> tuple[float, float]:
    """Return the microseconds a request, and those an event."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.get_context("spawn").Process(target=_serve, args=(name, theirs), daemon=True)
    server.start()
    port = ours.recv()

    def spent() -> float:
        ours.send(True)
        seconds: float = ours.recv()
        return seconds

    async def requests() -> float:
        await _ask(port, 300, 0, 0)
        begun = spent()
        await _ask(port, options.requests, 0, 0)
        return (spent() - begun) / int(options.requests) * 1e6

    async def events() -> float:
        await asyncio.gather(*(_ask(port, 1, 2, options.gap) for _ in range(options.streams)))
        begun = spent()
        await asyncio.gather(*(_ask(port, 1, options.events, options.gap) for _ in range(options.streams)))
        return (spent() - begun) / int(options.streams * options.events) * 1e6

    try:
        return uvloop.run(requests()), uvloop.run(events())
    finally:
        server.kill()
        server.join()


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--streams", type=int, default=50)
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--gap", type=int, default=20, help="milliseconds between a stream's events (default: 20)")
    options = parser.parse_args()
    measured: dict[str, list[tuple[float, float]]] = {name: [] for name in SERVERS}
    for _ in range(options.runs):
        # Side by side: whatever else the machine does, it does to all of them.
        for name, rows in measured.items():
            rows.append(_measured(name, options))
    print(f"{'':24} {'us a request':>26} {'us an event':>26}")
    for name, rows in measured.items():
        print(f"{name:24} {_shown([row[0] for row in rows]):>26} {_shown([row[1] for row in rows]):>26}")


def _shown(measured: list[float]) -> str:
    return f"{statistics.median(measured):.1f} ({min(measured):.1f} to {max(measured):.1f})"


if __name__ == "__main__":
    main()
