"""The client as ASGI shows it, message by message."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

import pytest

from argo_relay.errors import ClientLeft
from argo_relay.exchange.client import Client
from argo_relay.server.asgi_client import AsgiClient, headers_of
from argo_relay.server.bridge import ABORT

Message = MutableMapping[str, Any]


class Server:
    """An ASGI server's side of one request: `messages` are received in turn, then nothing more comes."""

    def __init__(self, *messages: Message, **scope: Any) -> None:
        self.sent: list[Message] = []
        self.messages = list(messages)
        self.came = asyncio.Event()
        self.scope = {"type": "http", "method": "POST", "path": "/p", "headers": [], **scope}

    async def receive(self) -> Message:
        while not self.messages:
            self.came.clear()
            await self.came.wait()
        return self.messages.pop(0)

    async def send(self, message: Message) -> None:
        self.sent.append(message)

    def say(self, message: Message) -> None:
        self.messages.append(message)
        self.came.set()

    @property
    def client(self) -> AsgiClient:
        return AsgiClient(self.scope, self.receive, self.send)


def body(data: bytes, more: bool) -> Message:
    return {"type": "http.request", "body": data, "more_body": more}


LEFT: Message = {"type": "http.disconnect"}


def test_of_repeated_headers_the_last_counts() -> None:
    headers = [(b"x-one", b"1"), (b"x-two", b"a"), (b"x-one", b"\xe9")]
    assert headers_of({"headers": headers}) == {"x-one": "é", "x-two": "a"}


@pytest.mark.parametrize(
    ("query", "headers", "key"),
    [
        (b"key=abc", [], "abc"),
        (b"alt=sse&key=a%2Bb%20c", [], "a+b c"),
        (b"key=a&key=b", [], "b"),
        (b"key=abc", [(b"x-goog-api-key", b"theirs")], "theirs"),
        (b"", [], None),
        (b"key=", [], None),
        (b"monkey=1", [], None),
        (b"key=\xff%ff", [], "\xff\ufffd"),
    ],
)
def test_googles_key_in_the_query_counts_as_its_header(query: bytes, headers: Any, key: str | None) -> None:
    assert headers_of({"headers": headers, "query_string": query}).get("x-goog-api-key") == key


async def test_the_body_piece_by_piece_and_then_no_more() -> None:
    server = Server(body(b"a", True), body(b"", True), body(b"b", False), body(b"never", False))
    client: Client = server.client
    async with asyncio.timeout(5):
        assert [await client.receive() for _ in range(5)] == [b"a", b"", b"b", None, None]
    assert len(server.messages) == 1, "after the end nothing is received"


async def test_a_body_may_be_left_out_of_its_message() -> None:
    client = Server({"type": "http.request"}).client
    async with asyncio.timeout(5):
        assert [await client.receive(), await client.receive()] == [b"", None]


async def test_a_client_that_leaves_while_it_sends() -> None:
    client = Server(body(b"a", True), LEFT).client
    await client.receive()
    with pytest.raises(ClientLeft):
        await client.receive()


async def test_a_client_that_leaves_while_it_waits_is_told_of_once() -> None:
    server = Server(body(b"", False))
    client = server.client
    left = asyncio.Event()
    calls = []

    def on_leave() -> None:
        calls.append(1)
        left.set()

    client.watch(on_leave)
    await asyncio.sleep(0)
    assert not calls
    server.say(body(b"", False))
    server.say(LEFT)
    async with asyncio.timeout(5):
        await left.wait()
    server.say(LEFT)
    await asyncio.sleep(0)
    assert calls == [1]
    client.done()


async def test_after_the_exchange_nobody_is_told() -> None:
    server = Server()
    before = asyncio.all_tasks()
    client = server.client
    client.watch(lambda: pytest.fail("told after the end"))
    await asyncio.sleep(0)
    client.done()
    server.say(LEFT)
    (watching,) = asyncio.all_tasks() - before
    await asyncio.wait([watching])
    assert watching.cancelled()


async def test_done_without_a_watch_is_nothing() -> None:
    Server().client.done()


async def test_a_reply() -> None:
    server = Server()
    client = server.client
    await client.begin(201, [("x-one", "é"), ("x-one", "2")])
    await client.write(b"a")
    await client.write(b"b", last=True)
    assert server.sent == [
        {"type": "http.response.start", "status": 201, "headers": [(b"x-one", b"\xe9"), (b"x-one", b"2")]},
        {"type": "http.response.body", "body": b"a", "more_body": True},
        {"type": "http.response.body", "body": b"b", "more_body": False},
    ]


async def test_the_connection_is_cut_where_the_server_lets_us() -> None:
    cut = []
    Server(extensions={ABORT: lambda: cut.append(1)}).client.abort()
    assert cut == [1]
    Server(extensions={}).client.abort()
    Server().client.abort()


async def test_no_piece_is_sent_without_a_wait() -> None:
    server = Server()
    assert not server.client.write_nowait(b"abc")
    assert server.sent == []
