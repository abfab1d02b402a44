"""Tunnels through real proxies on loopback, and what is said of those that refuse."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

from argo_relay.errors import ConnectFailed
from argo_relay.transport.gateway import refused
from argo_relay.transport.reach import Proxy, Scheme
from argo_relay.transport.trust import trust
from argo_relay.transport.tunnel import socket_through, stream_through
from support.certificates import Authority
from support.proxies import ProxyServer, http_proxy, socks_proxy
from support.upstream import PATIENCE, Connection, upstream

HOST = "argo.invalid"
KNOWN = {HOST: "127.0.0.1"}
PROXIES: dict[Scheme, Callable[..., AbstractAsyncContextManager[ProxyServer]]] = {
    "http": http_proxy,
    "socks5": socks_proxy,
}


def to(port: int, scheme: Scheme, **more: Any) -> Proxy:
    return Proxy(scheme=scheme, host="127.0.0.1", port=port, origin="upstream.proxy", **more)


async def greet(connection: Connection) -> None:
    await connection.say(b"hello")


async def failure(proxy: Proxy, port: int = 443) -> str:
    """Return what is said of a proxy that makes no connection; no address and no secret is in it."""
    async with asyncio.timeout(PATIENCE):
        with pytest.raises(ConnectFailed) as failed:
            (await stream_through(proxy, HOST, port, trust(None))).close()
        if proxy.scheme == "socks5":
            with pytest.raises(ConnectFailed) as again:
                (await socket_through(proxy, HOST, port)).close()
            assert str(again.value) == str(failed.value)
    for secret in (HOST, "127.0.0.1", str(proxy.port), "s3cret"):
        assert secret not in f"{failed.value} {failed.value.__cause__}"
    return str(failed.value)


@pytest.mark.parametrize("scheme", PROXIES)
@pytest.mark.parametrize("credentials", [None, ("jdoe", "s3cret")])
async def test_the_proxy_connects_and_looks_up_the_name(scheme: Scheme, credentials: tuple[str, str] | None) -> None:
    user, password = credentials or (None, None)
    async with upstream(greet) as there, PROXIES[scheme](names=KNOWN, credentials=credentials) as proxy:
        way = to(proxy.port, scheme, user=user, password=password)
        writer = await stream_through(way, HOST, there.port, trust(None))
        writer.close()
        assert proxy.asked == [(HOST, there.port)]


async def test_a_socket_is_what_comes_of_socks() -> None:
    async with upstream(greet) as there, socks_proxy(names=KNOWN) as proxy:
        sock = await socket_through(to(proxy.port, "socks5"), HOST, there.port)
        with sock:
            assert await asyncio.get_running_loop().sock_recv(sock, 5) == b"hello"
        assert proxy.asked == [(HOST, there.port)]


async def test_a_proxy_with_tls(tmp_path: Path) -> None:
    authority = Authority()
    async with upstream(greet) as there, http_proxy(names=KNOWN, tls=authority.server("127.0.0.1")) as proxy:
        writer = await stream_through(to(proxy.port, "https"), HOST, there.port, trust(authority.bundle(tmp_path)))
        writer.transport.abort()
        assert proxy.asked == [(HOST, there.port)]
        assert await failure(to(proxy.port, "https")) == "the TLS handshake with the proxy failed"


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_proxy_that_is_not_there(scheme: Scheme) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert await failure(to(closed.getsockname()[1], scheme)) == "the proxy could not be reached"
    unknown = Proxy(scheme=scheme, host="proxy.invalid", port=1, origin="upstream.proxy")
    assert await failure(unknown) == "the proxy could not be reached"


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_proxy_that_needs_a_password(scheme: Scheme) -> None:
    async with PROXIES[scheme](credentials=("jdoe", "right")) as proxy:
        assert await failure(to(proxy.port, scheme)) == "the proxy asks for a user name and a password"
        wrong = to(proxy.port, scheme, user="jdoe", password="s3cret")
        assert await failure(wrong) == "the proxy does not accept the user name and password that it was given"


@pytest.mark.parametrize(
    ("scheme", "refusal", "what"),
    [
        ("http", 403, "the proxy refused to connect to it (status 403)"),
        ("http", 502, "the proxy refused to connect to it (status 502)"),
        ("socks5", 1, "the proxy could not connect to it"),
        ("socks5", 2, "the proxy does not allow this connection"),
        ("socks5", 4, "the proxy finds its host unreachable, or does not know its name"),
        ("socks5", 5, "the proxy was refused by it"),
        ("socks5", 8, "the proxy refused to connect to it (SOCKS error 8)"),
    ],
)
async def test_a_proxy_that_refuses(scheme: Scheme, refusal: int, what: str) -> None:
    async with PROXIES[scheme](refusal=refusal) as proxy:
        assert await failure(to(proxy.port, scheme)) == what


@pytest.mark.parametrize("scheme", PROXIES)
@pytest.mark.parametrize("said", [b"", b"SSH-2.0-none\r\n\r\n"])
async def test_what_is_no_proxy(scheme: Scheme, said: bytes) -> None:
    async def behave(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.say(said)

    async with upstream(behave) as there:
        told = await failure(to(there.port, scheme))
    assert told == "the proxy closed the connection, or does not speak the protocol of its scheme"


def test_an_answer_to_connect() -> None:
    assert str(refused(407, to(1, "http"))) == "the proxy asks for a user name and a password"
    assert "status 500" in str(refused(500, to(1, "http")))
