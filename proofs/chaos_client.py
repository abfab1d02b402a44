"""One client of the chaos run: sends a request on a connection of its own, and reads, dawdles or leaves as drawn."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from dataclasses import dataclass, field
from typing import Final

import httptools
from chaos_draw import Case
from chaos_ends import End, Reply, end_of

_LINGER: Final = struct.pack("ii", 1, 0)
_FAREWELL_SECONDS: Final = 1.0
"""How long the relay waits for a client to take the error that ends its reply."""
PATIENCE_SECONDS: Final = 12.0
"""How long after its limit a reply is waited for, before it counts as one that never ends."""
_CLOSING_SECONDS: Final = 5.0


@dataclass
class Asked:
    """One request as its client saw it; times are `time.monotonic`'s."""

    case: Case
    id: str
    again: bool = False
    begun: float = 0.0
    """Before its first byte was sent."""
    sent: float = 0.0
    """Its last byte was handed to the kernel."""
    over: float = 0.0
    """Its reply was complete, or the client left."""
    left: bool = False
    end: End | None = None
    """None: the client left, or its connection was cut."""
    status: int = 0
    rejoined: bool = False
    cut: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def due(self) -> float:
        """When its time is over, seen from here."""
        return self.sent + self.case.total


class _Parser:
    """Reads one reply, strictly."""

    def __init__(self) -> None:
        self.reply = Reply()
        self._parser = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.reply.headers[name.decode().lower()] = value.decode()

    def on_headers_complete(self) -> None:
        self.reply.status = self._parser.get_status_code()

    def on_body(self, body: bytes) -> None:
        self.reply.body += body

    def on_message_complete(self) -> None:
        self.reply.complete = True


async def ask(port: int, case: Case, *, again: bool = False) -> Asked:
    """Send a request and see to its end; `again`: the client comes back, and stays."""
    asked = Asked(case, f"chaos-{case.number}{'-again' if again else ''}", again)
    asked.begun = time.monotonic()
    small = case.reading != "well"
    sock = socket.socket()
    sock.setblocking(False)
    if small:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=sock, limit=2048 if small else 2**18)
    try:
        leave = None if again else case.leave
        data = _request(case, asked)
        writer.write(data[: len(data) - len(case.body) // 2] if leave is not None and leave < 0 else data)
        asked.sent = time.monotonic()
        await _read(asked, reader, leave)
        if asked.left and case.reset:
            sock_made = writer.get_extra_info("socket")
            sock_made.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
    finally:
        writer.transport.abort()
    return asked


def _request(case: Case, asked: Asked) -> bytes:
    fields = [("host", "chaos"), ("connection", "close"), ("x-request-id", asked.id), *case.headers]
    fields += [("content-type", "application/json"), ("content-length", str(len(case.body)))]
    if asked.again:
        fields.append(("x-stainless-retry-count", "1"))
    head = "\r\n".join([f"POST {case.path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields), "", ""])
    return head.encode() + case.body


async def _read(asked: Asked, reader: asyncio.StreamReader, leave: float | None) -> None:
    parser = _Parser()
    waits = asked.case.total + PATIENCE_SECONDS if leave is None else 0.05 if leave < 0 else leave
    try:
        async with asyncio.timeout(waits):
            await _reply(asked, parser, reader)
    except TimeoutError:
        asked.left = leave is not None
        asked.over = time.monotonic()
        if not asked.left:
            asked.problems.append(f"no end {PATIENCE_SECONDS:g} s after its limit: {bytes(parser.reply.body[-200:])!r}")
        return
    except (ConnectionError, httptools.HttpParserError) as error:
        asked.over = time.monotonic()
        asked.problems.append(f"no HTTP: {error!r} after {bytes(parser.reply.body[-200:])!r}")
        return
    reply = parser.reply
    asked.status, asked.rejoined = reply.status, "x-rejoined" in reply.headers
    if reply.complete:
        asked.end = end_of(asked.case, reply)
        asked.problems += asked.end.problems
        await _closed(asked, parser, reader)
    elif not asked.cut:
        asked.problems.append(f"its connection was cut: {reply.status} {bytes(reply.body[-200:])!r}")


async def _reply(asked: Asked, parser: _Parser, reader: asyncio.StreamReader) -> None:
    """Read until the reply is complete, or its connection has ended."""
    reading = asked.case.reading
    if reading == "not":
        # By then the relay must have given up.
        await asyncio.sleep(asked.case.total + _FAREWELL_SECONDS + 0.3)
    try:
        while not parser.reply.complete and (piece := await reader.read(1500 if reading == "slowly" else 2**18)):
            parser.feed(piece)
            if reading == "slowly" and time.monotonic() < asked.due + _FAREWELL_SECONDS + 0.3:
                await asyncio.sleep(0.02)
    except ConnectionResetError:
        if reading == "well":
            raise
    asked.cut = not parser.reply.complete and reading != "well"
    asked.over = time.monotonic()


async def _closed(asked: Asked, parser: _Parser, reader: asyncio.StreamReader) -> None:
    """See that nothing comes after the reply but the connection's end."""
    try:
        async with asyncio.timeout(_CLOSING_SECONDS):
            while piece := await reader.read(2**16):
                parser.feed(piece)
                asked.problems.append(f"{len(piece)} bytes after its end: {piece[:100]!r}")
    except TimeoutError:
        asked.problems.append("its connection stays open")
    except (ConnectionError, httptools.HttpParserError) as error:
        asked.problems.append(f"something after its end: {error!r}")
