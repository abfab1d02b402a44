"""Unix sockets: what is asked there, with and without TLS, and why there is no connection."""

from __future__ import annotations

import asyncio
import errno
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectFailed
from argo_relay.transport import unix
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.reach import Reach
from argo_relay.transport.unix import dial_unix
from support.certificates import Authority
from support.upstream import PATIENCE, Connection, upstream

HOST = "argo.invalid"


class Unheard:
    """Who is told of a call's progress, and does not care."""

    def connecting(self) -> None: ...

    def connected(self) -> None: ...

    def sent(self) -> None: ...


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory whose path is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="relay-") as directory:
        yield Path(directory)


async def answers(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi")


async def ask(transport: HttpTransport, scheme: str) -> bytes:
    call = Call(method="POST", url=f"{scheme}://{HOST}/v1/x", headers=[], body=b"{}")
    async with asyncio.timeout(PATIENCE):
        reply = await transport.open(call, Unheard())
        body = await reply.read()
        assert await reply.read() == b""
        reply.release()
    return body


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_requests_keep_the_name_and_the_connection(scheme: str, place: Path) -> None:
    authority, path = Authority(), str(place / "a.sock")
    tls = authority.server(HOST) if scheme == "https" else None
    transport = HttpTransport(Reach(socket=path, ca_bundle=authority.bundle(place)))
    async with upstream(answers, tls, path) as there:
        for _ in range(3):
            assert await ask(transport, scheme) == b"hi"
        assert len(there.connections) == 1
        assert all(head.startswith(b"POST /v1/x HTTP/1.1\r\n") for head in there.heads)
        assert all(f"host: {HOST}\r\n".encode() in head.lower() for head in there.heads)
        await transport.close()


async def test_a_certificate_is_looked_at_there_too(place: Path) -> None:
    authority, path = Authority(), str(place / "a.sock")
    transport = HttpTransport(Reach(socket=path, ca_bundle=authority.bundle(place)))
    async with upstream(answers, authority.server("other.invalid"), path):
        with pytest.raises(ConnectFailed, match="its certificate is for another name"):
            await ask(transport, "https")
        await transport.close()


async def test_nobody_is_there(place: Path) -> None:
    path = str(place / "a.sock")
    with pytest.raises(ConnectFailed, match="its socket does not exist"):
        await dial_unix(path)
    with socket.socket(socket.AF_UNIX) as left:
        left.bind(path)
    with pytest.raises(ConnectFailed, match="the connection was refused"):
        await dial_unix(path)


async def test_a_socket_of_somebody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: socket.socket, path: str) -> None:
        # As the system does, except to root, who may be running this.
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(socket.socket, "connect", denied)
    with pytest.raises(ConnectFailed, match="its socket is not for the relay to use"):
        await dial_unix("/run/a.sock")


async def test_a_full_queue_is_waited_for(place: Path) -> None:
    path = str(place / "a.sock")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as first:
        server.bind(path)
        server.listen(0)
        first.connect(path)
        dialling = asyncio.create_task(dial_unix(path))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not dialling.done()
        server.accept()[0].close()
        async with asyncio.timeout(PATIENCE):
            sock = await dialling
        assert sock.getpeername() == path
        sock.close()
        given_up = asyncio.create_task(dial_unix(path))
        await asyncio.sleep(0)
        given_up.cancel()
        with pytest.raises(asyncio.CancelledError):
            await given_up


async def test_a_system_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unix, "FAMILY", None)
    with pytest.raises(ConnectFailed, match="this system has no Unix sockets"):
        await dial_unix("/run/a.sock")
