"""ASGI over a connection in memory."""

from __future__ import annotations

import asyncio

from starlette.types import Message, Receive, Scope, Send

from argo_relay.server.bridge import ABORT, serve_asgi
from support.serving import joined

POST = b"POST /a%20b?q=1 HTTP/1.1\r\nHost: a\r\nX-One: 1\r\nx-one: 2\r\ncontent-length: 4\r\n\r\n"


class Listens:
    """An application that receives `count` messages, replies, and ends."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.scope: Scope = {}
        self.messages: list[Message] = []
        self.came = asyncio.Event()
        self.over = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scope = scope
        while len(self.messages) < self.count:
            self.messages.append(await receive())
            self.came.set()
        headers = [(b"X-Said", b"\xe9"), (b"Transfer-Encoding", b"chunked"), (b"content-length", b"3")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"on", "more_body": True})
        await send({"type": "http.response.body", "body": b"e"})
        self.over.set()


async def test_a_request_and_its_reply_as_messages() -> None:
    app = Listens(2)
    connection, memory = joined(lambda client: serve_asgi(app, client))
    connection.data_received(POST + b"ab")
    async with asyncio.timeout(5):
        await app.came.wait()
        connection.data_received(b"cd")
        await app.over.wait()
    assert app.messages == [
        {"type": "http.request", "body": b"ab", "more_body": True},
        {"type": "http.request", "body": b"cd", "more_body": False},
    ]
    scope = app.scope
    assert (scope["type"], scope["method"], scope["http_version"]) == ("http", "POST", "1.1")
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b", b"/a%20b", b"q=1")
    assert scope["headers"] == [(b"host", b"a"), (b"x-one", b"1"), (b"x-one", b"2"), (b"content-length", b"4")]
    head, _, body = memory.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"x-said: \xe9" in head
    assert b"transfer-encoding" not in head
    assert body == b"one"
    connection.connection_lost(None)


async def test_after_the_body_the_clients_leaving_is_waited_for() -> None:
    app = Listens(3)
    connection, memory = joined(lambda client: serve_asgi(app, client))
    connection.data_received(POST + b"abcd")
    async with asyncio.timeout(5):
        await app.came.wait()
        await asyncio.sleep(0)
        assert len(app.messages) == 1
        connection.connection_lost(None)
        await app.over.wait()
    assert [message["type"] for message in app.messages] == ["http.request", "http.disconnect", "http.disconnect"]
    assert memory.written == b"", "what is said to nobody is overlooked"


async def test_a_client_that_leaves_while_it_sends() -> None:
    app = Listens(2)
    connection, _ = joined(lambda client: serve_asgi(app, client))
    connection.data_received(POST + b"ab")
    async with asyncio.timeout(5):
        await app.came.wait()
        connection.connection_lost(None)
        await app.over.wait()
    assert app.messages[1] == {"type": "http.disconnect"}


async def test_a_request_without_a_body_is_one_message_and_may_cut_its_connection() -> None:
    app = Listens(1)
    connection, memory = joined(lambda client: serve_asgi(app, client))
    connection.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    async with asyncio.timeout(5):
        await app.over.wait()
    assert app.messages == [{"type": "http.request", "body": b"", "more_body": False}]
    app.scope["extensions"][ABORT]()
    assert memory.aborted
    connection.connection_lost(None)
