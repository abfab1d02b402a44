"""One connection against a raw socket: wherever the other side closes, resets, stalls, lies or says too much."""

from __future__ import annotations

import asyncio
import gzip
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from argo_relay.errors import ConnectionBroken
from argo_relay.transport import connection as module
from argo_relay.transport.connection import Connection, Reply
from argo_relay.transport.http1 import CLOSED, NO_HTTP, Origin
from support import upstream as raw
from support.upstream import PATIENCE, upstream

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
LENGTH = OK + b"content-length: 10\r\n\r\nhellohello"
CHUNKS = OK + b"transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n5\r\nhello\r\n0\r\n\r\n"
TRAILERS = CHUNKS[:-2] + b"x-sum: 1\r\n\r\n"
HINTS = b"HTTP/1.1 103 Hint\r\nlink: x\r\n\r\n" + LENGTH
UNTIL_CLOSE = OK + b"x: y\r\n\r\nhellohello"
FRAMINGS = {"length": LENGTH, "chunks": CHUNKS, "trailers": TRAILERS, "hints": HINTS, "close": UNTIL_CLOSE}


class Place:
    """A Home that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.gone = asyncio.Event()

    def made(self, connection: Connection) -> None:
        self.told.append("made")

    def idle(self, connection: Connection) -> None:
        self.told.append("idle")

    def lost(self, connection: Connection) -> None:
        self.told.append("lost")
        self.gone.set()


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[tuple[Connection, Place]]:
    place = Place()
    loop = asyncio.get_running_loop()
    origin = Origin("http", "127.0.0.1", port)
    _, connection = await loop.create_connection(lambda: Connection(origin, place), "127.0.0.1", port)
    async with asyncio.timeout(PATIENCE):
        try:
            yield connection, place
        finally:
            connection.cut()
            await place.gone.wait()
    assert place.told[0] == "made"
    assert place.told.count("lost") == 1


async def read_all(reply: Reply) -> bytes:
    body = b""
    while piece := await reply.read():
        body += piece
    return body


async def whole(reply: Reply) -> bytes:
    await reply.begun()
    return await read_all(reply)


@pytest.mark.parametrize("framing", FRAMINGS)
async def test_byte_by_byte(framing: str) -> None:
    async def behave(there: raw.Connection) -> None:
        await there.request()
        for at in range(len(FRAMINGS[framing])):
            await there.say(FRAMINGS[framing][at : at + 1])
            await asyncio.sleep(0)

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        assert await read_all(reply) == b"hellohello"
        assert ("idle" in place.told) == (framing != "close")


@pytest.mark.parametrize("how", ["closes", "resets"])
@pytest.mark.parametrize("framing", FRAMINGS)
async def test_wherever_it_ends_early_that_is_told(framing: str, how: str) -> None:
    data = FRAMINGS[framing]
    left = list(range(len(data)))

    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(data[: left.pop()])
        if how == "resets":
            there.reset()

    head = data.rindex(b"\r\n\r\n", 0, data.index(b"hello")) + 4
    async with upstream(behave) as there:
        for at in reversed(range(len(data))):
            async with connected(there.port) as (connection, place):
                reply = connection.send(ASK, None)
                if framing == "close" and how == "closes" and at >= head:
                    await reply.begun()
                    assert await read_all(reply) == data[head:at]
                    continue
                with pytest.raises(ConnectionBroken, match=CLOSED):
                    await whole(reply)
                with pytest.raises(ConnectionBroken, match=CLOSED):
                    await reply.read()
                assert "idle" not in place.told


async def test_what_came_before_the_break_is_read_first() -> None:
    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(CHUNKS[:-12])

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        await place.gone.wait()
        assert await reply.read() == b"hello"
        with pytest.raises(ConnectionBroken):
            await reply.read()


@pytest.mark.parametrize("surplus", [LENGTH, b"x", b"\r\n" + LENGTH])
@pytest.mark.parametrize("framing", ["length", "chunks", "trailers", "hints"])
async def test_surplus_bytes_are_nobodys(framing: str, surplus: bytes) -> None:
    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(FRAMINGS[framing] + surplus)
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        assert await read_all(reply) == b"hellohello"
        await place.gone.wait()
        assert not connection.is_quiet()


async def test_what_comes_unasked_cuts_an_idle_connection() -> None:
    more = asyncio.Event()

    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(LENGTH)
        await more.wait()
        await there.say(LENGTH)
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        await read_all(reply)
        assert place.told == ["made", "idle"]
        assert connection.is_quiet()
        more.set()
        await place.gone.wait()


async def test_an_end_that_the_loop_has_not_seen_yet_is_seen() -> None:
    """Between two turns of the loop the system knows more than the transport."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        async with connected(server.getsockname()[1]) as (connection, _):
            accepted, _ = server.accept()
            assert connection.is_quiet()
            accepted.close()
            assert not connection.is_quiet()
    assert not connection.is_quiet()


