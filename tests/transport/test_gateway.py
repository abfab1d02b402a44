"""Tunnels through HTTP proxies that say yes, no, too much, nothing, or something else."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable

import pytest

from argo_relay.errors import ConnectFailed
from argo_relay.transport.gateway import Tunnel, asks_for_password, credentials, refused
from argo_relay.transport.reach import Proxy
from support.upstream import PATIENCE, Connection, upstream

PLAIN = Proxy(scheme="http", host="127.0.0.1", port=1, origin="upstream.proxy")
KNOWN = Proxy(scheme="http", host="127.0.0.1", port=1, user="jdoe", password="pa:ss\u00e4", origin="upstream.proxy")
STRANGE = "the proxy closed the connection, or does not speak the protocol of its scheme"


def says(data: bytes, *, reset: bool = False) -> Callable[[Connection], Awaitable[None]]:
    async def behave(connection: Connection) -> None:
        await connection.request()
        for at in range(len(data)):
            await connection.say(data[at : at + 1])
        if reset:
            connection.reset()

    return behave


async def asked(port: int, proxy: Proxy = PLAIN, host: str = "a.example") -> asyncio.Transport:
    _, tunnel = await asyncio.get_running_loop().create_connection(Tunnel, "127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        try:
            return await tunnel.ask(proxy, host, 443)
        finally:
            tunnel.cut()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 Go\r\n\r\n",
        b"HTTP/1.0 200 Connection established\r\nproxy-agent: x\r\n\r\n",
        b"HTTP/1.1 100 Wait\r\n\r\nHTTP/1.1 200 Go\r\n\r\n",
        b"HTTP/1.1 204 Go\r\n\r\n",
        b"HTTP/1.1 200 Go\r\ncontent-length: 0\r\n\r\n",
    ],
)
async def test_a_tunnel(said: bytes) -> None:
    async with upstream(says(said)) as there:
        await asked(there.port, KNOWN, "::1")
        head = there.heads[0].decode().split("\r\n")
    assert head[:2] == ["CONNECT [::1]:443 HTTP/1.1", "host: [::1]:443"]
    word = base64.b64encode("jdoe:pa:ss\u00e4".encode()).decode()
    assert head[2] == f"proxy-authorization: Basic {word}"


@pytest.mark.parametrize(
    ("said", "what"),
    [
        (b"", STRANGE),
        (b"HTTP/1.1 200 Go\r\n", STRANGE),
        (b"SSH-2.0-x\r\n\r\n", STRANGE),
        (b"HTTP/1.1 200 Go\r\n\nx", STRANGE),
        (b"HTTP/1.1 101 Go\r\n\r\n", STRANGE),
        (b"HTTP/1.1 403 No\r\ncontent-length: 0\r\n\r\n", "the proxy refused to connect to it (status 403)"),
        (b"HTTP/1.1 302 There\r\nlocation: /\r\n\r\n", "the proxy refused to connect to it (status 302)"),
        (b"HTTP/1.1 407 Who\r\n\r\n", "the proxy asks for a user name and a password"),
    ],
)
@pytest.mark.parametrize("reset", [False, True])
async def test_no_tunnel(said: bytes, what: str, reset: bool) -> None:
    async with upstream(says(said, reset=reset)) as there:
        with pytest.raises(ConnectFailed) as failed:
            await asked(there.port)
    assert str(failed.value) in (what, STRANGE if reset else what)


async def test_who_speaks_before_being_spoken_to_is_not_let_through() -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 Go\r\n\r\nhello")
        await connection.end()

    async with upstream(behave) as there:
        with pytest.raises(ConnectFailed, match="does not speak the protocol"):
            await asked(there.port)


async def test_a_proxy_that_closes_before_it_is_asked() -> None:
    tunnel = Tunnel()
    tunnel.cut()
    with pytest.raises(ConnectFailed, match="closed the connection"):
        await tunnel.ask(PLAIN, "a.example", 443)


def test_who_asks() -> None:
    assert credentials(PLAIN) == []
    assert str(asks_for_password(PLAIN)) == str(refused(407, PLAIN))
    assert "does not accept" in str(asks_for_password(KNOWN))
