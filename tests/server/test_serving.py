"""The server on loopback, read by h11: framings, leaving clients, slow ones, and an end in an orderly way."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import tempfile
from pathlib import Path
from typing import Any

import h11
import pytest

from argo_relay.server.listen import listen, listen_unix
from argo_relay.server.serving import Server
from argo_relay.server.wire_client import WireClient
from support.serving import PATIENCE, Caller, Echo, Held, calling, header, served, until

HOST = b"host: localhost\r\n"
GET = b"GET /a HTTP/1.1\r\n" + HOST + b"\r\n"
LENGTH = b"POST /a%20b?q=1&r HTTP/1.1\r\n" + HOST + b"Content-Length: 10\r\n\r\nhellohello"
CHUNKS = b"POST /a HTTP/1.1\r\n" + HOST + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5;x=y\r\nhello\r\n0\r\n\r\n"
TRAILERS = CHUNKS[:-2] + b"x-sum: 1\r\nx-late: 2\r\n\r\n"
ABSOLUTE = b"GET http://elsewhere:1/a?b HTTP/1.1\r\n" + HOST + b"\r\n"
UPGRADE = (
    b"POST /a HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n" + HOST + b"content-length: 10\r\n\r\nhellohello"
)
EXPECT = b"POST /a HTTP/1.1\r\nexpect: 100-continue\r\n" + HOST + b"content-length: 10\r\n\r\nhellohello"
EMPTY = b"POST /a HTTP/1.1\r\n" + HOST + b"\r\n"
FRAMINGS = {
    "none": (GET, ""),
    "length": (LENGTH, "hellohello"),
    "chunks": (CHUNKS, "hellohello"),
    "trailers": (TRAILERS, "hellohello"),
    "an address": (ABSOLUTE, ""),
    "a wish": (UPGRADE, "hellohello"),
    "an expectation": (EXPECT, "hellohello"),
    "an empty POST": (EMPTY, ""),
}


def said(body: bytes) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(body)
    return value


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_byte_by_byte_and_at_once_on_one_connection(framing: str) -> None:
    data, body = FRAMINGS[framing]
    async with served(Echo()) as (_, port), calling(port) as caller:
        for step in (1, len(data)):
            for at in range(0, len(data), step):
                caller.say(data[at : at + step])
                await asyncio.sleep(0)
            response, reply = await caller.reply()
            assert response.status_code == 200
            assert header(response, "date") == "Thu, 01 Jan 1970 00:00:00 GMT"
            assert header(response, "server") is None
            seen = said(reply)
            assert (seen["body"], seen["headers"]["host"]) == (body, "localhost")
            assert "x-sum" not in seen["headers"], "what follows a body is no header"
    assert said(reply)["path"] == ("/a b" if framing == "length" else "/a")


async def test_a_thousand_requests_on_one_connection() -> None:
    echo = Echo()
    async with served(echo) as (server, port), calling(port) as caller:
        files = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a Path for each would be garbage
        for number in range(1000):
            data = (GET, LENGTH, CHUNKS, TRAILERS)[number % 4]
            response, reply = await caller.ask(data)
            assert response.status_code == 200
            assert said(reply)["body"] == ("hellohello" if number % 4 else "")
        assert server.count == 1
        assert len(os.listdir("/proc/self/fd")) == files  # noqa: PTH208
    assert echo.served == 1000


async def test_many_clients_at_once_leave_nothing_behind() -> None:
    echo = Echo()

    async def one(port: int) -> None:
        async with calling(port) as caller:
            for _ in range(5):
                response, _ = await caller.ask(CHUNKS)
                assert response.status_code == 200

    async with served(echo) as (server, port):
        await asyncio.gather(*(one(port) for _ in range(100)))
        await until(lambda: not server.count)
        assert server.tasks == set()
    assert echo.served == 500


async def test_pieces_go_out_as_they_are_written() -> None:
    held = Held()
    async with served(held) as (_, port), calling(port) as caller:
        caller.say(GET)
        await held.begun.wait()
        head = await caller.reader.readuntil(b"\r\n\r\n")
        assert b"transfer-encoding: chunked\r\n" in head
        held.go.set()
        assert await caller.reader.readexactly(21) == b"3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n"
        held.over.clear()
        held.go.clear()
        held.go.set()
        response, body = await caller.ask(GET)
        assert (response.status_code, body) == (200, b"onetwo")


@pytest.mark.parametrize("how", ["aborts", "closes", "closes one half"])
@pytest.mark.parametrize("phase", ["sending", "waiting", "waiting after saying more", "mid-stream", "reading nothing"])
async def test_a_client_that_leaves_is_told_of_once(phase: str, how: str) -> None:
    held = Held()
    if phase == "reading nothing":
        held.pieces = [b"x" * 10_000] * 100_000
    asked = {"sending": LENGTH[:-3], "waiting after saying more": GET + GET}.get(phase, GET)
    async with served(held) as (server, port), calling(port) as caller:
        caller.say(asked)
        await held.begun.wait()
        if phase == "mid-stream":
            await caller.reader.readuntil(b"\r\n\r\n")
        if phase == "reading nothing":
            caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
            held.go.set()
            await stuck(held)
        if how == "closes one half":
            caller.writer.write_eof()
        elif how == "closes":
            caller.writer.close()
        else:
            caller.leave()
        async with asyncio.timeout(PATIENCE):
            await held.left.wait()
            await held.over.wait()
        await until(lambda: not server.count)
        assert held.calls == 1
        assert server.tasks == set()


async def stuck(held: Held) -> int:
    """Return how much has been written when no more is taken."""
    seen, same = -1, 0
    while same < 200:
        seen, same = held.written, same + 1 if held.written == seen else 0
        await asyncio.sleep(0)
    return seen


async def test_what_a_client_does_not_read_is_not_written_and_comes_in_order_when_it_does() -> None:
    held = Held()
    held.pieces = [b"%07d" % number + b"x" * 9993 for number in range(600)]
    async with served(held) as (_, port), calling(port) as caller:
        caller.say(GET)
        await held.begun.wait()
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
        held.go.set()
        before = await stuck(held)
        assert before < 400, "the system takes some, and nobody else any"
        caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
        response, body = await caller.reply()
        assert response.status_code == 200
        assert body == b"".join(held.pieces)


async def test_a_reply_that_is_complete_reaches_whoever_has_closed_one_half() -> None:
    async def large(client: WireClient) -> None:
        await client.begin(200, [("content-length", "600000")])
        await client.write(b"x" * 600_000, last=True)

    async with served(large) as (server, port), calling(port) as caller:
        caller.writer.transport.pause_reading()  # type: ignore[attr-defined]
        caller.say(GET)
        await until(lambda: server.count and not server.tasks)
        caller.writer.write_eof()
        caller.writer.transport.resume_reading()  # type: ignore[attr-defined]
        _, body = await caller.reply()
        assert len(body) == 600_000


async def test_a_body_that_nobody_reads_is_held_back_and_read_later() -> None:
    held = Held(reads=False)
    size = 32 << 20
    sent = 0
    async with served(held) as (_, port):
        with socket.create_connection(("127.0.0.1", port)) as wire:
            wire.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_sendall(wire, b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: %d\r\n\r\n" % size)
            await held.begun.wait()

            async def send() -> None:
                nonlocal sent
                while sent < size:
                    await loop.sock_sendall(wire, b"x" * 65536)
                    sent += 65536

            sending = asyncio.create_task(send())
            before, same = -1, 0
            while same < 200:
                before, same = sent, same + 1 if sent == before else 0
                await asyncio.sleep(0)
            assert sent < size // 2
            held.go.set()
            await sending
            got = b""
            while not got.endswith(b"0\r\n\r\n"):
                got += await loop.sock_recv(wire, 65536)
        assert sent == size


async def test_what_is_refused_before_its_end_is_thrown_away() -> None:
    async def refuses(client: WireClient) -> None:
        await client.begin(413, [("content-length", "0")])
        await client.write(b"", last=True)

    async with served(refuses) as (_, port), calling(port) as caller:
        caller.say(b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 5000000\r\n\r\n")
        response, _ = await caller.reply()
        assert response.status_code == 413
        for _ in range(50):
            caller.say(b"x" * 100_000)
            await caller.writer.drain()
        response, _ = await caller.ask(GET)
        assert response.status_code == 413


OLD = b"GET /a HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"


@pytest.mark.parametrize("app", [Echo, Held])
async def test_http_1_0_gets_no_chunks_and_the_connections_end(app: type[Echo | Held]) -> None:
    made = app()
    if isinstance(made, Held):
        made.go.set()
    async with served(made) as (_, port), calling(port) as caller:
        response, body = await caller.ask(OLD)
        assert header(response, "transfer-encoding") is None
        assert header(response, "connection") == "close"
        assert body == b"onetwo" if isinstance(made, Held) else said(body)["path"] == "/a"
        assert await caller.is_closed()


async def test_head_has_no_body() -> None:
    async with served(Echo()) as (_, port), calling(port) as caller:
        for _ in range(2):
            response, body = await caller.ask(GET.replace(b"GET", b"HEAD"), "HEAD")
            assert body == b""
            assert int(header(response, "content-length") or 0) > 10


async def test_who_asks_for_the_connections_end_gets_it() -> None:
    async with served(Echo()) as (_, port), calling(port) as caller:
        response, _ = await caller.ask(GET[:-2] + b"connection: close\r\n\r\n")
        assert header(response, "connection") == "close"
        assert await caller.is_closed()


async def test_pieces_do_not_wait_for_acknowledgements() -> None:
    delays: list[int] = []

    async def looks(client: WireClient) -> None:
        there = client._wire.transport.get_extra_info("socket")
        delays.append(there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
        await Echo()(client)

    async with served(looks) as (_, port), calling(port) as caller:
        await caller.ask(GET)
    assert delays == [1]


async def test_a_unix_socket() -> None:
    with tempfile.TemporaryDirectory(prefix="argo-relay-") as directory:
        place = str(Path(directory, "relay.sock"))
        server = Server(Echo(), lambda: 0.0)
        await server.start([listen_unix(place)])
        async with asyncio.timeout(PATIENCE):
            caller = Caller(*await asyncio.open_unix_connection(place))
            response, _ = await caller.ask(LENGTH)
            assert response.status_code == 200
            caller.leave()
            await server.stop(1.0)
        assert server.count == 0


async def test_the_end_lets_replies_end_and_nobody_in() -> None:
    held = Held()
    async with served(held) as (server, port), calling(port) as busy, calling(port) as idle, calling(port) as late:
        await served_once(idle, held)
        busy.say(GET)
        await held.begun.wait()
        stopping = asyncio.create_task(server.stop(PATIENCE))
        assert await idle.is_closed()
        assert await late.is_closed(), "who has asked for nothing yet is idle, too"
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        assert not stopping.done()
        held.go.set()
        response, body = await busy.reply()
        assert (response.status_code, body) == (200, b"onetwo")
        assert await busy.is_closed()
        await stopping


async def served_once(caller: Caller, held: Held) -> None:
    """Have one request answered."""
    held.go.set()
    await caller.ask(GET)
    held.begun.clear()
    held.go.clear()


async def test_a_reply_that_begins_in_the_end_says_that_it_is_the_last() -> None:
    stopping: list[asyncio.Task[None]] = []

    async def stops(client: WireClient) -> None:
        stopping.append(asyncio.create_task(server.stop(PATIENCE)))
        await asyncio.sleep(0)
        await Echo()(client)

    async with served(stops) as (server, port), calling(port) as caller:
        response, _ = await caller.ask(GET)
        assert header(response, "connection") == "close"
        await stopping[0]


@pytest.mark.parametrize("hurried", ["never", "before", "meanwhile"])
async def test_what_outlasts_the_patience_is_cut(hurried: str) -> None:
    held = Held()
    async with served(held) as (server, port), calling(port) as caller:
        caller.say(GET)
        await held.begun.wait()
        if hurried == "before":
            server.hurry()
        stopping = asyncio.create_task(server.stop(0.05 if hurried == "never" else 3600))
        await asyncio.sleep(0)
        if hurried == "meanwhile":
            server.hurry()
        async with asyncio.timeout(PATIENCE):
            await stopping
            await held.over.wait()
        with pytest.raises((h11.RemoteProtocolError, ConnectionError)):
            await caller.reply()
        server.hurry()


async def test_a_server_that_nobody_has_called_ends_at_once() -> None:
    server = Server(Echo(), lambda: 0.0)
    await server.start([listen("127.0.0.1", 0), listen("127.0.0.1", 0)])
    async with asyncio.timeout(PATIENCE):
        await server.stop(3600)


async def test_who_retires_lets_end_what_there_is_and_leaves_the_rest_to_others() -> None:
    held = Held()
    seen: list[int] = []

    def crowd(count: int) -> bool:
        seen.append(count)
        return False

    listening = listen("127.0.0.1", 0)
    other = listening.dup()
    port = listening.getsockname()[1]
    listening.setblocking(False)
    server = Server(held, lambda: 0.0, crowd)
    await server.start([listening])
    async with asyncio.timeout(PATIENCE), calling(port) as idle, calling(port) as stream:
        stream.say(GET)
        await held.begun.wait()
        await until(lambda: server.count == 2)
        retiring = asyncio.create_task(server.retire())
        assert await idle.is_closed(), "after a while without a request"
        assert not retiring.done()
        held.go.set()
        response, body = await stream.reply()
        assert (response.status_code, body) == (200, b"onetwo")
        response, _ = await stream.ask(GET)
        assert header(response, "connection") == "close"
        assert await stream.is_closed()
        await retiring
        assert seen[:3] == [0, 1, 1]
        assert seen[-1] == 0
        with other:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            taken, _ = other.accept()
            taken.close()
            writer.transport.abort()
    await server.stop(0.0)
