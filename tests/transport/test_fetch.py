"""Fetching by URL against raw sockets: what is asked, what is followed, what is cut, and where nobody ever connects."""

from __future__ import annotations

import asyncio
import base64
import gzip
import socket
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from argo_relay.errors import FetchFailed
from argo_relay.policy.addresses import fence_of
from argo_relay.policy.fetching import FetchRules, Kind
from argo_relay.transport.fetch import fetch
from support.inside import full_queue
from support.said import DOT
from support.upstream import PATIENCE, Connection, Upstream, upstream

PNG = base64.b64decode(DOT)
PDF = b"%PDF-1.7\n" + b"x" * 100
UNREACHABLE = "its server cannot be reached, or is not one that the relay may ask"


def rules(*allowed: str, size: int = 10_000, kinds: tuple[Kind, ...] = ("image",)) -> FetchRules:
    return FetchRules(size=size, kinds=frozenset(kinds), fence=fence_of(allowed))


OPEN = rules("127.0.0.1")


def answer(body: bytes, *headers: str, status: str = "200 OK", length: int | None = None) -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"content-length: {len(body) if length is None else length}", "", ""]
    return "\r\n".join(lines).encode() + body


def moved(to: str, status: str = "302 Found") -> bytes:
    return answer(b"not that", f"location: {to}", status=status)


def serves(*replies: bytes, **paths: bytes) -> Callable[[Connection], Awaitable[None]]:
    """Return a server: `replies` one after the other, or by the last part of the path; PORT stands for its own."""
    left = list(replies)

    async def behave(connection: Connection) -> None:
        await connection.request()
        asked = connection.heads[-1].split()[1].decode().partition("?")[0].rpartition("/")[2]
        reply = paths[asked] if asked in paths else left.pop(0) if len(left) > 1 else left[0]
        port = connection.writer.get_extra_info("sockname")[1]
        await connection.say(reply.replace(b"PORT", str(port).encode()))
        await connection.end()

    return behave


async def failed(url: str, rules: FetchRules) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        async with asyncio.timeout(PATIENCE):
            await fetch(url, rules)
    for secret in ("127.0.0.1", "localhost", "secret"):
        assert secret not in f"{caught.value} {caught.value.__cause__}"
    return caught.value


def asked(there: Upstream) -> list[str]:
    return [head.split()[1].decode() for head in there.heads]


async def test_an_image_is_fetched_with_nothing_said_of_anybody() -> None:
    async with upstream(serves(answer(PNG, "content-type: text/plain", "set-cookie: a=b"))) as there:
        assert await fetch(there.url + "?a=%2F&b=%7E", OPEN) == ("image/png", PNG)
        head = there.heads[0].decode().strip().split("\r\n")
        await asyncio.wait_for(there.connections[0].ended.wait(), PATIENCE)
    assert head[0] == "GET /secret-path?a=%2F&b=%7E HTTP/1.1", "a signature may cover every character"
    assert sorted(line.lower() for line in head[1:]) == [
        "accept-encoding: identity",
        "accept: image/png, image/jpeg, image/gif, image/webp",
        "connection: close",
        f"host: 127.0.0.1:{there.port}",
        "user-agent: argo-relay",
    ]


async def test_a_document_that_comes_in_pieces() -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(len(PDF)):
            await connection.say(b"1\r\n" + PDF[at : at + 1] + b"\r\n")
        await connection.say(b"0\r\n\r\n")

    async with upstream(behave) as there:
        assert await fetch(there.url, rules("127.0.0.1", kinds=("document",))) == ("application/pdf", PDF)


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See", "307 Temporary", "308 Permanent"])
async def test_redirects_are_followed(status: str) -> None:
    pages = {"a": moved("b?x=%7E#f", status), "b": moved("//127.0.0.1:PORT/c", status), "d": answer(PNG)}
    async with upstream(serves(**pages, c=moved("http://127.0.0.1:PORT/d", status))) as there:
        assert (await fetch(f"http://127.0.0.1:{there.port}/a", OPEN)).data == PNG
        assert asked(there) == ["/a", "/b?x=%7E", "/c", "/d"]
        assert not any(b"cookie" in head.lower() or b"referer" in head.lower() for head in there.heads)


async def test_redirects_have_an_end() -> None:
    async with upstream(serves(a=moved("b"), b=moved("a"))) as there:
        error = await failed(f"http://127.0.0.1:{there.port}/a", OPEN)
        assert len(there.heads) == 4
    assert (error.code, error.reason) == ("invalid_image_url", "it was redirected more than 3 times")


