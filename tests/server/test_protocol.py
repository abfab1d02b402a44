"""One connection, byte by byte: what is no HTTP, what asks for another protocol, and being cut."""

from __future__ import annotations

import asyncio
import gc
import json
import string
import weakref
from collections.abc import Callable, Iterable

import h11
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import ASGIApp, Receive, Scope, Send

from argo_relay.dialects.table import DIALECTS
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.server.bridge import ABORT, serve_asgi
from argo_relay.server.head import CONTINUE
from argo_relay.server.protocol import KEEP_ALIVE_SECONDS, Connection
from argo_relay.server.wire_client import WireClient
from support.serving import Echo, Held, Memory, joined, until


class Heard:
    """What the application has been asked, with each request's whole body."""

    def __init__(self) -> None:
        self.requests: list[tuple[Scope, bytes]] = []
        self.came = asyncio.Condition()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        self.requests.append((scope, body))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        async with self.came:
            self.came.notify_all()

    async def count(self, number: int) -> None:
        async with asyncio.timeout(5), self.came:
            await self.came.wait_for(lambda: len(self.requests) >= number)


Open = Callable[[], tuple[Connection, Memory, Heard]]


def connected(app: ASGIApp) -> tuple[Connection, Memory]:
    """Return a connection to an application, and the client's end of it."""
    return joined(lambda client: serve_asgi(app, client))


@pytest.fixture
async def connect() -> Open:
    """Open a connection to an application that listens well."""

    def connect() -> tuple[Connection, Memory, Heard]:
        heard = Heard()
        return *connected(heard), heard

    return connect


def end(protocol: Connection) -> None:
    protocol.connection_lost(None)


async def test_a_request_may_cut_its_connection(connect: Open) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
    await heard.count(1)
    heard.requests[0][0]["extensions"][ABORT]()
    assert wire.aborted
    end(protocol)