async def test_who_greets_first_is_not_understood() -> None:
    async def behave(there: raw.Connection) -> None:
        await there.say(b"220 smtp.example\r\n")
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        await place.gone.wait()
        with pytest.raises(ConnectionBroken, match=NO_HTTP):
            await connection.send(ASK, None).begun()


async def test_who_greets_before_anybody_was_told_of_the_connection_is_not_understood_either() -> None:
    """As it can be within TLS that has been put on a tunnel."""

    async def behave(there: raw.Connection) -> None:
        await there.end()

    async with upstream(behave) as there:
        place = Place()
        connection = Connection(Origin("http", "127.0.0.1", there.port), place)
        connection.data_received(b"220 smtp.example\r\n")
        await asyncio.get_running_loop().create_connection(lambda: connection, "127.0.0.1", there.port)
        with pytest.raises(ConnectionBroken, match=NO_HTTP):
            await connection.send(ASK, None).begun()
        async with asyncio.timeout(PATIENCE):
            await there.connections[0].ended.wait()
            await place.gone.wait()


async def test_who_closes_at_once() -> None:
    async def behave(there: raw.Connection) -> None:
        """Say nothing."""

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        await place.gone.wait()
        with pytest.raises(ConnectionBroken, match=CLOSED):
            await connection.send(ASK, None).begun()


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        (b"", 15),
        (b"keep-alive: timeout=5\r\n", 4),
        (b"keep-alive: timeout=600\r\n", 15),
        (b"keep-alive: timeout=1\r\n", 0),
    ],
)
async def test_how_long_it_may_wait(said: bytes, kept: int) -> None:
    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(OK + said + b"content-length: 0\r\n\r\n")
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        before = connection.loop.time()
        await connection.send(ASK, None).begun()
        assert ("idle" in place.told) == bool(kept)
        if kept:
            assert before + kept <= connection.expires <= connection.loop.time() + kept


async def test_who_reads_slowly_holds_the_upstream_back_and_loses_nothing() -> None:
    said = 0
    size, piece = 32 << 20, b"x" * (1 << 20)

    async def behave(there: raw.Connection) -> None:
        nonlocal said
        await there.request()
        await there.say(OK + b"content-length: %d\r\n\r\n" % size)
        while said < size:
            await there.say(piece)
            said += len(piece)
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        before = -1
        while said != before or not connection._held_back:
            before = said
            for _ in range(100):
                await asyncio.sleep(0)
        assert sum(map(len, reply.parser.pieces)) < 1 << 20
        assert said < 16 << 20, "the rest are the system's buffers"
        assert len(await read_all(reply)) == size
        assert place.told == ["made", "idle"]


async def test_a_large_body_waits_for_who_reads_it() -> None:
    size = 32 << 20
    go_on = asyncio.Event()
    received = []

    async def behave(there: raw.Connection) -> None:
        there.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await go_on.wait()
        there.writer.transport.resume_reading()  # type: ignore[attr-defined]
        received.append(len(await there.request()))
        await there.say(LENGTH)

    async with upstream(behave) as there, connected(there.port) as (connection, _):
        reply = connection.send(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % size, b"x" * size)
        for _ in range(100):
            await asyncio.sleep(0)
        assert connection._unsent is not None
        assert len(connection._unsent) > size // 2
        go_on.set()
        await reply.begun()
        assert await read_all(reply) == b"hellohello"
        assert received == [size]


