"""Making connections: what is open when it does not work out, and whose fault is told."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import psutil
import pytest

from argo_relay.errors import ConnectFailed
from argo_relay.transport import connect as module
from argo_relay.transport.connect import Connector
from argo_relay.transport.connection import Connection
from argo_relay.transport.http1 import Origin
from argo_relay.transport.pool import Pool
from argo_relay.transport.reach import DIRECT, Detour, Proxy, Reach
from argo_relay.transport.trust import trust
from support.certificates import Authority
from support.proxies import http_proxy
from support.upstream import PATIENCE, upstream
from support.upstream import Connection as Raw

HOST = "argo.invalid"
OTHER_NAME = "its certificate is for another name|the TLS handshake failed"
"""The standard library's loop, in 3.11, loses the reason where TLS fails within TLS."""


def to_loopback(port: int, **more: object) -> Reach:
    return Reach(resolve=(Detour(host=HOST, port=port, to_host="127.0.0.1", to_port=None),), **more)  # type: ignore[arg-type]


async def silent(connection: Raw) -> None:
    await connection.end()


def ports() -> set[int]:
    """Return the ports that this process is connected to."""
    return {one.raddr[1] for one in psutil.Process().net_connections("tcp") if len(one.raddr)}


async def connect(connector: Connector, origin: Origin, pool: Pool) -> Connection:
    async with asyncio.timeout(PATIENCE):
        return await connector.connect(origin, lambda: Connection(origin, pool))


async def test_what_checks_certificates_is_read_once_and_only_for_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, asked = Authority(), []
    bundle = authority.bundle(tmp_path)

    def noted(ca_bundle: str | None) -> object:
        asked.append(ca_bundle)
        return trust(ca_bundle)

    monkeypatch.setattr(module, "trust", noted)
    async with upstream(silent) as plain, upstream(silent, authority.server(HOST)) as secure:
        pool = Pool()
        connector = Connector(to_loopback(secure.port, ca_bundle=bundle))
        await connect(connector, Origin("http", "127.0.0.1", plain.port), pool)
        assert asked == []
        for _ in range(2):
            await connect(connector, Origin("https", HOST, secure.port), pool)
        assert asked == [bundle]
        assert len(pool.all) == 3
        await pool.close()
        await connector.close()


async def test_after_an_address_that_refuses_its_name_is_looked_up_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    connector = Connector(DIRECT)
    forgotten = []
    monkeypatch.setattr(connector._names, "forget", lambda *place: forgotten.append(place))
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        with pytest.raises(ConnectFailed, match="the connection was refused"):
            await connect(connector, Origin("http", "127.0.0.1", port), Pool())
    assert forgotten == [("127.0.0.1", port)]


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("proxied", ["http", "https"])
async def test_a_proxy_whose_name_nobody_knows(scheme: str, proxied: str) -> None:
    proxy = Proxy(scheme="http" if proxied == "http" else "https", host="gate.invalid", port=1, origin="upstream.proxy")
    with pytest.raises(ConnectFailed, match="the proxy's name could not be resolved"):
        await connect(Connector(Reach(proxy=proxy)), Origin(scheme, HOST, 1), Pool())


async def test_a_proxy_that_is_asked_for_tls_and_has_none() -> None:
    async def behave(connection: Raw) -> None:
        await connection.reader.read(1)
        await connection.say(b"HTTP/1.1 400 what\r\n\r\n")

    async with upstream(behave) as there:
        proxy = Proxy(scheme="https", host="127.0.0.1", port=there.port, origin="upstream.proxy")
        with pytest.raises(ConnectFailed, match="the TLS handshake with the proxy failed"):
            await connect(Connector(Reach(proxy=proxy)), Origin("https", HOST, 1), Pool())


@pytest.mark.parametrize("secure_proxy", [False, True])
@pytest.mark.parametrize("when", ["it succeeds", "it fails", "it is cancelled"])
async def test_nothing_stays_open_behind_a_proxy(when: str, secure_proxy: bool, tmp_path: Path) -> None:
    """TLS to the upstream, within a tunnel, within TLS to the proxy."""
    authority = Authority()
    arrived = asyncio.Event()

    async def deaf(connection: Raw) -> None:
        await connection.reader.read(1)
        arrived.set()
        await connection.end()

    name = HOST if when == "it succeeds" else "other.invalid"
    behave, server = (deaf, None) if when == "it is cancelled" else (silent, authority.server(name))
    async with (
        upstream(behave, server) as there,
        http_proxy(names={HOST: "127.0.0.1"}, tls=authority.server("localhost") if secure_proxy else None) as gate,
    ):
        proxy = Proxy(
            scheme="https" if secure_proxy else "http", host="localhost", port=gate.port, origin="upstream.proxy"
        )
        connector = Connector(Reach(proxy=proxy, ca_bundle=authority.bundle(tmp_path)))
        pool = Pool()
        running = asyncio.create_task(connect(connector, Origin("https", HOST, there.port), pool))
        if when == "it is cancelled":
            await arrived.wait()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        elif when == "it fails":
            with pytest.raises(ConnectFailed, match=OTHER_NAME):
                await running
        else:
            assert await running in pool.all
            assert gate.port in ports()
            await pool.close()
        for _ in range(100_000):
            if gate.port not in ports():
                break
            await asyncio.sleep(0)
        assert gate.port not in ports()
        assert pool.all == set()
        assert gate.asked == [(HOST, there.port)]


async def test_one_whose_making_is_cancelled_at_whatever_moment_is_known_no_more() -> None:
    async with upstream(silent) as there:
        pool, connector = Pool(), Connector(DIRECT)
        origin = Origin("http", "127.0.0.1", there.port)
        for turns in range(60):
            making = asyncio.create_task(connector.connect(origin, lambda: Connection(origin, pool)))
            for _ in range(turns):
                await asyncio.sleep(0)
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
        async with asyncio.timeout(PATIENCE):
            await pool.close()
        assert pool.all == set()