@pytest.mark.parametrize(
    ("to", "why"),
    [
        ("file:///etc/passwd", "only http and https"),
        ("ftp://127.0.0.1/a", "only http and https"),
        ("data:image/png;base64,QUJD", "only http and https"),
        ("http://a:b@127.0.0.1:PORT/", "a user name or a password"),
        ("http://127.0.0.2:PORT/", UNREACHABLE),
        ("http://[::1]:PORT/", UNREACHABLE),
        ("http://[::ffff:127.0.0.1]:PORT/", UNREACHABLE),
        ("http://169.254.169.254/latest/meta-data", UNREACHABLE),
        ("http://2130706433:PORT/", "not a valid one"),
        ("http://[::1", "not a valid one"),
    ],
)
async def test_a_redirect_is_judged_like_a_url_that_was_given(to: str, why: str) -> None:
    async with upstream(serves(moved(to), answer(PNG))) as there:
        error = await failed(there.url, OPEN)
        assert len(there.connections) == 1, "nobody else was asked"
    assert why in error.reason


# Digits that IDNA takes for 1, 2 and 7.
WIDE, ROUND = "\uff11\uff12\uff17", "\u2460\u2461\u2466"
NUMBERS = ("127.0.0.1", "127.1", "127.0.1", "2130706433", "0x7f000001", "0x7f.0.0.1", "017700000001", "0177.0.0.1")
NAMES = ("0.0.0.0", "0", "localhost", "LOCALHOST", "localhost.", "10.0.0.1", "169.254.169.254", "metadata.invalid")
IPV6 = ("[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]", "[0:0:0:0:0:0:0:1]", "[::1%25lo]")
OTHERS = ("[fe80::1%25lo]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "%31%32%37.0.0.1", "127\u30020\u30020\u30021")


@pytest.mark.parametrize("host", [*NUMBERS, *NAMES, *IPV6, *OTHERS, f"{WIDE}.0.0.1", f"{ROUND}.0.0.1"], ids=ascii)
async def test_no_way_of_writing_it_leads_inside(host: str) -> None:
    async with upstream(serves(answer(PNG))) as there:
        error = await failed(f"http://{host}:{there.port}/a.png", rules())
        assert not there.connections
    assert error.code == "invalid_image_url"
    assert error.reason.startswith((UNREACHABLE, "its URL is not a valid one"))


async def test_what_is_not_allowed_is_told_like_what_is_not_there() -> None:
    """Otherwise clients could ask which machines there are."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        reasons = {
            (await failed(f"http://127.0.0.1:{port}/", rules())).reason,
            (await failed(f"http://127.0.0.1:{port}/", OPEN)).reason,
            (await failed("http://no-such-name.invalid/", OPEN)).reason,
            (await failed(f"http://localhost:{port}/", rules())).reason,
        }
    assert len(reasons) == 1


def resolves(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Have every look-up of a name give the next of these lists of addresses, the last for ever; return the names."""
    names: list[str] = []
    left = list(answers)

    def look_up(host: str, port: int, **_: Any) -> Any:
        names.append(host)
        found = left.pop(0) if len(left) > 1 else left[0]
        family = {False: socket.AF_INET, True: socket.AF_INET6}
        return [(family[":" in one], socket.SOCK_STREAM, 6, "", (one, port)) for one in found]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


async def test_a_name_that_means_something_else_a_moment_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """127.0.0.1 stands for the outside here, 127.0.0.2 for the inside."""
    names = resolves(monkeypatch, ["127.0.0.1"], ["127.0.0.2"])
    async with upstream(serves(moved("http://rebound.example:PORT/again"), answer(PNG))) as there:
        inside = await asyncio.start_server(lambda *_: pytest.fail("connected"), "127.0.0.2", there.port)
        async with inside:
            url = f"http://rebound.example:{there.port}/a"
            # Looked up once for each hop; the address that was judged is the one that is connected to.
            error = await failed(url, OPEN)
            assert names == ["rebound.example"] * 2
            assert len(there.connections) == 1
            await failed(url, OPEN)
            assert len(there.connections) == 1
    assert UNREACHABLE in error.reason


async def test_of_several_addresses_only_those_outside_are_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ["10.0.0.1", "::1", "127.0.0.2", "127.0.0.1", "::ffff:127.0.0.1"])
    async with upstream(serves(answer(PNG))) as there:
        assert (await fetch(f"http://mixed.example:{there.port}/", OPEN)).data == PNG
        assert f"host: mixed.example:{there.port}".encode() in there.heads[0].lower()
        resolves(monkeypatch, ["10.0.0.1", "::1", "127.0.0.2"])
        await failed(f"http://mixed.example:{there.port}/", OPEN)
        assert len(there.connections) == 1


async def test_over_tls_the_name_is_the_one_that_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    resolves(monkeypatch, ["127.0.0.1"])
    hellos = []

    async def behave(connection: Connection) -> None:
        hellos.append(await connection.reader.read(10_000))

    async with upstream(behave) as there:
        await failed(f"https://named.example:{there.port}/", OPEN)
    assert all(b"named.example" in hello for hello in hellos)
    assert hellos


