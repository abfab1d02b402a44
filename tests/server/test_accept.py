"""Connections are taken one a turn, and left to others who have fewer."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from argo_relay.server.accept import Acceptor
from argo_relay.server.listen import listen, listen_unix


class Said(asyncio.Protocol):
    """Says whose connection it is, and notes it."""

    def __init__(self, name: str, taken: list[str]) -> None:
        self.name = name
        self.taken = taken

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.taken.append(self.name)
        transport.write(self.name.encode())
        transport.close()


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as made:
        made.setblocking(False)
        yield made


@contextlib.asynccontextmanager
async def accepting(
    listening: socket.socket, name: str, taken: list[str], others: bool = False
) -> AsyncIterator[Acceptor]:
    acceptor = Acceptor(listening, lambda: Said(name, taken), lambda: others)
    try:
        yield acceptor
    finally:
        acceptor.close()


async def ask(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_who_has_more_leaves_it_to_who_has_fewer(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine the others may need longer than they get.
    monkeypatch.setattr("argo_relay.server.accept._TURN_SECONDS", 60.0)
    taken: list[str] = []
    port = listening.getsockname()[1]
    with listening.dup() as shared:
        async with accepting(listening, "busy", taken, others=True), accepting(shared, "idle", taken):
            assert await asyncio.gather(*(ask(port) for _ in range(5))) == [b"idle"] * 5


async def test_who_has_more_takes_it_when_nobody_else_does(listening: socket.socket) -> None:
    taken: list[str] = []
    async with accepting(listening, "busy", taken, others=True):
        assert await asyncio.gather(*(ask(listening.getsockname()[1]) for _ in range(3))) == [b"busy"] * 3


async def test_after_the_end_what_comes_is_the_others(listening: socket.socket) -> None:
    taken: list[str] = []
    port = listening.getsockname()[1]
    with listening.dup() as shared:
        async with accepting(listening, "first", taken):
            assert await ask(port) == b"first"
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        async with accepting(shared, "second", taken):
            assert await reader.read() == b"second"
        writer.close()
        await writer.wait_closed()


async def test_a_unix_socket_is_one_too(tmp_path: Path) -> None:
    place = tmp_path / "relay.sock"
    with listen_unix(str(place)) as listening:
        listening.setblocking(False)
        async with accepting(listening, "unix", []):
            reader, writer = await asyncio.open_unix_connection(str(place))
            assert await reader.read() == b"unix"
            writer.close()
            await writer.wait_closed()


async def test_without_room_for_another_it_goes_on_later(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("argo_relay.server.accept._PAUSE_SECONDS", 0.01)

    class Full:
        """A socket that cannot take a connection at first."""

        failures = 2

        def accept(self) -> tuple[socket.socket, object]:
            self.failures -= 1
            if self.failures >= 0:
                raise OSError(errno.EMFILE, "Too many open files")
            return listening.accept()

        def fileno(self) -> int:
            return listening.fileno()

    async with accepting(Full(), "there", []):  # type: ignore[arg-type]
        assert await ask(listening.getsockname()[1]) == b"there"
    assert [record.getMessage() for record in caplog.records] == [
        "no connection can be taken now: Too many open files"
    ] * 2