async def test_an_error_ends_the_sending_and_anything_else_does_not() -> None:
    size = 16 << 20

    async def behave(there: raw.Connection) -> None:
        head = await there.reader.readuntil(b"\r\n\r\n")
        if b"/early" in head:
            await there.say(OK + b"transfer-encoding: chunked\r\n\r\n")
            assert len(await there.reader.readexactly(size)) == size
            await there.say(b"5\r\nhello\r\n0\r\n\r\n")
        else:
            await there.say(b"HTTP/1.1 413 Large\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n")
            refused.set()
            await there.say(b"0\r\n\r\n")
        await there.end()

    refused = asyncio.Event()
    async with upstream(behave) as there:
        for path, kept in (("/early", True), ("/refused", False)):
            async with connected(there.port) as (connection, place):
                reply = connection.send(b"POST %s HTTP/1.1\r\n\r\n" % path.encode(), b"x" * size)
                await reply.begun()
                assert await read_all(reply) == b"hello"
                assert ("idle" in place.told) == kept


@pytest.mark.parametrize("how", ["closes", "resets"])
async def test_an_error_is_read_from_who_closes_without_reading_the_request(how: str) -> None:
    async def behave(there: raw.Connection) -> None:
        await there.reader.readuntil(b"\r\n\r\n")
        await there.say(b"HTTP/1.1 413 Large\r\ncontent-length: 2\r\n\r\nno")
        await told.wait()
        if how == "resets":
            there.reset()

    told = asyncio.Event()
    async with upstream(behave) as there, connected(there.port) as (connection, _):
        reply = connection.send(b"POST / HTTP/1.1\r\n\r\n", b"x" * (16 << 20))
        await reply.begun()
        told.set()
        assert (reply.status, await read_all(reply)) == (413, b"no")


async def test_half_closed_is_closed() -> None:
    async def behave(there: raw.Connection) -> None:
        await there.reader.readuntil(b"\r\n\r\n")
        there.writer.write_eof()
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        with pytest.raises(ConnectionBroken, match=CLOSED):
            await connection.send(b"POST / HTTP/1.1\r\n\r\n", b"x" * (16 << 20)).begun()
        await place.gone.wait()


async def test_cut_tells_who_waits() -> None:
    async def behave(there: raw.Connection) -> None:
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, _):
        reply = connection.send(ASK, None)
        waiting = asyncio.create_task(reply.begun())
        await asyncio.sleep(0)
        connection.cut()
        with pytest.raises(ConnectionBroken, match=CLOSED):
            await waiting
        reply.close()
        reply.release()


async def test_a_settling_reply_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SETTLE_SECONDS", PATIENCE)
    go_on = asyncio.Event()

    async def behave(there: raw.Connection) -> None:
        await there.request()
        await there.say(CHUNKS[:-5])
        await go_on.wait()
        await there.say(b"5\r\nhello\r\n")
        await there.say(b"5\r\nhello\r\n0\r\n\r\n")
        await there.end()

    async with upstream(behave) as there, connected(there.port) as (connection, place):
        reply = connection.send(ASK, None)
        await reply.begun()
        reply.release()
        reply.release()
        go_on.set()
        for _ in range(100_000):
            assert not reply.parser.pieces
            if place.told != ["made"]:
                break
            await asyncio.sleep(0)
        assert place.told == ["made", "idle"]


