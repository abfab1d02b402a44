"""The transport against a raw socket: what is reused, what is cut, and what is told."""

from __future__ import annotations

import asyncio
import gzip
import resource
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest

from argo_relay.config.load import load
from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.transport.base import Answer
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.http1 import target_of
from argo_relay.transport.reach import reach_of
from support.certificates import Authority, self_signed
from support.inside import full_queue
from support.proxies import http_proxy, socks_proxy
from support.upstream import PATIENCE, Connection, Upstream, upstream

WHOLE = b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello"
STREAM = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
LAST = b"0\r\n\r\n"
BIG = 20 << 20


class Steps:
    """What a call was told of its progress."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.on_its_way = asyncio.Event()

    def connecting(self) -> None:
        self.seen.append("connecting")

    def connected(self) -> None:
        self.seen.append("connected")

    def sent(self) -> None:
        self.seen.append("sent")
        self.on_its_way.set()


@pytest.fixture
async def transport() -> AsyncIterator[HttpTransport]:
    made = HttpTransport()
    yield made
    await made.close()


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def post(there: Upstream, body: bytes = b"{}") -> Call:
    headers = [("content-type", "application/json"), ("accept-encoding", "identity")]
    return Call(method="POST", url=there.url, headers=[*headers, ("x-twice", "1"), ("x-twice", "2")], body=body)


async def read_all(answer: Answer) -> bytes:
    pieces = []
    async with asyncio.timeout(PATIENCE):
        while piece := await answer.read():
            pieces.append(piece)
    return b"".join(pieces)


async def soon(event: asyncio.Event) -> None:
    """Wait for what must happen now; the time is only for when it does not."""
    async with asyncio.timeout(PATIENCE):
        await event.wait()


def says(*pieces: bytes) -> Callable[[Connection], Awaitable[None]]:
    """Return an upstream that answers every request with the same bytes."""

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.say(*pieces)

    return behave


async def test_a_request_is_sent_as_it_is_and_an_answer_read_as_it_is(transport: HttpTransport) -> None:
    bodies = []

    async def behave(connection: Connection) -> None:
        bodies.append(await connection.request())
        await connection.say(b"HTTP/1.1 201 Made It\r\nX-One: 1\r\nX-ONE: 2\r\nContent-Length: 5\r\n\r\nhello")

    async with upstream(behave) as there:
        answer = await transport.open(post(there, b'{"a": 1}'), Steps())
        assert (answer.status, answer.reason) == (201, "Made It")
        assert answer.headers == {"x-one": "2", "content-length": "5"}
        assert await read_all(answer) == b"hello"
        assert await answer.read() == b""
        first, *lines = there.heads[0].decode().strip().split("\r\n")
    assert bodies == [b'{"a": 1}']
    assert first == "POST /secret-path HTTP/1.1"
    assert sorted(line.lower() for line in lines) == [
        "accept-encoding: identity",
        "content-length: 8",
        "content-type: application/json",
        f"host: 127.0.0.1:{there.port}",
        "x-twice: 1",
        "x-twice: 2",
    ], "nothing is added: no user-agent, no compression"


async def test_without_headers_nothing_is_asked_for(transport: HttpTransport) -> None:
    async with upstream(says(WHOLE)) as there:
        await read_all(await transport.open(Call(method="GET", url=there.url, headers=[]), Steps()))
        assert there.heads[0].lower().count(b"\r\n") == 3, there.heads[0]


@pytest.mark.parametrize("reply", [(WHOLE,), (STREAM, chunk(b"hello"), LAST), (STREAM + chunk(b"hello") + LAST,)])
async def test_after_a_whole_reply_the_connection_serves_again(
    transport: HttpTransport, reply: tuple[bytes, ...]
) -> None:
    async with upstream(says(*reply)) as there:
        for _ in range(3):
            steps = Steps()
            answer = await transport.open(post(there), steps)
            assert steps.seen == ["connected", "sent"]
            assert await read_all(answer) == b"hello"
            answer.release()
            answer.release()
        assert len(there.connections) == 1


async def test_a_stream_released_before_its_last_chunk_settles_and_serves_again(
    transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    done, settled = asyncio.Event(), asyncio.Event()
    kept = transport._pool.idle

    def noted(one: Any) -> None:
        kept(one)
        settled.set()

    monkeypatch.setattr(transport._pool, "idle", noted)

    async def behave(connection: Connection) -> None:
        while True:
            await connection.request()
            await connection.say(STREAM, chunk(b"data: [DONE]\n\n"))
            await done.wait()
            await connection.say(LAST)

    async with upstream(behave) as there:
        answer = await transport.open(post(there), Steps())
        assert await answer.read() == b"data: [DONE]\n\n"
        answer.release()
        done.set()
        await soon(settled)
        await read_all(await transport.open(post(there), Steps()))
        assert len(there.connections) == 1


@pytest.mark.parametrize("more", [b"", chunk(b"x")])
async def test_a_stream_that_does_not_settle_is_given_up(transport: HttpTransport, more: bytes) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM, chunk(b"data: [DONE]\n\n"), more)
        await connection.end()

    async with upstream(behave) as there:
        answer = await transport.open(post(there), Steps())
        await answer.read()
        answer.release()
        await soon(there.connections[0].ended)


async def test_close_cuts_a_stream_at_once(transport: HttpTransport) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM, chunk(b"data: 1\n\n"))
        await connection.end()

    async with upstream(behave) as there:
        answer = await transport.open(post(there), Steps())
        await answer.read()
        answer.close()
        await soon(there.connections[0].ended)


async def test_close_cuts_an_upstream_that_is_held_back(transport: HttpTransport) -> None:
    """Nobody reads the answer, so the upstream is stuck in its writing."""

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM)
        while True:
            await connection.say(chunk(b"x" * 100_000))

    async with upstream(behave) as there:
        answer = await transport.open(post(there), Steps())
        await answer.read()
        answer.close()
        await soon(there.connections[0].ended)


async def test_closing_a_reply_that_has_ended_cuts_nothing(transport: HttpTransport) -> None:
    async with upstream(says(WHOLE)) as there:
        answer = await transport.open(post(there), Steps())
        await read_all(answer)
        answer.close()
        await read_all(await transport.open(post(there), Steps()))
        assert len(there.connections) == 1


async def test_a_late_goodbye_does_not_touch_the_next_call(transport: HttpTransport) -> None:
    again, go_on = asyncio.Event(), asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(WHOLE)
        await connection.request()
        again.set()
        await go_on.wait()
        await connection.say(WHOLE)

    async with upstream(behave) as there:
        ended = await transport.open(post(there), Steps())
        await read_all(ended)
        running = asyncio.create_task(transport.open(post(there), Steps()))
        await soon(again)
        ended.close()
        ended.release()
        go_on.set()
        assert await read_all(await running) == b"hello"
        assert len(there.connections) == 1


async def test_what_has_arrived_is_read_without_waiting_for_more(transport: HttpTransport) -> None:
    go_on = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM, chunk(b"a"))
        await go_on.wait()
        await connection.say(chunk(b"b") + LAST)

    async with upstream(behave) as there:
        answer = await transport.open(post(there), Steps())
        assert await answer.read() == b"a"
        waiting = asyncio.create_task(answer.read())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        assert await read_all(answer) == b"b", "the cancelled read has lost nothing"


async def test_cancelling_while_the_upstream_thinks_closes_the_connection(transport: HttpTransport) -> None:
    arrived = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        arrived.set()
        await connection.end()

    async with upstream(behave) as there:
        steps = Steps()
        running = asyncio.create_task(transport.open(post(there), steps))
        await soon(arrived)
        assert steps.seen == ["connected", "sent"]
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await soon(there.connections[0].ended)


async def test_cancelling_drops_what_the_upstream_has_not_read(transport: HttpTransport) -> None:
    arrived, go_on = asyncio.Event(), asyncio.Event()
    left: list[int] = []

    async def behave(connection: Connection) -> None:
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        arrived.set()
        await go_on.wait()
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
        left.append(await connection.end())

    async with upstream(behave) as there:
        steps = Steps()
        running = asyncio.create_task(transport.open(post(there, b"x" * BIG), steps))
        await soon(arrived)
        await soon(steps.on_its_way)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        go_on.set()
        await soon(there.connections[0].ended)
    assert left[0] < BIG, "only what the system had taken by then"


@pytest.mark.parametrize("how", ["release", "close"])
async def test_a_reply_before_the_request_was_read_ends_the_sending(transport: HttpTransport, how: str) -> None:
    go_on = asyncio.Event()
    left: list[int] = []

    async def behave(connection: Connection) -> None:
        await connection.reader.readuntil(b"\r\n\r\n")
        connection.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await connection.say(b"HTTP/1.1 413 Too Large\r\ncontent-length: 2\r\n\r\nno")
        await go_on.wait()
        connection.writer.transport.resume_reading()  # type: ignore[attr-defined]
        left.append(await connection.end())

    async with upstream(behave) as there:
        answer = await transport.open(post(there, b"x" * BIG), Steps())
        assert (answer.status, await read_all(answer)) == (413, b"no")
        getattr(answer, how)()
        go_on.set()
        await soon(there.connections[0].ended)
    assert left[0] < BIG


async def test_cancelling_while_it_connects(transport: HttpTransport) -> None:
    with full_queue() as url:
        steps = Steps()
        running = asyncio.create_task(transport.open(Call(method="GET", url=url, headers=[]), steps))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert steps.seen == []


async def test_nothing_is_followed_and_nothing_is_kept(transport: HttpTransport) -> None:
    moved = b"HTTP/1.1 307 Go\r\nlocation: /elsewhere\r\nset-cookie: a=b; Path=/\r\ncontent-length: 0\r\n\r\n"
    async with upstream(says(moved)) as there:
        for _ in range(2):
            answer = await transport.open(post(there), Steps())
            assert answer.status == 307
            await read_all(answer)
        assert len(there.heads) == 2
        assert not any(b"cookie" in head.lower() for head in there.heads)


async def test_what_a_closing_connection_has_not_read_is_sent_once_more(transport: HttpTransport) -> None:
    """The server closes what was idle for long enough just when it is used again."""
    bodies = []

    async def behave(connection: Connection) -> None:
        bodies.append(await connection.request())
        await connection.say(WHOLE)
        await connection.reader.read(1)

    async with upstream(behave) as there:
        await read_all(await transport.open(post(there, b"one"), Steps()))
        steps = Steps()
        assert await read_all(await transport.open(post(there, b"two"), steps)) == b"hello"
        assert steps.seen == ["connected", "sent", "connecting", "connected", "sent"]
        assert (len(there.connections), bodies) == (2, [b"one", b"two"])


async def test_on_a_fresh_connection_nothing_is_sent_again(transport: HttpTransport) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        if len(there.connections) == 1:
            await connection.say(WHOLE)
            await connection.request()

    async with upstream(behave) as there:
        await read_all(await transport.open(post(there), Steps()))
        for count in (3, 4):
            with pytest.raises(ConnectionBroken):
                await transport.open(post(there), Steps())
            assert len(there.heads) == count


async def test_what_has_been_answered_in_part_is_not_sent_again(transport: HttpTransport) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(WHOLE)
        await connection.request()
        await connection.say(b"H")

    async with upstream(behave) as there:
        await read_all(await transport.open(post(there), Steps()))
        with pytest.raises(ConnectionBroken):
            await transport.open(post(there), Steps())
        assert len(there.heads) == 2


async def test_the_environments_proxy_is_not_asked(transport: HttpTransport, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with upstream(says(WHOLE)) as there:
        assert await read_all(await transport.open(post(there), Steps())) == b"hello"


async def test_hints_before_the_answer_are_passed_over(transport: HttpTransport) -> None:
    async with upstream(says(b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n", WHOLE)) as there:
        answer = await transport.open(post(there), Steps())
        assert (answer.status, await read_all(answer)) == (200, b"hello")


def told(error: UpstreamError, there: Upstream) -> str:
    """Return an error's words, which must name nothing of the upstream or of what it said."""
    text = f"{error} {error.args} {error.__cause__}"
    for secret in ("127.0.0.1", "localhost", str(there.port), "secret", "http://"):
        assert secret not in text
    return str(error)


