"""A client as its connection shows it: what is read, written, waited for and told."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.errors import ClientLeft
from argo_relay.exchange.client import Client
from argo_relay.server.protocol import Connection
from argo_relay.server.wire_client import WireClient
from support.serving import Memory, joined

POST = b"POST /a HTTP/1.1\r\nhost: a\r\nX-One: 1\r\ncontent-length: 6\r\n\r\n"
GET = b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n"


async def opened(data: bytes = POST) -> tuple[WireClient, Connection, Memory]:
    """Return the client of a request that has begun; it is served until its connection is lost."""
    loop = asyncio.get_running_loop()
    met: asyncio.Future[WireClient] = loop.create_future()

    async def waits(client: WireClient) -> None:
        met.set_result(client)
        await loop.create_future()

    connection, memory = joined(waits)
    connection.data_received(data)
    async with asyncio.timeout(5):
        return await met, connection, memory


async def close(client: WireClient, connection: Connection) -> None:
    connection.connection_lost(None)
    assert client.task is not None
    client.task.cancel()
    await asyncio.wait([client.task])


async def soon(task: asyncio.Task[object]) -> bool:
    """Say whether a task ends without anything happening first."""
    for _ in range(5):
        await asyncio.sleep(0)
    return task.done()


async def test_the_body_piece_by_piece_and_then_no_more() -> None:
    client, connection, memory = await opened(POST + b"a")
    part: Client = client
    assert part.request_headers["x-one"] == "1"
    assert await part.receive() == b"a"
    waiting = asyncio.create_task(part.receive())
    assert not await soon(waiting)
    connection.data_received(b"bc")
    assert await waiting == b"bc"
    for piece in (b"d", b"e", b"f"):
        connection.data_received(piece)
    assert [await part.receive() for _ in range(3)] == [b"def", None, None]
    assert memory.written == b"", "nobody has asked whether to go on"
    await close(client, connection)


async def test_a_wait_that_is_given_up_loses_nothing() -> None:
    client, connection, _ = await opened()
    waiting = asyncio.create_task(client.receive())
    assert not await soon(waiting)
    waiting.cancel()
    await asyncio.wait([waiting])
    connection.data_received(b"abcdef")
    assert [await client.receive(), await client.receive()] == [b"abcdef", None]
    await close(client, connection)


async def test_a_client_that_leaves_while_it_sends() -> None:
    client, connection, _ = await opened(POST + b"abc")
    waiting = asyncio.create_task(client.receive())
    await asyncio.sleep(0)
    connection.connection_lost(None)
    assert await waiting == b"abc" if waiting.done() else True
    with pytest.raises(ClientLeft):
        await client.receive()
    with pytest.raises(ClientLeft):
        await client.receive()
    await close_task(client)


async def close_task(client: WireClient) -> None:
    assert client.task is not None
    client.task.cancel()
    await asyncio.wait([client.task])


async def test_who_waits_for_the_body_is_told_that_it_will_not_come() -> None:
    client, connection, _ = await opened()
    waiting = asyncio.create_task(client.receive())
    assert not await soon(waiting)
    connection.connection_lost(ConnectionResetError())
    with pytest.raises(ClientLeft):
        await waiting
    await close_task(client)


async def test_leaving_is_told_of_in_the_very_call_and_once() -> None:
    client, connection, memory = await opened(GET)
    calls: list[int] = []
    client.watch(lambda: calls.append(1))
    connection.eof_received()
    assert calls == [1]
    assert memory.aborted, "who closes one half is given up"
    connection.connection_lost(None)
    assert calls == [1]
    await close_task(client)


async def test_who_watches_late_is_told_soon_and_not_from_within() -> None:
    client, connection, _ = await opened(GET)
    connection.connection_lost(None)
    calls: list[int] = []
    client.watch(lambda: calls.append(1))
    assert calls == []
    await asyncio.sleep(0)
    assert calls == [1]
    await close_task(client)


async def test_after_the_exchange_nobody_is_told() -> None:
    client, connection, _ = await opened(GET)
    client.watch(lambda: pytest.fail("told after the end"))
    client.done()
    connection.connection_lost(None)
    await close_task(client)


async def test_after_the_reply_nobody_is_told() -> None:
    client, connection, _ = await opened(GET)
    client.watch(lambda: pytest.fail("told after the end"))
    await client.begin(204, [])
    await client.write(b"", last=True)
    connection.connection_lost(None)
    await close_task(client)


async def test_a_piece_is_one_write() -> None:
    client, connection, memory = await opened(GET)
    await client.begin(200, [("x-one", "\xe9")])
    await client.write(b"hello")
    await client.write(b"")
    await client.write(b"bye", last=True)
    head, *rest = memory.writes
    assert head.startswith(b"HTTP/1.1 200 OK\r\ndate: ")
    assert head.endswith(b"transfer-encoding: chunked\r\nx-one: \xe9\r\n\r\n")
    assert rest == [b"5\r\nhello\r\n", b"3\r\nbye\r\n0\r\n\r\n"]
    assert not memory.is_closing()
    await close(client, connection)


async def test_a_piece_waits_for_room_and_one_that_is_given_up_is_never_written() -> None:
    client, connection, memory = await opened(GET)
    await client.begin(200, [])
    connection.pause_writing()
    first = asyncio.create_task(client.write(b"given up"))
    second = asyncio.create_task(client.write(b"waits"))
    assert not await soon(second)
    first.cancel()
    await asyncio.wait([first])
    assert not await soon(second)
    connection.resume_writing()
    await second
    await client.write(b"goes", last=True)
    assert memory.writes[1:] == [b"5\r\nwaits\r\n", b"4\r\ngoes\r\n0\r\n\r\n"]
    await close(client, connection)


async def test_a_piece_that_would_have_to_wait_is_not_sent() -> None:
    client, connection, memory = await opened()
    await client.begin(200, [])
    assert client.write_nowait(b"one")
    connection.pause_writing()
    assert not client.write_nowait(b"two")
    connection.resume_writing()
    assert client.write_nowait(b"three")
    connection.connection_lost(None)
    assert not client.write_nowait(b"four")
    assert memory.written.endswith(b"3\r\none\r\n5\r\nthree\r\n")
    await close_task(client)


async def test_a_head_waits_for_room_too() -> None:
    client, connection, memory = await opened(GET)
    connection.pause_writing()
    beginning = asyncio.create_task(client.begin(200, []))
    assert not await soon(beginning)
    assert memory.written == b""
    connection.resume_writing()
    await beginning
    assert memory.written
    await close(client, connection)


@pytest.mark.parametrize("how", ["leaves", "is cut"])
async def test_who_waits_for_room_goes_on_when_the_client(how: str) -> None:
    client, connection, memory = await opened(GET)
    await client.begin(200, [])
    connection.pause_writing()
    writing = asyncio.create_task(client.write(b"for nobody"))
    assert not await soon(writing)
    if how == "is cut":
        client.abort()
        assert memory.aborted
    connection.connection_lost(None)
    await writing
    await client.write(b"nor this", last=True)
    assert len(memory.writes) == 1
    await close_task(client)


@pytest.mark.parametrize(("pieces", "good"), [([b"ab", b"c"], True), ([b"ab", b"cd"], False), ([b"a", b"b"], False)])
async def test_a_body_is_as_long_as_its_head_says(pieces: list[bytes], good: bool) -> None:
    client, connection, memory = await opened(GET)
    await client.begin(200, [("content-length", "3")])
    await client.write(pieces[0])
    if good:
        await client.write(pieces[1], last=True)
        assert memory.writes[0].endswith(b"\r\n\r\nab"), "a head goes out with the body that it announces"
        assert memory.writes[1:] == [b"c"]
        assert not memory.is_closing()
    else:
        with pytest.raises(RuntimeError, match="as long as"):
            await client.write(pieces[1], last=True)
        assert memory.written.endswith(b"\r\n\r\n" + pieces[0])
    await close(client, connection)


@pytest.mark.parametrize("size", [0, 1, 200_000])
async def test_a_small_body_is_one_write_with_its_head_and_a_large_one_is_not_copied(size: int) -> None:
    client, connection, memory = await opened(GET)
    await client.begin(200, [("content-length", str(size))])
    await client.write(b"x" * size, last=True)
    assert len(memory.writes) == (2 if size == 200_000 else 1)
    assert memory.written.endswith(b"\r\n\r\n" + b"x" * size)
    await close(client, connection)


async def test_nothing_stands_before_the_head_or_after_the_end() -> None:
    client, connection, memory = await opened(GET)
    with pytest.raises(RuntimeError):
        await client.write(b"early")
    with pytest.raises(ValueError, match="line end"):
        await client.begin(200, [("x-one", "a\r\nx-two: b")])
    with pytest.raises(RuntimeError):
        client.write_nowait(b"early")
    await client.begin(200, [])
    await client.write(b"", last=True)
    for last in (True, False):
        with pytest.raises(RuntimeError):
            await client.write(b"late", last=last)
    with pytest.raises(RuntimeError):
        client.write_nowait(b"late")
    assert memory.written.endswith(b"\r\n\r\n0\r\n\r\n")
    await close(client, connection)


async def test_a_closing_reply_closes() -> None:
    client, connection, memory = await opened(GET)
    await client.begin(408, [("content-length", "0"), ("connection", "close")])
    assert not memory.is_closing()
    await client.write(b"", last=True)
    assert memory.closing
    assert memory.written.count(b"connection: close") == 1
    await close(client, connection)


async def test_a_body_is_held_back_and_let_go_again() -> None:
    client, connection, memory = await opened(POST.replace(b": 6", b": 1000000"))
    for _ in range(5):
        connection.data_received(b"x" * 50_000)
    assert memory.is_reading()
    for _ in range(3):
        connection.data_received(b"x" * 50_000)
    assert not memory.is_reading()
    assert len(await client.receive() or b"") == 400_000
    assert memory.is_reading()
    for _ in range(6):
        connection.data_received(b"x" * 50_000)
    assert not memory.is_reading()
    await client.begin(413, [("content-length", "0")])
    await client.write(b"", last=True)
    assert memory.is_reading(), "the rest is thrown away"
    for _ in range(6):
        connection.data_received(b"x" * 50_000)
    assert memory.is_reading()
    await close(client, connection)


async def test_a_client_of_http_1_0_gets_no_reply_before_the_reply() -> None:
    client, connection, memory = await opened(POST[:-2].replace(b"1.1", b"1.0") + b"Expect: 100-continue\r\n\r\nabcdef")
    assert await client.receive() == b"abcdef"
    assert memory.written == b""
    await close(client, connection)


@pytest.mark.parametrize("refused", [True, False])
async def test_who_asks_whether_to_go_on_is_told_so_once_and_only_then(refused: bool) -> None:
    client, connection, memory = await opened(POST[:-2] + b"Expect: 100-Continue\r\n\r\n")
    if refused:
        await client.begin(413, [("content-length", "0")])
        assert b"100 Continue" not in memory.written
    reading = asyncio.create_task(client.receive())
    assert not await soon(reading)
    connection.data_received(b"abc")
    await reading
    connection.data_received(b"def")
    await client.receive()
    assert memory.written.count(b"HTTP/1.1 100 Continue\r\n\r\n") == (0 if refused else 1)
    await close(client, connection)