async def test_compressed_bodies_are_read_piece_by_piece() -> None:
    size = 5_000_000
    body = gzip.compress(bytes(size))

    async def behave(there: raw.Connection) -> None:
        while True:
            await there.request()
            await there.say(OK + b"content-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body) + body)

    async with upstream(behave) as there, connected(there.port) as (connection, _):
        reply = connection.send(ASK, None)
        await reply.begun()
        sizes = []
        while piece := await reply.read():
            sizes.append(len(piece))
        assert (sum(sizes), max(sizes)) == (size, 256 * 1024)
        assert await reply.read() == b""
        reply = connection.send(ASK, None)
        await reply.begun(inflate=False)
        assert await read_all(reply) == body


class _Socket:
    """A transport that takes everything."""

    def write(self, data: bytes) -> None:
        pass

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None:
        pytest.fail("nothing waits to be read, so nobody would ever let it go on")

    def abort(self) -> None:
        pass


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def answering(*arrived: bytes) -> tuple[Connection, Reply]:
    """Return a connection without a socket, and its reply, of which the head has come, and these chunks in one read."""
    connection = Connection(Origin("http", "x", 80), Place())
    connection.connection_made(_Socket())  # type: ignore[arg-type]
    reply = connection.send(ASK, None)
    connection.data_received(OK + b"transfer-encoding: chunked\r\n\r\n" + b"".join(map(chunk, arrived)))
    return connection, reply


async def test_what_is_taken_as_it_comes_is_not_read_again() -> None:
    connection, reply = answering(b"before")
    await reply.begun()
    offered: list[bytes] = []

    def take(data: bytes) -> bool:
        offered.append(data)
        return data != b"more"

    assert await reply.read(take) == b"before"
    assert offered == [], "nobody has waited for it"
    reading = asyncio.create_task(reply.read(take))
    await asyncio.sleep(0)
    for piece in (b"one", b"two", b"more", b"then"):
        connection.data_received(chunk(piece))
    assert offered == [b"one", b"two", b"more"], "at once, and nothing after what had to wait"
    connection.data_received(chunk(b"last"))
    assert await reading == b"more"
    assert await reply.read(take) == b"thenlast"
    connection.data_received(chunk(b"end") + b"0\r\n\r\n")
    assert await reply.read(take) == b"end"
    assert await reply.read(take) == b""
    assert offered == [b"one", b"two", b"more"]


async def test_what_stands_between_chunks_is_nothing_unread() -> None:
    connection, reply = answering()
    await reply.begun()
    taken = 0

    def take(data: bytes) -> bool:
        nonlocal taken
        taken += len(data)
        return True

    reading = asyncio.create_task(reply.read(take))
    await asyncio.sleep(0)
    size = b"5" + b";x=" + b"y" * 1000 + b"\r\n"
    for _ in range(100):
        # As from a server that writes a chunk's size, its data and its end each by themselves.
        for piece in (size, b"hello", b"\r\n"):
            connection.data_received(piece)
            await asyncio.sleep(0)
    assert taken == 500
    reading.cancel()


async def test_what_goes_wrong_with_what_comes_is_told_to_who_waits() -> None:
    connection, reply = answering()
    await reply.begun()

    def take(data: bytes) -> bool:
        raise LookupError(data)

    reading = asyncio.create_task(reply.read(take))
    await asyncio.sleep(0)
    connection.data_received(chunk(b"one"))
    connection.data_received(chunk(b"two"))
    with pytest.raises(LookupError, match="one"):
        await reading
    assert await reply.read() == b"two"


async def test_who_has_stopped_waiting_is_offered_nothing() -> None:
    connection, reply = answering()
    await reply.begun()
    offered: list[bytes] = []

    def take(data: bytes) -> bool:
        offered.append(data)
        return True

    reading = asyncio.create_task(reply.read(take))
    await asyncio.sleep(0)
    reading.cancel()
    connection.data_received(chunk(b"one"))
    with pytest.raises(asyncio.CancelledError):
        await reading
    connection.data_received(chunk(b"two"))
    assert await reply.read() == b"onetwo"
    assert offered == []


async def test_a_break_ends_the_wait_of_who_takes() -> None:
    connection, reply = answering()
    await reply.begun()
    reading = asyncio.create_task(reply.read(lambda _: True))
    await asyncio.sleep(0)
    connection.data_received(chunk(b"one"))
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(ConnectionBroken):
        await reading
