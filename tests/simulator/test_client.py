from __future__ import annotations

import asyncio
from typing import Any

import pytest

from argo_relay.simulator.client import Client, ClientLeftError


class Connection:
    """The two ends of an ASGI connection, worked by hand."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.sent: list[Any] = []
        self.client = Client(self.inbox.get, self._send)

    async def _send(self, message: Any) -> None:
        self.sent.append(message)

    def leave(self) -> None:
        self.inbox.put_nowait({"type": "http.disconnect"})


async def test_a_body_in_pieces() -> None:
    connection = Connection()
    connection.inbox.put_nowait({"type": "http.request", "body": b"ab", "more_body": True})
    connection.inbox.put_nowait({"type": "http.request", "more_body": True})
    connection.inbox.put_nowait({"type": "http.request", "body": b"c"})
    assert await connection.client.body() == b"abc"


async def test_a_body_that_never_comes() -> None:
    connection = Connection()
    connection.inbox.put_nowait({"type": "http.request", "body": b"ab", "more_body": True})
    connection.leave()
    with pytest.raises(ClientLeftError):
        await connection.client.body()


@pytest.mark.looptime
async def test_waiting_takes_the_time_asked_for() -> None:
    connection = Connection()
    start = asyncio.get_running_loop().time()
    async with connection.client as client:
        await client.until(start + 3600)
        assert asyncio.get_running_loop().time() == pytest.approx(start + 3600)
        await client.until(start)
        assert asyncio.get_running_loop().time() == pytest.approx(start + 3600)


@pytest.mark.looptime
@pytest.mark.parametrize("wait", ["until", "forever"])
async def test_a_client_that_leaves_ends_the_wait_at_once(wait: str) -> None:
    connection = Connection()
    loop = asyncio.get_running_loop()
    start = loop.time()
    loop.call_later(5, connection.leave)
    async with connection.client as client:
        with pytest.raises(ClientLeftError):
            await (client.until(start + 3600) if wait == "until" else client.forever())
    assert loop.time() == pytest.approx(start + 5)


async def test_who_has_left_is_neither_waited_for_nor_written_to() -> None:
    connection = Connection()
    async with connection.client as client:
        connection.leave()
        with pytest.raises(ClientLeftError):
            await client.until(0)
        with pytest.raises(ClientLeftError):
            await client.until(asyncio.get_running_loop().time() + 3600)
        with pytest.raises(ClientLeftError):
            await client.forever()
        with pytest.raises(ClientLeftError):
            await client.write(b"x")


async def test_what_is_sent() -> None:
    connection = Connection()
    async with connection.client as client:
        await client.start(200, ((b"a", b"b"),))
        await client.write(b"x")
        await client.finish()
    assert connection.sent == [
        {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]},
        {"type": "http.response.body", "body": b"x", "more_body": True},
        {"type": "http.response.body", "body": b"", "more_body": False},
    ]


async def test_nothing_listens_once_the_reply_is_over() -> None:
    before = asyncio.all_tasks()
    connection = Connection()
    async with connection.client as client:
        await client.until(0)
        assert len(asyncio.all_tasks() - before) == 1
    await asyncio.sleep(0)
    assert asyncio.all_tasks() == before
