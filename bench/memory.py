"""What the relay holds: MiB resident after its start, with idle connections, with streams open, and after them.

    .venv/bin/python bench/memory.py                    1,000 connections, then 1,000 streams, in Chat and in Messages
    .venv/bin/python bench/memory.py --where            and which lines have allocated what a stream holds (tracemalloc)

A fast upstream on loopback sends an event each 50 to 100 ms. `a connection` and `a stream` are what each adds to what
was resident before; a stream has a connection on both sides. Only the relay is measured; the clients are raw sockets.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import processes
from asking import request
from cells import Bench, Scale, bench
from peers import OURS, Wish
from running import CACHE, Running, install, running
from tables import plain

_DIALECTS: Final = ("chat", "messages")
_EVENTS: Final = 200
"""Of a stream: 15 seconds of them."""
_AT_ONCE: Final = 50
"""Connections that are made at the same time."""
_SETTLING: Final = 1.0
_SHOWN: Final = 15
_HERE: Final = Path(__file__).resolve().parent
_ROOT: Final = _HERE.parent
_TRACE: Final = CACHE / "memory.trace"
_SIDES: Final = re.compile(r".*/(site-packages|src|lib/python3\.\d+)/")


@dataclass(frozen=True)
class Seen:
    """MiB resident at each stage."""

    dialect: str
    started: float
    connected: float
    streaming: float
    ended: float

    def row(self, count: int) -> list[str]:
        """Return it as a row of the table; what one adds in KiB."""
        one, stream = (self.connected - self.started) / count, (self.streaming - self.started) / count
        cells = (self.started, self.connected, self.streaming, self.ended)
        return [self.dialect, *(f"{cell:.1f}" for cell in cells), f"{one * 1024:.1f}", f"{stream * 1024:.1f}"]


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=1000)
    parser.add_argument("--where", action="store_true", help="trace allocations in a second run, which is slower")
    options = parser.parse_args()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    CACHE.mkdir(exist_ok=True)
    rows, traced = asyncio.run(_all(options.streams, where=options.where))
    n = f"{options.streams:,}"
    head = ["MiB", "started", f"{n} idle", f"{n} streams", "ended", "KiB a connection", "KiB a stream"]
    print(plain([head, *(seen.row(options.streams) for seen in rows)]))
    for dialect, lines in traced.items():
        print(f"\n{dialect}: bytes a stream, by the line that allocated them")
        print("\n".join(lines))


async def _all(streams: int, *, where: bool) -> tuple[list[Seen], dict[str, list[str]]]:
    rows, traced = [], {}
    async with bench(Scale()) as there:
        for dialect in _DIALECTS:
            async with _relay(there, traced=False) as place:
                rows.append(await _stages(there, place, dialect, streams))
            if where:
                async with _relay(there, traced=True) as place:
                    traced[dialect] = await _lines(there, place, dialect, streams)
    return rows, traced


@asynccontextmanager
async def _relay(there: Bench, *, traced: bool) -> AsyncIterator[Running]:
    system = OURS
    if traced:
        begin = f"$bin/python {_HERE / 'traced.py'} {_TRACE} "
        system = replace(OURS, command=begin + OURS.command.removeprefix("$bin/argo-relay "))
    commands = await asyncio.to_thread(install, system)
    async with running(system, commands, there.url) as place:
        yield place


async def _stages(there: Bench, place: Running, dialect: str, count: int) -> Seen:
    port = int(place.url.rpartition(":")[2])
    started = processes.resident(place.session)
    async with _connected(port, count) as idle:
        await _each(idle, _healthy)
        await asyncio.sleep(_SETTLING)
        connected = processes.resident(place.session)
    await asyncio.sleep(_SETTLING)
    async with _connected(port, count) as open_:
        asked = _asked(there, dialect)
        await _each(open_, lambda line: _begun(line, asked))
        await asyncio.sleep(_SETTLING)
        streaming = processes.resident(place.session)
        await asyncio.gather(*(_rest(reader) for reader, _ in open_))
    await asyncio.sleep(_SETTLING)
    return Seen(dialect, started, connected, streaming, processes.resident(place.session))


async def _lines(there: Bench, place: Running, dialect: str, count: int) -> list[str]:
    """Return what the largest allocations of open streams are, a stream."""
    port = int(place.url.rpartition(":")[2])
    before = await _traced(place)
    async with _connected(port, count) as open_:
        asked = _asked(there, dialect)
        await _each(open_, lambda line: _begun(line, asked))
        after = await _traced(place)
    grown = {line: (size - before.get(line, (0, 0))[0], number) for line, (size, number) in after.items()}
    largest = sorted(grown.items(), key=lambda item: -item[1][0])[:_SHOWN]
    return [f"{size / count:8.0f}  {number / count:6.1f} of  {_short(line)}" for line, (size, number) in largest]


def _short(line: str) -> str:
    return _SIDES.sub("", line).removeprefix(f"{_ROOT}/")


async def _traced(place: Running) -> dict[str, tuple[int, int]]:
    _TRACE.unlink(missing_ok=True)
    os.kill(place.session, signal.SIGUSR1)
    while not _TRACE.exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.05)
    rows = [line.split("\t") for line in _TRACE.read_text().splitlines()]
    return {place: (int(size), int(count)) for size, count, place in rows}


Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def _connected(port: int, count: int) -> AsyncIterator[list[Line]]:
    lines: list[Line] = []
    try:
        while len(lines) < count:
            some = min(_AT_ONCE, count - len(lines))
            lines += await asyncio.gather(*(asyncio.open_connection("127.0.0.1", port) for _ in range(some)))
        yield lines
    finally:
        for _, writer in lines:
            writer.transport.abort()


async def _each(lines: Sequence[Line], step: object) -> None:
    assert callable(step)
    for first in range(0, len(lines), _AT_ONCE):
        await asyncio.gather(*(step(line) for line in lines[first : first + _AT_ONCE]))


async def _healthy(line: Line) -> None:
    reader, writer = line
    writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
    assert length is not None
    await reader.readexactly(int(length[1]))


async def _begun(line: Line, asked: bytes) -> None:
    """Ask, and wait for the head and the first event."""
    reader, writer = line
    writer.write(asked)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    await reader.readuntil(b"data: ")


async def _rest(reader: asyncio.StreamReader) -> None:
    last = b""
    with suppress(ConnectionError):
        while not last.endswith(b"0\r\n\r\n") and (piece := await reader.read(65536)):
            last = (last + piece)[-16:]


def _asked(there: Bench, dialect: str) -> bytes:
    asked = request(OURS, dialect, "", True, Wish(there.url))
    message = {"role": "user", "content": f"{'a few words of a prompt ' * 30}play paced {_EVENTS}"}
    body = json.dumps(asked.body | {"messages": [message]}).encode()
    heads = {"host": "localhost", "content-type": "application/json", **asked.headers, "content-length": str(len(body))}
    lines = [f"POST {asked.path} HTTP/1.1", *(f"{name}: {value}" for name, value in heads.items())]
    return "\r\n".join((*lines, "", "")).encode() + body


if __name__ == "__main__":
    main()