async def test_a_reply_that_is_cut_on_purpose_is_no_news(caplog: pytest.LogCaptureFixture) -> None:
    over = asyncio.Event()

    async def cuts(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        scope["extensions"][ABORT]()
        asyncio.get_running_loop().call_soon(over.set)

    protocol, wire = connected(cuts)
    protocol.data_received(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
    async with asyncio.timeout(5):
        await over.wait()
    assert wire.aborted
    assert caplog.records == []
    end(protocol)


NO_HTTP = {
    "TLS": bytes.fromhex("16030102000100"),
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "a word": b"secret-word\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
    "length and chunks": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
    "a length that is none": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: secret-word\r\n\r\n",
    "a bad header": b"GET / HTTP/1.1\r\nhost: a\r\nsecret-word\r\n\r\n",
    "a bad address": b"GET http://[ HTTP/1.1\r\nhost: a\r\n\r\n",
    "a proxy's request for a path": b"CONNECT /v1/models HTTP/1.1\r\nhost: a\r\n\r\n",
    "a proxy's request": b"CONNECT secret-word:443 HTTP/1.1\r\nhost: a\r\n\r\n",
}


@pytest.mark.parametrize("case", NO_HTTP)
async def test_what_is_no_http_is_a_400_like_every_other(
    connect: Open, case: str, caplog: pytest.LogCaptureFixture
) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(NO_HTTP[case])
    head, _, body = wire.written.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "HTTP/1.1 400 Bad Request"
    assert {"content-type: application/json", "connection: close", f"content-length: {len(body)}"} <= set(lines)
    error = json.loads(body)["error"]
    assert (error["type"], error["code"]) == ("invalid_request_error", "invalid_http")
    assert b"secret-word" not in wire.written
    assert wire.closing
    end(protocol)
    assert heard.requests == []
    assert caplog.records == [], "whoever scans ports fills no log"


NO_HOST = {
    "none": b"POST /v1/chat/completions HTTP/1.1\r\nx-host: a\r\ncontent-length: 2\r\n\r\n{}",
    "two": b"GET / HTTP/1.1\r\nhost: a\r\naccept: */*\r\nHost: b\r\n\r\n",
    "the same twice": b"GET / HTTP/1.1\r\nhost: a\r\nhost: a\r\n\r\n",
    "none, with a wish": b"GET / HTTP/1.1\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n",
    "two, of old": b"GET / HTTP/1.0\r\nhost: a\r\nhost: b\r\n\r\n",
}


@pytest.mark.parametrize("case", NO_HOST)
async def test_a_request_needs_one_host(connect: Open, case: str) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(NO_HOST[case] + b"GET /b HTTP/1.1\r\nhost: a\r\n\r\n")
    head, _, body = wire.written.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    error = json.loads(body)["error"]
    assert error["code"] == "invalid_http"
    assert "one Host header" in error["message"]
    assert wire.closing
    end(protocol)
    assert heard.requests == [], "what follows is not served either"


@pytest.mark.parametrize("host", [b"", b"HOST:\r\n"])
async def test_a_request_of_old_needs_no_host_and_one_may_be_empty(connect: Open, host: bytes) -> None:
    protocol, _, heard = connect()
    protocol.data_received(b"GET / HTTP/1.%d\r\n%b\r\n" % (bool(host), host))
    await heard.count(1)
    end(protocol)


BROKEN = {
    "no host": b"%b HTTP/1.1\r\n%b\r\n",
    "a bad header": b"%b HTTP/1.1\r\n%bhost: a\r\nbad\r\n",
    "too much": b"%b HTTP/1.1\r\n%bhost: a\r\nx-more: " + b"a" * 70_000,
    "a body that is none": b"%b HTTP/1.1\r\n%bhost: a\r\ntransfer-encoding: chunked\r\n\r\nno length\r\n",
}


@pytest.mark.parametrize("case", BROKEN)
@pytest.mark.parametrize(
    ("target", "fields", "dialect"),
    [
        (b"POST /v1/chat/completions", b"", "openai_chat"),
        (b"POST /v1/messages?beta=true", b"", "anthropic"),
        (b"POST /v1beta/models/gemini-2.5-pro:generateContent", b"", "google"),
        (b"GET /v1/models", b"anthropic-version: 2023-06-01\r\n", "anthropic"),
        (b"GET /v1/models", b"", "openai_chat"),
        (b"GET http://[", b"", "openai_chat"),
    ],
)
async def test_what_is_wrong_is_told_in_the_dialect_of_its_path(
    target: bytes, fields: bytes, dialect: str, case: str
) -> None:
    protocol, wire = joined(Held())
    protocol.data_received(BROKEN[case] % (target, fields))
    head, _, body = wire.written.partition(b"\r\n\r\n")
    message = json.loads(body)["error"]["message"]
    status = 431 if case == "too much" else 400
    failure = Failure(kind=FailureKind.BAD_REQUEST, message=message, status=status, code="invalid_http")
    assert body == DIALECTS[dialect].encode_error(failure)
    assert head.startswith(b"HTTP/1.1 %d " % status)
    end(protocol)
    await turns()


async def test_what_follows_a_good_request_may_still_be_none(connect: Open) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(b"GET /a HTTP/1.1\r\nhost: a\r\n\r\n")
    await heard.count(1)
    protocol.data_received(b"\x00\x01\x02")
    assert wire.written.count(b"HTTP/1.1 204") == 1
    assert wire.written.endswith(b'"code":"invalid_http"}}')
    assert wire.closing
    end(protocol)


def h2c(body: bytes, *more: bytes) -> bytes:
    """Return a request as Java's HttpClient sends it."""
    lines = [
        b"POST /v1/chat/completions?q=1 HTTP/1.1",
        b"Connection: Upgrade, HTTP2-Settings",
        *more,
        b"Host: localhost",
        b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA",
        b"Upgrade: h2c",
    ]
    return b"\r\n".join([*lines, b"", body])


NEXT = b"GET /next HTTP/1.1\r\nhost: a\r\n\r\n"


async def test_a_wish_for_http2_is_overheard_and_the_body_is_read_in_whatever_cuts(connect: Open) -> None:
    bodies = {
        b"content-length: 7": b"{'a':1}",
        b"transfer-encoding: chunked": b"3\r\n{'a\r\n4\r\n':1}\r\n0\r\n\r\n",
    }
    for field, body in bodies.items():
        data = h2c(body, field)
        for cut in range(1, len(data)):
            protocol, wire, heard = connect()
            protocol.data_received(data[:cut])
            protocol.data_received(data[cut:])
            await heard.count(1)
            protocol.data_received(NEXT)
            await heard.count(2)
            scope, read = heard.requests[0]
            assert read == b"{'a':1}"
            assert (scope["method"], scope["path"], scope["query_string"]) == ("POST", "/v1/chat/completions", b"q=1")
            assert dict(scope["headers"])[b"connection"].strip() == b"HTTP2-Settings"
            assert dict(scope["headers"])[b"upgrade"] == b"h2c", "the application may say that it is not to be had"
            assert dict(scope["headers"])[b"host"] == b"localhost"
            assert heard.requests[1][0]["path"] == "/next"
            assert wire.written.count(b"HTTP/1.1 204") == 2
            assert not wire.closing
            end(protocol)


async def test_a_websocket_is_an_ordinary_request_for_an_unknown_page(
    connect: Open, caplog: pytest.LogCaptureFixture
) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(
        b"GET /v1/responses HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
        b"sec-websocket-version: 13\r\nsec-websocket-key: x\r\n\r\n"
    )
    await heard.count(1)
    assert heard.requests[0][0]["type"] == "http"
    assert heard.requests[0][0]["path"] == "/v1/responses"
    assert dict(heard.requests[0][0]["headers"])[b"upgrade"] == b"websocket"
    protocol.data_received(NEXT)
    await heard.count(2)
    assert wire.written.count(b"HTTP/1.1 204") == 2
    end(protocol)
    assert caplog.records == [], "no advice to install something"


async def test_a_wish_keeps_its_version_of_http(connect: Open) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(b"GET /a HTTP/1.0\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
    await heard.count(1)
    assert heard.requests[0][0]["http_version"] == "1.0"
    assert wire.closing, "HTTP/1.0 ends with the reply"
    end(protocol)


@pytest.mark.parametrize("name", [b"proxy-connection", b"Proxy-Connection", b"CONNECTION"])
async def test_a_wish_is_overheard_in_whatever_header_the_parser_takes_for_connection(
    connect: Open, name: bytes
) -> None:
    protocol, wire, heard = connect()
    feeds = 0
    feed = protocol._feed

    def counted(data: bytes) -> bytes | None:
        nonlocal feeds
        feeds += 1
        assert feeds < 10, "the same bytes again and again"
        return feed(data)

    protocol._feed = counted  # type: ignore[method-assign]
    protocol.data_received(
        b"POST /a HTTP/1.1\r\nhost: a\r\n%b: upgrade\r\nupgrade: h2c\r\ncontent-length: 3\r\n\r\nabc" % name
    )
    await heard.count(1)
    assert heard.requests[0][1] == b"abc"
    protocol.data_received(NEXT)
    await heard.count(2)
    assert wire.written.count(b"HTTP/1.1 204") == 2
    end(protocol)


class Waiting(Heard):
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = asyncio.Event()
        self.answer = asyncio.Event()
        self.left = asyncio.Event()
        self.said = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.requests.append((scope, (await receive()).get("body", b"")))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"one", "more_body": True})
        self.begun.set()
        leaving = asyncio.create_task(self.watch(receive))
        await self.answer.wait()
        leaving.cancel()
        await send({"type": "http.response.body", "body": b"two"})
        self.said.set()

    async def watch(self, receive: Receive) -> None:
        assert (await receive())["type"] == "http.disconnect"
        self.left.set()
        self.answer.set()


@pytest.mark.parametrize("early", [NEXT, NEXT * 3, b"\x00\x01 no HTTP at all", h2c(b"x", b"content-length: 1")])
@pytest.mark.parametrize("together", [True, False])
async def test_a_client_that_says_more_before_its_answer_gets_that_answer_and_no_other(
    early: bytes, together: bool
) -> None:
    waiting = Waiting()
    protocol, wire = connected(waiting)
    for data in (NEXT + early,) if together else (NEXT, early):
        protocol.data_received(data)
    async with asyncio.timeout(5):
        await waiting.begun.wait()
    protocol.data_received(early)
    waiting.answer.set()
    async with asyncio.timeout(5):
        await waiting.said.wait()
    assert wire.closing
    assert len(waiting.requests) == 1
    assert wire.written.count(b"HTTP/1.1 ") == 1
    assert wire.written.endswith(b"3\r\ntwo\r\n0\r\n\r\n")
    end(protocol)


async def test_a_client_that_says_more_and_leaves_is_seen_to_leave() -> None:
    waiting = Waiting()
    protocol, _ = connected(waiting)
    protocol.data_received(NEXT + NEXT)
    async with asyncio.timeout(5):
        await waiting.begun.wait()
        protocol.connection_lost(None)
        await waiting.left.wait()


async def test_a_head_without_end_is_refused(connect: Open) -> None:
    protocol, wire, heard = connect()
    protocol.data_received(b"GET /a HTTP/1.1\r\nhost: a\r\n")
    for _ in range(100):
        protocol.data_received(b"x-more: " + b"a" * 1000 + b"\r\n")
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.closing
    assert heard.requests == []
    end(protocol)


async def test_large_bodies_are_no_large_heads(connect: Open) -> None:
    protocol, wire, heard = connect()
    for number in range(1, 4):
        protocol.data_received(b"POST /a HTTP/1.1\r\nhost: a\r\ncontent-length: 200000\r\n\r\n")
        for _ in range(20):
            protocol.data_received(b"x" * 10_000)
        await heard.count(number)
    assert wire.written.count(b"HTTP/1.1 204") == 3
    end(protocol)


@pytest.mark.looptime
@pytest.mark.parametrize("data", [b"", b"GET /a HTT", b"GET /a HTTP/1.1\r\nhost: a\r\n"])
async def test_a_head_that_does_not_come_is_not_waited_for(connect: Open, data: bytes) -> None:
    protocol, wire, _ = connect()
    for byte in data:
        protocol.data_received(bytes([byte]))
        await asyncio.sleep(0.05)
    await asyncio.sleep(KEEP_ALIVE_SECONDS)
    assert wire.aborted
    end(protocol)


@pytest.mark.looptime
async def test_a_connection_is_kept_as_long_after_each_reply() -> None:
    echo = Echo()
    protocol, wire = joined(echo)
    for number in range(1, 4):
        await asyncio.sleep(KEEP_ALIVE_SECONDS - 1)
        protocol.data_received(NEXT)
        await turns()
        assert echo.served == number
    await asyncio.sleep(KEEP_ALIVE_SECONDS - 1)
    assert not wire.is_closing()
    await asyncio.sleep(1)
    assert wire.aborted
    end(protocol)


@pytest.mark.looptime
async def test_a_request_takes_as_long_as_it_takes() -> None:
    held = Held()
    protocol, wire = joined(held)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100\r\n\r\n")
    for _ in range(100):
        await asyncio.sleep(KEEP_ALIVE_SECONDS / 4)
        protocol.data_received(b"x")
    await asyncio.sleep(3 * KEEP_ALIVE_SECONDS)
    held.go.set()
    await held.over.wait()
    assert not wire.aborted
    ended = asyncio.get_running_loop().time()
    await until(lambda: wire.aborted, 1.0)
    assert KEEP_ALIVE_SECONDS <= asyncio.get_running_loop().time() - ended <= KEEP_ALIVE_SECONDS + 1
    end(protocol)


@pytest.mark.looptime
@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.0\r\n\r\n", b"no HTTP", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nx"]
)
async def test_who_does_not_read_the_last_reply_is_not_waited_for_either(data: bytes) -> None:
    protocol, wire = joined(Echo())
    await asyncio.sleep(10)
    protocol.data_received(data)
    await turns()
    protocol.drain()
    protocol.data_received(b"x" * 8)
    await turns()
    assert wire.closing
    closed = asyncio.get_running_loop().time()
    await until(lambda: wire.aborted, 1.0)
    assert KEEP_ALIVE_SECONDS - 11 <= asyncio.get_running_loop().time() - closed <= KEEP_ALIVE_SECONDS + 1
    end(protocol)


