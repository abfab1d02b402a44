"""Two small proxies on loopback: HTTP with CONNECT, and SOCKS5. They write down what they were asked for.

Names that they know lead where `names` says, so that nobody but the proxy can have looked them up.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class ProxyServer:
    """A proxy; `asked` has the host and port of every connection that somebody wanted, refused or not."""

    names: Mapping[str, str]
    credentials: tuple[str, str] | None
    refusal: int | None
    """The status, or SOCKS reply, with which everything is refused."""
    port: int = 0
    asked: list[tuple[str, int]] = field(default_factory=list)
    heads: list[bytes] = field(default_factory=list)
    """What an HTTP proxy was sent, before anything went through."""
    lines: list[asyncio.StreamWriter] = field(default_factory=list)

    async def connect(self, host: str, port: int) -> Stream:
        self.asked.append((host, port))
        reader, writer = await asyncio.open_connection(self.names.get(host, host), port)
        self.lines.append(writer)
        return reader, writer


Behaviour = Callable[[ProxyServer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def http_proxy(
    *,
    names: Mapping[str, str] = {},
    credentials: tuple[str, str] | None = None,
    refusal: int | None = None,
    tls: ssl.SSLContext | None = None,
) -> AsyncIterator[ProxyServer]:
    """Serve CONNECT, and requests in absolute form."""
    async with _serving(_speak_http, ProxyServer(names, credentials, refusal), tls) as proxy:
        yield proxy


@asynccontextmanager
async def socks_proxy(
    *, names: Mapping[str, str] = {}, credentials: tuple[str, str] | None = None, refusal: int | None = None
) -> AsyncIterator[ProxyServer]:
    """Serve SOCKS5 (RFC 1928, RFC 1929)."""
    async with _serving(_speak_socks, ProxyServer(names, credentials, refusal), None) as proxy:
        yield proxy


@asynccontextmanager
async def _serving(behave: Behaviour, proxy: ProxyServer, tls: ssl.SSLContext | None) -> AsyncIterator[ProxyServer]:
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        proxy.lines.append(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await behave(proxy, reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.get_running_loop().create_task(serve(reader, writer)))

    server = await asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in proxy.lines:
            writer.transport.abort()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


async def _speak_http(proxy: ProxyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    proxy.heads.append(head)
    method, target, _ = head.decode().split(" ", 2)
    place = urlsplit(f"//{target}" if method == "CONNECT" else target)
    host, port = place.hostname or "", place.port or 80
    if proxy.credentials is not None:
        expected = base64.b64encode(":".join(proxy.credentials).encode())
        if b"proxy-authorization: basic " + expected.lower() not in head.lower():
            proxy.asked.append((host, port))
            writer.write(b"HTTP/1.1 407 Who\r\nproxy-authenticate: Basic\r\ncontent-length: 0\r\n\r\n")
            return
    if proxy.refusal is not None:
        proxy.asked.append((host, port))
        writer.write(b"HTTP/1.1 %d No\r\ncontent-length: 0\r\n\r\n" % proxy.refusal)
        return
    there = await proxy.connect(host, port)
    if method == "CONNECT":
        writer.write(b"HTTP/1.1 200 Go ahead\r\n\r\n")
    else:
        there[1].write(head.replace(target.encode(), (place.path or "/").encode(), 1))
    await _both_ways((reader, writer), there)


async def _speak_socks(proxy: ProxyServer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    _, count = await reader.readexactly(2)
    methods = await reader.readexactly(count)
    wanted = 0 if proxy.credentials is None else 2
    if wanted not in methods:
        writer.write(b"\x05\xff")
        return
    writer.write(bytes([5, wanted]))
    if proxy.credentials is not None:
        await reader.readexactly(1)
        given = await _counted(reader), await _counted(reader)
        writer.write(b"\x01\x00" if given == proxy.credentials else b"\x01\x01")
        if given != proxy.credentials:
            return
    _, _, _, kind = await reader.readexactly(4)
    if kind == 3:
        host = await _counted(reader)
    else:
        host = ".".join(map(str, await reader.readexactly(4)))
    (port,) = struct.unpack("!H", await reader.readexactly(2))
    if proxy.refusal is not None:
        proxy.asked.append((host, port))
        writer.write(bytes([5, proxy.refusal, 0, 1, 0, 0, 0, 0, 0, 0]))
        return
    there = await proxy.connect(host, port)
    writer.write(bytes([5, 0, 0, 1, 0, 0, 0, 0, 0, 0]))
    await _both_ways((reader, writer), there)


async def _counted(reader: asyncio.StreamReader) -> str:
    return (await reader.readexactly((await reader.readexactly(1))[0])).decode()


async def _both_ways(one: Stream, other: Stream) -> None:
    """Pass on what comes until either side ends, then cut both."""
    tasks = [asyncio.ensure_future(_pass_on(one[0], other[1])), asyncio.ensure_future(_pass_on(other[0], one[1]))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        other[1].transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