BROKEN = {
    # what it says before it closes: where that is noticed
    "nothing": (b"", "open"),
    "half a head": (b"HTTP/1.1 200 OK\r\nsecret", "open"),
    "no HTTP": (b"secret words\r\n\r\n", "open"),
    "another protocol": (b"SSH-2.0-secret\r\n", "open"),
    "a status that is none": (b"HTTP/1.1 secret OK\r\n\r\n", "open"),
    "a header that is none": (b"HTTP/1.1 200 OK\r\nsecret\r\n\r\n", "open"),
    "an endless header": (b"HTTP/1.1 200 OK\r\nx-secret: " + b"x" * 100_000, "open"),
    "two lengths": (b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nxx", "open"),
    "half a body": (b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\nsecret", "read"),
    "half a stream": (STREAM + chunk(b"secret"), "read"),
    "half a chunk": (STREAM + b"ff\r\nsecret", "read"),
    "a chunk that is none": (STREAM + chunk(b"ok") + b"secret\r\n\r\n", "read"),
    "no gzip": (b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 6\r\n\r\nsecret", "read"),
}


@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_answer_is_told_in_our_words(transport: HttpTransport, case: str, reset: bool) -> None:
    data, where = BROKEN[case]
    at_end = len(data) if where == "open" else data.index(b"\r\n\r\n") + 4
    opened = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(data[:at_end])
        if where == "read":
            await opened.wait()
            await connection.say(data[at_end:])
        if reset:
            connection.reset()

    async with upstream(behave) as there:
        if where == "open":
            with pytest.raises(ConnectionBroken) as broken:
                await transport.open(post(there), Steps())
        else:
            answer = await transport.open(post(there), Steps())
            opened.set()
            with pytest.raises(ConnectionBroken) as broken:
                await read_all(answer)
            answer.close()
        assert told(broken.value, there).startswith(("it closed the connection", "it answered with something"))


async def test_a_body_may_end_with_its_connection(transport: HttpTransport) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n", b"hello")

    async with upstream(behave) as there:
        assert await read_all(await transport.open(post(there), Steps())) == b"hello"


async def test_what_is_compressed_unasked_is_read_all_the_same(transport: HttpTransport) -> None:
    body = gzip.compress(b"hello")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(body)
    async with upstream(says(head, body)) as there:
        assert await read_all(await transport.open(post(there), Steps())) == b"hello"


async def test_a_refused_connection(transport: HttpTransport) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        there = Upstream(closed.getsockname()[1])
        steps = Steps()
        with pytest.raises(ConnectFailed) as failed:
            await transport.open(post(there), steps)
    assert "refused" in told(failed.value, there)
    assert steps.seen == []


async def test_a_name_that_nobody_knows(transport: HttpTransport) -> None:
    steps = Steps()
    with pytest.raises(ConnectFailed) as failed:
        await transport.open(Call(method="GET", url="http://secret-host.invalid:1/", headers=[]), steps)
    assert "name could not be resolved" in told(failed.value, Upstream(1))
    assert steps.seen == []


async def test_a_handshake_that_fails(transport: HttpTransport) -> None:
    async def behave(connection: Connection) -> None:
        await connection.reader.read(1)
        await connection.say(b"HTTP/1.1 400 no TLS here: secret\r\n\r\n")
        await connection.end()

    async with upstream(behave) as there:
        steps = Steps()
        call = Call(method="GET", url=there.url.replace("http://", "https://"), headers=[])
        with pytest.raises(ConnectFailed) as failed:
            await transport.open(call, steps)
        assert "TLS" in told(failed.value, there)
        assert steps.seen == []


class Echo(asyncio.Protocol):
    """Answers every request with its body, in chunks; says the end of the connection to one of ten."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport
        self._left = b""

    def data_received(self, data: bytes) -> None:
        self._left += data
        _, end, body = self._left.partition(b"\r\n\r\n")
        if not end or len(body) < 4:
            return
        self._left = b""
        last = body.endswith(b"7")
        self._transport.write(STREAM.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n") if last else STREAM)
        self._transport.write(chunk(body) + LAST)
        if last:
            self._transport.close()


@asynccontextmanager
async def echo() -> AsyncIterator[Upstream]:
    server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0, backlog=1024)
    async with server:
        yield Upstream(server.sockets[0].getsockname()[1])


async def test_ten_thousand_calls_one_after_the_other_leave_one_connection(transport: HttpTransport) -> None:
    async with echo() as there:
        before = psutil.Process().num_fds()
        for number in range(10_000):
            body = b"%04d" % number
            answer = await transport.open(post(there, body), Steps())
            assert await read_all(answer) == body
            answer.release()
            assert len(transport._pool.all) <= 2, "the one that is going, and the next"
        assert psutil.Process().num_fds() - before <= 2 * 2, "both ends are ours"
        await transport.close()
        assert transport._pool.all == set()


async def test_a_thousand_calls_at_once_leave_what_may_wait_and_then_nothing(transport: HttpTransport) -> None:
    async def call(there: Upstream, number: int) -> None:
        body = b"%04d" % number
        answer = await transport.open(post(there, body), Steps())
        if number % 5 == 3:
            # Cut in the middle, or after the end: either is well.
            answer.close()
            return
        assert await read_all(answer) == body
        answer.release()

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4096)), hard))
    async with echo() as there:
        before = psutil.Process().num_fds()
        for _ in range(2):
            await asyncio.gather(*(call(there, number) for number in range(1000)))
        assert len(transport._pool._idle[target_of(there.url).origin]) == 256
        await transport.close()
        assert transport._pool.all == set()
        for _ in range(10_000):
            if psutil.Process().num_fds() <= before:
                break
            await asyncio.sleep(0)
        assert psutil.Process().num_fds() <= before


async def test_closing_the_transport_cuts_whatever_there_is() -> None:
    transport = HttpTransport()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(STREAM, chunk(b"data: 1\n\n"))
        await connection.end()

    async with upstream(behave) as there:
        running, settling = [await transport.open(post(there), Steps()) for _ in range(2)]
        await running.read()
        await settling.read()
        settling.release()
        await transport.close()
        for connection in there.connections:
            await soon(connection.ended)
        running.close()
        assert len(there.connections) == 2


HOST = "argo.invalid"
"""A name that no resolver knows, so that whoever reaches it has not asked one."""
KNOWN = {HOST: "127.0.0.1"}


@asynccontextmanager
async def reaching(**settings: Any) -> AsyncIterator[HttpTransport]:
    """Open a transport that goes the configured way."""
    overrides = {f"upstream.{name}": value for name, value in settings.items()}
    config = load(environ={"HOME": "/nowhere"}, overrides=overrides).config
    made = HttpTransport(reach_of(config.upstream, {}, f"https://{HOST}"))
    yield made
    await made.close()


def ask(port: int, scheme: str = "https", host: str = HOST) -> Call:
    place = host if port == 443 else f"{host}:{port}"
    return Call(method="POST", url=f"{scheme}://{place}/secret-path", headers=[("x-one", "1")], body=b"{}")


@pytest.fixture
def authority() -> Authority:
    return Authority()


async def test_a_detour_keeps_the_name_for_tls_and_http(authority: Authority, tmp_path: Path) -> None:
    async with upstream(says(WHOLE), authority.server(HOST)) as there:
        for port, way in (
            (there.port, {"resolve": [f"{HOST}:{there.port}:127.0.0.1"]}),
            (443, {"connect_to": [f"{HOST}:443:localhost:{there.port}"]}),
        ):
            async with reaching(ca_bundle=authority.bundle(tmp_path), **way) as transport:
                for _ in range(2):
                    steps = Steps()
                    answer = await transport.open(ask(port), steps)
                    assert steps.seen == ["connected", "sent"]
                    assert await read_all(answer) == b"hello"
                    answer.release()
            shown = f"host: {HOST}" if port == 443 else f"host: {HOST}:{port}"
            assert there.heads[-1].decode().lower().split("\r\n").count(shown) == 1
            assert there.heads[-1].lower().count(b"host:") == 1
        assert len(there.connections) == 2, "one for each transport"


async def test_a_detours_own_name_is_not_what_the_certificate_must_be_for(authority: Authority, tmp_path: Path) -> None:
    async with (
        upstream(says(WHOLE), authority.server("localhost")) as there,
        reaching(ca_bundle=authority.bundle(tmp_path), connect_to=[f"::localhost:{there.port}"]) as transport,
    ):
        with pytest.raises(ConnectFailed, match="its certificate is for another name"):
            await transport.open(ask(443), Steps())


PROXIES = {"http": http_proxy, "socks5": socks_proxy, "socks5h": socks_proxy}


@pytest.mark.parametrize("scheme", PROXIES)
async def test_through_a_proxy_that_looks_up_the_name(scheme: str, authority: Authority, tmp_path: Path) -> None:
    server = authority.server(HOST)
    async with (
        upstream(says(WHOLE), server) as there,
        PROXIES[scheme](names=KNOWN, credentials=("jdoe", "pa:ss@word")) as proxy,
        reaching(
            ca_bundle=authority.bundle(tmp_path), proxy=f"{scheme}://jdoe:pa%3Ass%40word@127.0.0.1:{proxy.port}"
        ) as transport,
    ):
        for _ in range(3):
            steps = Steps()
            answer = await transport.open(ask(there.port), steps)
            assert steps.seen == ["connected", "sent"]
            assert await read_all(answer) == b"hello"
            answer.release()
        assert proxy.asked == [(HOST, there.port)], "one tunnel serves all"
        assert all(b"authorization" not in head.lower() for head in there.heads)


@pytest.mark.parametrize("scheme", PROXIES)
async def test_plain_http_through_a_proxy(scheme: str) -> None:
    async with (
        upstream(says(WHOLE)) as there,
        PROXIES[scheme](names=KNOWN) as proxy,
        reaching(proxy=f"{scheme}://127.0.0.1:{proxy.port}") as transport,
    ):
        answer = await transport.open(ask(there.port, "http"), Steps())
        assert await read_all(answer) == b"hello"
        assert proxy.asked == [(HOST, there.port)]
        assert all(head.startswith(b"POST http://") for head in proxy.heads), "no CONNECT where none is needed"


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_detour_beyond_a_proxy(scheme: str, authority: Authority, tmp_path: Path) -> None:
    async with (
        upstream(says(WHOLE), authority.server(HOST)) as there,
        PROXIES[scheme](names={"gate.invalid": "127.0.0.1"}) as proxy,
        reaching(
            ca_bundle=authority.bundle(tmp_path),
            proxy=f"{scheme}://127.0.0.1:{proxy.port}",
            connect_to=[f"{HOST}:443:gate.invalid:{there.port}"],
        ) as transport,
    ):
        assert await read_all(await transport.open(ask(443), Steps())) == b"hello"
        assert proxy.asked == [("gate.invalid", there.port)]


async def test_a_proxy_that_is_reached_by_tls(authority: Authority, tmp_path: Path) -> None:
    async with (
        upstream(says(WHOLE), authority.server(HOST)) as there,
        http_proxy(names=KNOWN, tls=authority.server("localhost")) as proxy,
        reaching(ca_bundle=authority.bundle(tmp_path), proxy=f"https://localhost:{proxy.port}") as transport,
        reaching(ca_bundle=authority.bundle(tmp_path), proxy=f"https://127.0.0.1:{proxy.port}") as wrong,
    ):
        assert await read_all(await transport.open(ask(there.port), Steps())) == b"hello"
        with pytest.raises(ConnectFailed, match="the proxy's certificate is for another name"):
            await wrong.open(ask(there.port), Steps())


@pytest.mark.parametrize("scheme", ["direct", *PROXIES])
async def test_close_and_cancel_cut_at_once_on_every_way(scheme: str, authority: Authority, tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def behave(connection: Connection) -> None:
        if b"x" not in await connection.request():
            await connection.say(STREAM, chunk(b"data: 1\n\n"))
        arrived.set()
        await connection.end()

    async with upstream(behave, authority.server(HOST)) as there, AsyncExitStack() as stack:
        way: dict[str, Any] = {"resolve": [f"{HOST}:{there.port}:127.0.0.1"]}
        if scheme != "direct":
            proxy = await stack.enter_async_context(PROXIES[scheme](names=KNOWN))
            way = {"proxy": f"{scheme}://127.0.0.1:{proxy.port}"}
        transport = await stack.enter_async_context(reaching(ca_bundle=authority.bundle(tmp_path), **way))
        answer = await transport.open(ask(there.port), Steps())
        assert await answer.read() == b"data: 1\n\n"
        answer.close()
        await soon(there.connections[0].ended)
        arrived.clear()
        call = msgspec.structs.replace(ask(there.port), body=b"x")
        running = asyncio.create_task(transport.open(call, Steps()))
        await soon(arrived)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await soon(there.connections[1].ended)


@pytest.mark.parametrize("scheme", PROXIES)
async def test_cancelling_while_a_proxy_thinks(scheme: str) -> None:
    asked = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.reader.read(1)
        asked.set()
        await connection.end()

    async with upstream(behave) as silent, reaching(proxy=f"{scheme}://127.0.0.1:{silent.port}") as transport:
        running = asyncio.create_task(transport.open(ask(443), Steps()))
        await soon(asked)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await soon(silent.connections[0].ended)


@pytest.mark.parametrize("scheme", ["direct", *PROXIES])
@pytest.mark.parametrize(
    ("case", "what"),
    [
        ("another name", "its certificate is for another name"),
        ("expired", "its certificate has expired"),
        ("self-signed", "its certificate is self-signed"),
        ("unknown authority", "its certificate comes from an authority that is not trusted here"),
        ("no TLS", "the TLS handshake failed"),
    ],
)
async def test_a_handshake_that_fails_on_every_way(
    scheme: str, case: str, what: str, authority: Authority, tmp_path: Path
) -> None:
    servers = {
        "another name": authority.server("wrong.example"),
        "expired": authority.server(HOST, days=-1),
        "self-signed": self_signed(),
        "unknown authority": Authority().server(HOST),
        "no TLS": None,
    }

    async def behave(connection: Connection) -> None:
        await connection.say(b"220 hello, this is no TLS\r\n")
        await connection.end()

    async with upstream(behave, servers[case]) as there, AsyncExitStack() as stack:
        way: dict[str, Any] = {"resolve": [f"{HOST}:{there.port}:127.0.0.1"]}
        if scheme != "direct":
            proxy = await stack.enter_async_context(PROXIES[scheme](names=KNOWN))
            way = {"proxy": f"{scheme}://127.0.0.1:{proxy.port}"}
        transport = await stack.enter_async_context(reaching(ca_bundle=authority.bundle(tmp_path), **way))
        steps = Steps()
        with pytest.raises(ConnectFailed) as failed:
            await transport.open(ask(there.port), steps)
        assert told(failed.value, there) == what
        assert steps.seen == []


@pytest.mark.parametrize("scheme", PROXIES)
@pytest.mark.parametrize("upstream_scheme", ["http", "https"])
async def test_a_proxy_that_needs_a_password(scheme: str, upstream_scheme: str) -> None:
    async with PROXIES[scheme](credentials=("jdoe", "right")) as proxy:
        async with reaching(proxy=f"{scheme}://127.0.0.1:{proxy.port}") as transport:
            with pytest.raises(ConnectFailed, match="the proxy asks for a user name and a password"):
                await transport.open(ask(443, upstream_scheme), Steps())
        async with reaching(proxy=f"{scheme}://jdoe:secret@127.0.0.1:{proxy.port}") as transport:
            with pytest.raises(ConnectFailed) as failed:
                await transport.open(ask(443, upstream_scheme), Steps())
            assert "does not accept the user name and password" in told(failed.value, Upstream(proxy.port))


@pytest.mark.parametrize("scheme", PROXIES)
async def test_a_proxy_that_is_not_there(scheme: str) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        async with reaching(proxy=f"{scheme}://127.0.0.1:{closed.getsockname()[1]}") as transport:
            with pytest.raises(ConnectFailed, match="the proxy could not be reached"):
                await transport.open(ask(443), Steps())


async def test_proxies_that_refuse() -> None:
    async with http_proxy(refusal=403) as proxy, reaching(proxy=f"http://127.0.0.1:{proxy.port}") as transport:
        with pytest.raises(ConnectFailed, match=r"the proxy refused to connect to it \(status 403\)"):
            await transport.open(ask(443), Steps())
    async with socks_proxy(refusal=4) as proxy, reaching(proxy=f"socks5://127.0.0.1:{proxy.port}") as transport:
        with pytest.raises(ConnectFailed, match="the proxy finds its host unreachable"):
            await transport.open(ask(443), Steps())


async def test_a_proxy_that_promises_and_closes() -> None:
    """As `ssh -D` does when the other side cannot be reached: it finds out after it has said yes."""

    async def behave(connection: Connection) -> None:
        connection.reset()

    async with (
        upstream(behave) as there,
        socks_proxy(names=KNOWN) as proxy,
        reaching(proxy=f"socks5://127.0.0.1:{proxy.port}") as transport,
    ):
        with pytest.raises(ConnectFailed, match="the connection was closed while it was being made"):
            await transport.open(ask(there.port), Steps())