async def test_a_host_that_is_allowed_by_name() -> None:
    async with upstream(serves(moved("http://127.0.0.1:PORT/x"))) as there:
        error = await failed(f"http://localhost:{there.port}/", rules("localhost"))
        assert len(there.connections) == 1, "the name is allowed, and not its address"
    assert UNREACHABLE in error.reason


@pytest.mark.parametrize(
    ("reply", "code", "reason"),
    [
        (answer(b"no", status="404 Not Found"), "invalid_image_url", "its server answered 404"),
        (answer(b"no", status="500 Oops"), "invalid_image_url", "its server answered 500"),
        (answer(b"", status="302 Found"), "invalid_image_url", "its server answered 302"),
        (answer(b"", status="304 Same"), "invalid_image_url", "its server answered 304"),
        (answer(PNG, status="206 Part"), "invalid_image_url", "its server answered 206"),
        (answer(b"<html>secret</html>", "content-type: image/png"), "invalid_image_format", "is not a PNG, JPEG"),
        (answer(b"<svg xmlns='x'/>", "content-type: image/svg+xml"), "invalid_image_format", "is not a PNG, JPEG"),
        (answer(PDF, "content-type: image/png"), "invalid_image_format", "is not a PNG, JPEG, GIF or WebP image"),
        (answer(b""), "invalid_image_format", "is not a PNG"),
        (answer(gzip.compress(PNG), "content-encoding: gzip"), "invalid_image_format", "is not a PNG"),
        (answer(PNG, length=10_001), "image_too_large", "larger than the 10000 bytes that `images.max_size`"),
        (answer(PNG, length=1000), "invalid_image_url", "broke the connection"),
        (b"", "invalid_image_url", "broke the connection"),
        (b"SSH-2.0-secret\r\n", "invalid_image_url", "something that is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nx: " + b"x" * 100_000, "invalid_image_url", "something that is not HTTP"),
    ],
)
async def test_what_goes_wrong_is_told(reply: bytes, code: str, reason: str) -> None:
    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(reply)

    async with upstream(behave) as there:
        error = await failed(there.url, OPEN)
    assert (error.code, reason in error.reason) == (code, True), error.reason


@pytest.mark.parametrize("start", [PNG, b"<html>"])
async def test_a_server_that_goes_on_for_ever_is_cut(start: bytes) -> None:
    """Without a length, the size is watched while it comes; what is no image is not even waited for."""
    sent = 0

    async def behave(connection: Connection) -> None:
        nonlocal sent
        await connection.request()
        await connection.say(b"HTTP/1.1 200 OK\r\n\r\n" + start)
        while True:
            await connection.say(b"x" * 1000)
            sent += 1000

    async with upstream(behave) as there:
        error = await failed(there.url, rules("127.0.0.1", size=100_000))
        await asyncio.wait_for(there.connections[0].ended.wait(), PATIENCE)
    assert error.code == ("image_too_large" if start == PNG else "invalid_image_format")
    assert sent < 30_000_000


async def test_the_very_size_is_not_too_large() -> None:
    async with upstream(serves(answer(PNG))) as there:
        assert (await fetch(there.url, rules("127.0.0.1", size=len(PNG)))).data == PNG
        assert (await failed(there.url, rules("127.0.0.1", size=len(PNG) - 1))).code == "image_too_large"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n" + PNG])
async def test_a_fetch_that_is_cancelled_cuts_its_connection(said: bytes) -> None:
    heard = asyncio.Event()

    async def behave(connection: Connection) -> None:
        await connection.request()
        await connection.say(said)
        heard.set()
        await connection.end()

    async with upstream(behave) as there:
        running = asyncio.create_task(fetch(there.url, OPEN))
        await asyncio.wait_for(heard.wait(), PATIENCE)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.wait_for(there.connections[0].ended.wait(), PATIENCE)


async def test_a_fetch_that_is_cancelled_while_it_connects() -> None:
    with full_queue() as url:
        running = asyncio.create_task(fetch(url, OPEN))
        for _ in range(20):
            await asyncio.sleep(0)
        assert not running.done()
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running


async def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with upstream(serves(answer(PNG))) as there:
        assert (await fetch(there.url, OPEN)).data == PNG


async def test_a_url_with_a_fault_is_not_asked_for() -> None:
    async with upstream(serves(answer(PNG))) as there:
        error = await failed(f"http://a:b@127.0.0.1:{there.port}/", OPEN)
        assert not there.connections
    assert "user name" in error.reason
    assert "not a valid one" in (await failed(f"http://{'a' * 300}.example/", OPEN)).reason
    assert "not a valid one" in (await failed("http://a..example/", OPEN)).reason
