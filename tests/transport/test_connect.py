"""Making connections: what is open when it does not work out, and whose fault is told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import psutil
import pytest

from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectFailed, UpstreamError
from argo_relay.transport import connect as module
from argo_relay.transport.causes import Cause
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.connect import Connector
from argo_relay.transport.connection import Connection
from argo_relay.transport.http1 import Origin
from argo_relay.transport.pool import Pool
from argo_relay.transport.reach import DIRECT, Detour, Proxy, Reach
from argo_relay.transport.trust import ClientCertificate, trust
from support.certificates import Authority, refusing
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

    def noted(ca_bundle: str | None, certificate: ClientCertificate | None) -> object:
        assert certificate is None
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


async def ask(transport: HttpTransport, port: int) -> int:
    call = Call(method="POST", url=f"https://{HOST}:{port}/", headers=[], body=b"{}")
    async with asyncio.timeout(PATIENCE):
        reply = await transport.open(call, Unheard())
        assert await reply.read() == b"hi"
        reply.release()
    return reply.status


class Unheard:
    """Who is told of a call's progress, and does not care."""

    def connecting(self) -> None: ...

    def connected(self) -> None: ...

    def sent(self) -> None: ...


async def answers(connection: Raw) -> None:
    while True:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")


async def test_a_server_that_asks_who_we_are_is_shown_it(tmp_path: Path) -> None:
    authority, of_clients = Authority(), Authority()
    file, key = of_clients.client(tmp_path)
    async with upstream(answers, authority.asking(HOST, of=of_clients)) as there:
        transport = HttpTransport(
            to_loopback(
                there.port,
                ca_bundle=authority.bundle(tmp_path),
                certificate=ClientCertificate(file=file, key_file=key),
            )
        )
        assert await ask(transport, there.port) == 200
        shown = there.connections[0].writer.get_extra_info("peercert")
        assert shown["subjectAltName"] == (("email", "client@example.org"),)
        await transport.close()


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("shown", ["none", "a stranger's"])
async def test_a_server_that_is_not_shown_what_it_asks_for(shown: str, version: ssl.TLSVersion, tmp_path: Path) -> None:
    """With TLS 1.3 it says so after the handshake, and it matters whether the request was sent before that."""
    authority, of_clients = Authority(), Authority()
    file, key = Authority().client(tmp_path)
    server = authority.asking(HOST, of=of_clients)
    server.maximum_version = version
    certificate = None if shown == "none" else ClientCertificate(file=file, key_file=key)
    said = {
        ("none", ssl.TLSVersion.TLSv1_3): Cause.ASKS_CERTIFICATE,
        # TLS 1.2 has no word for it.
        ("none", ssl.TLSVersion.TLSv1_2): Cause.NO_TLS,
    }.get((shown, version), Cause.DENIES_CERTIFICATE)
    with refusing(server) as port:
        transport = HttpTransport(to_loopback(port, ca_bundle=authority.bundle(tmp_path), certificate=certificate))
        for _ in range(5):
            with pytest.raises(UpstreamError) as failed:
                await ask(transport, port)
            assert failed.value.args == (said,)
            assert isinstance(failed.value, ConnectFailed)
        await transport.close()


async def test_one_that_is_told_so_before_it_is_used(tmp_path: Path) -> None:
    """The alert may come in the moment between a connection's making and its use."""
    authority = Authority()
    with refusing(authority.asking(HOST, of=Authority())) as port:
        pool = Pool()
        connector = Connector(to_loopback(port, ca_bundle=authority.bundle(tmp_path)))
        connection = await connect(connector, Origin("https", HOST, port), pool)
        async with asyncio.timeout(PATIENCE):
            while pool.all:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0)
        with pytest.raises(ConnectFailed, match="it asks for a client certificate, and has got none"):
            await connection.send(b"GET / HTTP/1.1\r\n\r\n", None).begun()
        await connector.close()


@pytest.mark.parametrize("secure", [False, True])
async def test_no_proxy_is_shown_who_we_are(secure: bool, tmp_path: Path) -> None:
    authority, of_clients = Authority(), Authority()
    file, key = of_clients.client(tmp_path)
    curious = authority.server("localhost")
    curious.verify_mode = ssl.CERT_OPTIONAL
    async with (
        upstream(answers, authority.asking(HOST, of=of_clients)) as there,
        http_proxy(names={HOST: "127.0.0.1"}, tls=curious if secure else None) as gate,
    ):
        proxy = Proxy(scheme="https" if secure else "http", host="localhost", port=gate.port, origin="upstream.proxy")
        certificate = ClientCertificate(file=file, key_file=key)
        transport = HttpTransport(Reach(proxy=proxy, ca_bundle=authority.bundle(tmp_path), certificate=certificate))
        assert await ask(transport, there.port) == 200
        assert gate.lines[0].get_extra_info("peercert") is None
        assert there.connections[0].writer.get_extra_info("peercert") is not None
        await transport.close()