@pytest.mark.looptime
async def test_who_goes_on_reading_a_large_reply_gets_all_of_it_however_slowly() -> None:
    protocol, wire = joined(Echo())
    wire.unsent = 1_000_000
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await turns()
    while wire.unsent:
        await asyncio.sleep(KEEP_ALIVE_SECONDS / 2)
        wire.unsent -= 100_000
        assert not wire.aborted
    await asyncio.sleep(2 * KEEP_ALIVE_SECONDS)
    assert wire.aborted
    end(protocol)


@pytest.mark.looptime
async def test_who_stops_reading_a_large_reply_is_not_waited_for() -> None:
    protocol, wire = joined(Echo())
    wire.unsent = 1_000_000
    protocol.data_received(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n")
    await turns()
    await asyncio.sleep(KEEP_ALIVE_SECONDS / 2)
    wire.unsent -= 100_000
    await asyncio.sleep(2 * KEEP_ALIVE_SECONDS)
    assert wire.aborted
    end(protocol)


@pytest.mark.looptime
@pytest.mark.parametrize("reads", [True, False])
async def test_who_does_not_read_one_reply_gets_no_other(reads: bool) -> None:
    protocol, wire = joined(Echo())
    protocol.pause_writing()
    await asyncio.sleep(10)
    protocol.data_received(NEXT)
    await asyncio.sleep(KEEP_ALIVE_SECONDS - 1)
    if reads:
        protocol.resume_writing()
    await asyncio.sleep(2)
    assert wire.aborted is not reads
    assert wire.written.startswith(b"HTTP/1.1 200 OK") is reads
    end(protocol)


REFUSED_EARLY = [
    b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9\r\n\r\n123",
    b"POST / HTTP/1.0\r\ncontent-length: 9\r\n\r\n123",
]


async def refuse(client: WireClient) -> None:
    await client.begin(413, [("content-length", "2")])
    await client.write(b"no", last=True)


@pytest.mark.parametrize("data", REFUSED_EARLY)
async def test_the_last_reply_is_not_lost_to_a_client_that_still_sends(data: bytes) -> None:
    served = 0

    async def app(client: WireClient) -> None:
        nonlocal served
        served += 1
        await refuse(client)

    protocol, wire = joined(app)
    protocol.data_received(data)
    await turns()
    assert wire.written.endswith(b"no")
    assert wire.ended, "the client sees that nothing more comes"
    assert not wire.is_closing(), "the system resets what is closed with something unread, and the reply is gone"
    protocol.data_received(b"456")
    assert not wire.is_closing()
    protocol.data_received(b"789" + NEXT)
    await turns()
    assert wire.closing
    assert served == 1
    end(protocol)


async def test_what_is_no_http_ends_a_connection_whose_last_reply_is_complete() -> None:
    protocol, wire = joined(refuse)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\n")
    await turns()
    assert not wire.is_closing()
    protocol.data_received(b"no chunk")
    assert wire.closing
    assert wire.written.count(b"HTTP/1.1") == 1
    end(protocol)


@pytest.mark.looptime
async def test_the_rest_of_a_request_is_not_waited_for_without_end() -> None:
    protocol, wire = joined(refuse)
    protocol.data_received(REFUSED_EARLY[0])
    while not wire.aborted:
        await asyncio.sleep(1)
        protocol.data_received(b"1" if asyncio.get_running_loop().time() < 5 else b"")
        assert asyncio.get_running_loop().time() <= KEEP_ALIVE_SECONDS + 6
    end(protocol)


@pytest.mark.looptime
async def test_a_connection_that_is_no_more_leaves_no_timer() -> None:
    protocol, wire = joined(Echo())
    end(protocol)
    await asyncio.sleep(2 * KEEP_ALIVE_SECONDS)
    assert not wire.aborted


async def turns() -> None:
    """Let whatever can go on go on."""
    for _ in range(10):
        await asyncio.sleep(0)


async def test_a_body_that_is_no_http_is_refused_at_once() -> None:
    held = Held()
    protocol, wire = joined(held)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n")
    await held.begun.wait()
    protocol.data_received(b"secret-word\r\n")
    assert wire.written.startswith(b"HTTP/1.1 400 ")
    assert b"secret-word" not in wire.written
    assert wire.closing
    async with asyncio.timeout(5):
        await held.over.wait()
    assert held.calls == 1, "the rest of it never comes"
    assert wire.written.endswith(b"}}")
    assert wire.written.count(b"content-type") == 1
    end(protocol)


@pytest.mark.parametrize(
    "endless", [b"0\r\n" + b"x-more: " + b"a" * 1000, b"5;" + b"a" * 1000, b"5\r\nhello\r\n0\r\nx-more: " + b"a" * 1000]
)
async def test_what_is_no_body_has_a_bound_within_one_too(endless: bytes) -> None:
    held = Held()
    protocol, wire = joined(held)
    protocol.data_received(b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n" + endless)
    for _ in range(100):
        protocol.data_received(b"a" * 1000)
    assert wire.written.startswith(b"HTTP/1.1 431 ")
    assert wire.closing
    await turns()
    assert wire.written.count(b"HTTP/1.1") == 1
    end(protocol)


@pytest.mark.parametrize("begun", [True, False])
async def test_what_the_application_fails_at_ends_as_a_reply_or_a_cut(
    begun: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(client: WireClient) -> None:
        if begun:
            await client.begin(200, [])
            await client.write(b"half")
        raise KeyError("secret-word")

    protocol, wire = joined(fails)
    protocol.data_received(NEXT)
    await turns()
    if begun:
        assert wire.aborted
        assert wire.written.endswith(b"4\r\nhalf\r\n")
    else:
        head, _, body = wire.written.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 500 ")
        assert b"connection: close" in head
        assert json.loads(body)["error"]["code"] == "internal_error"
        assert wire.closing
    assert b"secret-word" not in wire.written
    assert [record.getMessage() for record in caplog.records] == ["a request failed"]
    end(protocol)


@pytest.mark.parametrize("begun", [True, False])
async def test_what_the_application_does_not_end_is_cut(begun: bool) -> None:
    async def forgets(client: WireClient) -> None:
        if begun:
            await client.begin(200, [])

    protocol, wire = joined(forgets)
    protocol.data_received(NEXT)
    await turns()
    assert wire.aborted
    end(protocol)


async def test_an_ended_connection_is_garbage_at_once() -> None:
    protocol, wire = joined(Echo())
    protocol.data_received(NEXT)
    await turns()
    assert wire.written.startswith(b"HTTP/1.1 200 ")
    end(protocol)
    await turns()
    gone = weakref.ref(protocol)
    gc.disable()
    try:
        del protocol
        assert gone() is None, "the collector's work would make others wait"
    finally:
        gc.enable()


TOKENS = st.text(alphabet=string.ascii_letters + string.digits + "-_", min_size=1, max_size=12)
VALUES = st.text(alphabet=[chr(code) for code in range(33, 127)], max_size=20)
BODIES = st.binary(max_size=60)


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """A good request in any framing."""
    body = draw(BODIES)
    lines = [f"POST /{draw(TOKENS)}%20?{draw(TOKENS)} HTTP/1.1", "host: a"]
    lines += [f"x-{name}: {value}" for name, value in draw(st.dictionaries(TOKENS, VALUES, max_size=4)).items()]
    if draw(st.booleans()):
        lines += ["connection: keep-alive, Upgrade", "upgrade: h2c"]
    if draw(st.booleans()):
        lines.append("expect: 100-continue")
    if draw(st.booleans()):
        lines.append(f"content-length: {len(body)}")
    else:
        lines.append("transfer-encoding: chunked")
        at = draw(st.integers(0, len(body)))
        pieces = [b"%X\r\n%b\r\n" % (len(piece), piece) for piece in (body[:at], body[at:]) if piece]
        body = b"".join([*pieces, b"0\r\n", draw(st.sampled_from([b"", b"x-sum: 1\r\n"])), b"\r\n"])
    return "\r\n".join([*lines, "", ""]).encode() + body


async def answered(data: bytes, cuts: Iterable[int]) -> tuple[bytes, bool]:
    """Return what a connection says to bytes that come in pieces, and whether it closes."""
    protocol, wire = joined(Echo())
    before = 0
    for cut in [*sorted(cuts), len(data)]:
        if not wire.is_closing():
            protocol.data_received(data[before:cut])
        before = cut
    await turns()
    end(protocol)
    await turns()
    return wire.written, wire.closing


@given(data=requests(), draws=st.data())
def test_cuts_change_nothing(data: bytes, draws: st.DataObject) -> None:
    cuts = draws.draw(st.sets(st.integers(1, len(data) - 1), max_size=8))
    whole = asyncio.run(answered(data, ()))
    # Not by a search for the last status line: the body is echoed, and may hold one.
    assert whole[0].removeprefix(CONTINUE).startswith(b"HTTP/1.1 200 OK\r\n")
    assert asyncio.run(answered(data, cuts)) == whole


@given(data=requests(), draws=st.data())
def test_whatever_comes_is_answered_in_http_or_not_at_all(data: bytes, draws: st.DataObject) -> None:
    at, length = draws.draw(st.integers(0, len(data))), draws.draw(st.integers(0, 5))
    broken = data[:at] + draws.draw(st.binary(max_size=8)) + data[at + length :]
    if not broken:
        return
    written, closes = asyncio.run(answered(broken, draws.draw(st.sets(st.integers(1, len(broken)), max_size=8))))
    parser = h11.Connection(h11.CLIENT)
    parser.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    parser.send(h11.EndOfMessage())
    parser.receive_data(written)
    statuses = []
    while (event := parser.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        assert not isinstance(event, h11.ConnectionClosed)
        if isinstance(event, h11.Response):
            statuses.append(event.status_code)
        if isinstance(event, h11.EndOfMessage):
            break
    assert set(statuses) <= {200, 400}
    assert closes or 400 not in statuses
    assert asyncio.run(answered(broken, ()))[0].count(b"HTTP/1.1 200") == written.count(b"HTTP/1.1 200")