async def test_certificate_files_that_are_gone_by_the_time_they_are_read(tmp_path: Path) -> None:
    connector = Connector(Reach(ca_bundle=str(tmp_path / "gone.pem")))
    with pytest.raises(ConnectFailed, match="the relay's own certificate files cannot be read any more"):
        await connect(connector, Origin("https", "127.0.0.1", 1), Pool())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_later_connection_goes_on_with_an_earlier_ones_session(version: ssl.TLSVersion, tmp_path: Path) -> None:
    authority = Authority()
    server = authority.server(HOST)
    server.maximum_version = version
    async with upstream(answers, server) as there:
        transport = HttpTransport(to_loopback(there.port, ca_bundle=authority.bundle(tmp_path)))
        resumed = []
        for _ in range(4):
            await ask(transport, there.port)
            for connection in list(transport._pool.all):
                made = connection._transport
                assert made is not None
                resumed.append(made.get_extra_info("ssl_object").session_reused)
                connection.cut()
        assert resumed == [False, True, True, True]
        await transport.close()


@pytest.mark.parametrize("cut", [False, True])
async def test_a_server_that_cannot_go_on_with_its_own_session_is_asked_without(cut: bool, tmp_path: Path) -> None:
    """As OpenSSL's, where it asks for certificates and was given no session id context: it ends the handshake."""
    authority = Authority()
    offered = []

    async def pick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        offered.append(_holds_session(hello))
        if offered[-1]:
            # handshake_failure, https://www.rfc-editor.org/rfc/rfc8446#section-6
            writer.write(b"" if cut else b"\x15\x03\x03\x00\x02\x02\x28")
            writer.close()
            return
        await _pass_on(hello, reader, writer, there.port)

    async with upstream(answers, authority.server(HOST)) as there:
        front = await asyncio.start_server(pick, "127.0.0.1", 0)
        port = front.sockets[0].getsockname()[1]
        transport = HttpTransport(to_loopback(port, ca_bundle=authority.bundle(tmp_path)))
        for _ in range(3):
            assert await ask(transport, port) == 200
            for connection in list(transport._pool.all):
                connection.cut()
        assert offered == [False, True, False, False], "once is enough"
        await transport.close()
        front.close()


async def test_several_at_once_find_out_that_a_server_cannot_go_on(tmp_path: Path) -> None:
    authority = Authority()
    held: list[asyncio.Event] = []
    offered = []

    async def pick(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.read(65536)
        offered.append(_holds_session(hello))
        if offered[-1]:
            # They are told so one after the other, when all have asked.
            turn = asyncio.Event()
            held.append(turn)
            if len(held) == 5:
                held[0].set()
            await turn.wait()
            writer.close()
            if held.index(turn) < 4:
                held[held.index(turn) + 1].set()
            return
        await _pass_on(hello, reader, writer, there.port)

    async with upstream(answers, authority.server(HOST)) as there:
        front = await asyncio.start_server(pick, "127.0.0.1", 0)
        port = front.sockets[0].getsockname()[1]
        transport = HttpTransport(to_loopback(port, ca_bundle=authority.bundle(tmp_path)))
        assert await ask(transport, port) == 200
        for connection in list(transport._pool.all):
            connection.cut()
        async with asyncio.timeout(PATIENCE):
            assert await asyncio.gather(*(ask(transport, port) for _ in range(5))) == [200] * 5
        assert offered == [False, *[True] * 5, *[False] * 5]
        await transport.close()
        front.close()


def _holds_session(hello: bytes) -> bool:
    """Say whether a ClientHello ends with `pre_shared_key`: https://www.rfc-editor.org/rfc/rfc8446#section-4.2.11."""
    return any(
        hello[at : at + 2] == b"\x00\x29" and int.from_bytes(hello[at + 2 : at + 4], "big") == len(hello) - at - 4
        for at in range(len(hello) - 4)
    )


async def _pass_on(said: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    """Pass on to a port what has been said and what follows, and what comes back."""
    ours, theirs = await asyncio.open_connection("127.0.0.1", port)
    theirs.write(said)
    await asyncio.gather(_pass(reader, theirs), _pass(ours, writer))


async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
    writer.close()
