"""Requests as bytes, and replies from bytes however they are cut; h11, no relative of llhttp, is the oracle."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import NamedTuple

import h11
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from argo_relay.errors import ConnectionBroken
from argo_relay.transport.http1 import CLOSED, LARGEST_HEAD, NO_HTTP, TOO_LARGE, Parser, request_head, target_of

OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"transfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "authority", "path"),
    [
        ("http://a.example", "http", "a.example", 80, "a.example", "/"),
        ("https://A.example:443/v1?x=%2F&y=~#f", "https", "a.example", 443, "a.example", "/v1?x=%2F&y=~"),
        ("http://a.example:8080?q", "http", "a.example", 8080, "a.example:8080", "/?q"),
        ("https://[::1]:8443/x", "https", "::1", 8443, "[::1]:8443", "/x"),
        ("https://[::1]/", "https", "::1", 443, "[::1]", "/"),
        ("http://b\u00fccher.example/\u00e4 b%20c", "http", "xn--bcher-kva.example", 80, "xn--bcher-kva.example", None),
    ],
)
def test_what_a_url_names(url: str, scheme: str, host: str, port: int, authority: str, path: str | None) -> None:
    target = target_of(url)
    assert target.origin == (scheme, host, port)
    assert target.authority == authority
    assert target.path == (path or "/%C3%A4%20b%20c")


@pytest.mark.parametrize(
    "url", ["ftp://a.example/", "a.example", "http:///x", "http://a..example\u00e4/", "http://a:x/"]
)
def test_what_is_no_url(url: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        target_of(url)


def test_a_request() -> None:
    fields = [("x-twice", "1"), ("x-twice", "\u00e4")]
    head = request_head("POST", "/v1", "a.example", fields, 3)
    assert head.decode() == (
        "POST /v1 HTTP/1.1\r\nhost: a.example\r\nx-twice: 1\r\nx-twice: \u00e4\r\ncontent-length: 3\r\n\r\n"
    )
    assert b"content-length: 0" in request_head("POST", "/", "a", [], None)
    assert b"content-length" not in request_head("GET", "/", "a", [], None)


@pytest.mark.parametrize("bad", ["1\r\nx: 2", "1\nx", "1\rx", "1\0"])
def test_no_field_holds_another(bad: str) -> None:
    for fields, path in (([("x", bad)], "/"), ([(bad, "x")], "/"), ([], f"/{bad}")):
        with pytest.raises(ValueError, match="line end"):
            request_head("GET", path, "a", fields, None)


class Read(NamedTuple):
    """What a parser makes of bytes."""

    status: int
    reason: str
    headers: dict[str, str]
    body: bytes
    ended: bool
    reusable: bool


def read(pieces: Iterable[bytes], *, closed: bool = False) -> Read:
    parser, body = Parser(), b""
    for piece in pieces:
        parser.feed(piece)
        body += b"".join(parser.pieces)
        parser.pieces.clear()
    if closed:
        parser.finish()
    return Read(parser.status, parser.reason, parser.headers, body, parser.ended, parser.reusable)


def cuttings(data: bytes) -> list[list[bytes]]:
    """Return bytes in one piece, in two cut anywhere, and one by one."""
    every = [[data[at : at + 1] for at in range(len(data))], [data]]
    return every + [[data[:at], data[at:]] for at in range(1, len(data))]


LINK = b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n"
READ = {
    # the bytes: body, whether the connection may serve again
    "a length": (OK + b"content-length: 5\r\n\r\nhello", b"hello", True),
    "no body": (OK + b"content-length: 0\r\n\r\n", b"", True),
    "the end said": (OK + b"connection: close\r\ncontent-length: 5\r\n\r\nhello", b"hello", False),
    "an old version": (b"HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello", b"hello", False),
    "chunks": (CHUNKED + b"2\r\nhe\r\n003\r\nllo\r\n0\r\n\r\n", b"hello", True),
    "extensions": (CHUNKED + b'5;a=b;c="d e"\r\nhello\r\n0;x\r\n\r\n', b"hello", True),
    "trailers": (CHUNKED + b"5\r\nhello\r\n0\r\nx-sum: 1\r\nx-more: 2\r\n\r\n", b"hello", True),
    "upper case": (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\nhellohello\r\n0\r\n\r\n",
        b"hello" * 2,
        True,
    ),
    "hints": (LINK + LINK + b"HTTP/1.1 100 Go\r\n\r\n" + OK + b"content-length: 5\r\n\r\nhello", b"hello", True),
    "no content": (b"HTTP/1.1 204 Nothing\r\n\r\n", b"", True),
    "the same": (b"HTTP/1.1 304 Same\r\ncontent-length: 5\r\n\r\n", b"", True),
    "no reason": (b"HTTP/1.1 200\r\ncontent-length: 5\r\n\r\nhello", b"hello", True),
}


@pytest.mark.parametrize("case", READ)
def test_a_reply_however_it_is_cut(case: str) -> None:
    data, body, reusable = READ[case]
    for pieces in cuttings(data):
        got = read(pieces)
        assert (got.body, got.ended, got.reusable) == (body, True, reusable), pieces
        assert "link" not in got.headers
        assert "x-sum" not in got.headers


@pytest.mark.parametrize("case", READ)
def test_until_its_end_it_has_not_ended(case: str) -> None:
    data, _, _ = READ[case]
    for at in range(1, len(data)):
        assert not read([data[:at]]).ended
        with pytest.raises(ConnectionBroken, match=CLOSED):
            read([data[:at]], closed=True)


@pytest.mark.parametrize("case", [name for name in READ if name != "the end said"])
@pytest.mark.parametrize(
    "more", [OK + b"content-length: 3\r\n\r\nbad", b"HTTP/1.1 200", b"\x00", b"GET / HTTP/1.1\r\n\r\n", b"\r\n"]
)
def test_what_follows_a_reply_is_not_read_and_its_connection_not_used_again(case: str, more: bytes) -> None:
    data, body, _ = READ[case]
    for pieces in ([data + more], [data, more], [data[:-1], data[-1:] + more]):
        got = read(pieces)
        assert (got.body, got.ended, got.reusable) == (body, True, False)
        assert "bad" not in got.headers.values()


def test_a_body_that_ends_with_its_connection() -> None:
    for data in (OK + b"x: 1\r\n\r\nhello", b"HTTP/1.0 200 OK\r\n\r\nhello"):
        assert not read([data]).ended
        for pieces in cuttings(data):
            got = read(pieces, closed=True)
            assert (got.body, got.ended, got.reusable) == (b"hello", True, False)


def test_what_the_head_says() -> None:
    got = read(
        [b"HTTP/1.1 201 Made  It \xe4\r\nX-One: 1\r\nx-one:  2 \r\nX-E:\r\nX-Odd: \xe4\r\ncontent-length: 0\r\n\r\n"]
    )
    assert (got.status, got.reason.encode("utf-8", "surrogateescape")) == (201, b"Made  It \xe4")
    assert got.headers == {"x-one": "2", "x-e": "", "x-odd": "\udce4", "content-length": "0"}


@pytest.mark.parametrize(
    ("said", "idle"),
    [("timeout=5", 5), ("Timeout=5, max=100", 5), ("max=100, timeout=75", 75), ("timeout=x", None), ("max=3", None)],
)
def test_how_long_the_server_keeps_a_connection(said: str, idle: int | None) -> None:
    parser = Parser()
    parser.feed(OK + f"keep-alive: {said}\r\ncontent-length: 0\r\n\r\n".encode())
    assert parser.idle == idle


REFUSED = {
    "another protocol": b"SSH-2.0-OpenSSH\r\n",
    "another version": b"HTTP/2.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "a very old version": b"HTTP/0.9 200 OK\r\ncontent-length: 0\r\n\r\n",
    "RTSP": b"RTSP/1.0 200 OK\r\ncontent-length: 0\r\n\r\n",
    "an empty line after a hint": LINK + b"\r\n" + OK + b"content-length: 0\r\n\r\n",
    "an empty line first": b"\r\n" + OK + b"content-length: 0\r\n\r\n",
    "a status of two digits": b"HTTP/1.1 20 OK\r\n\r\n",
    "a status of four digits": b"HTTP/1.1 2000 OK\r\n\r\n",
    "a status too small": b"HTTP/1.1 099 OK\r\n\r\n",
    "another protocol agreed on": b"HTTP/1.1 101 Go\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    "another protocol all the same": b"HTTP/1.1 101 Go\r\n\r\n",
    "a length and chunks": OK + b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
    "chunks and a length": OK + b"transfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n",
    "two lengths": OK + b"content-length: 5\r\ncontent-length: 6\r\n\r\n",
    "one length twice": OK + b"content-length: 5\r\ncontent-length: 5\r\n\r\n",
    "a list of lengths": OK + b"content-length: 5, 5\r\n\r\n",
    "a signed length": OK + b"content-length: +5\r\n\r\n",
    "a length that is none": OK + b"content-length: five\r\n\r\n",
    "a length that is empty": OK + b"content-length:\r\n\r\n",
    "a length beyond numbers": OK + b"content-length: 99999999999999999999\r\n\r\n",
    "chunked twice": OK + b"transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n",
    "chunked twice, in other letters": OK + b"transfer-encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    "chunked and nothing": OK + b"transfer-encoding:\r\ntransfer-encoding: chunked\r\n\r\n",
    "another encoding of a hint": b"HTTP/1.1 103 Hint\r\ntransfer-encoding: gzip\r\n\r\n" + OK + b"\r\n",
    "chunked in a list": OK + b"transfer-encoding: gzip, chunked\r\n\r\n",
    "another encoding": OK + b"transfer-encoding: gzip\r\n\r\n",
    "nearly chunked": OK + b"transfer-encoding: xchunked\r\n\r\n",
    "chunks in an old version": b"HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "a folded header": OK + b"x: 1\r\n 2\r\n\r\n",
    "a header folded at once": OK + b" x: 1\r\n\r\n",
    "a bare line feed": OK + b"x: 1\ny: 2\r\n\r\n",
    "a bare line feed at the end": OK + b"x: 1\r\n\n",
    "a bare line feed first": b"HTTP/1.1 200 OK\nx: 1\r\n\r\n",
    "a bare carriage return": OK + b"x: 1\ry: 2\r\n\r\n",
    "a space before the colon": OK + b"x : 1\r\n\r\n",
    "a header without a colon": OK + b"nothing\r\n\r\n",
    "a header without a name": OK + b": 1\r\n\r\n",
    "a NUL": OK + b"x: a\0b\r\n\r\n",
    "a size that is none": CHUNKED + b"no\r\n",
    "a size with a sign": CHUNKED + b"-5\r\n",
    "a size with a prefix": CHUNKED + b"0x5\r\n",
    "a size with a space": CHUNKED + b"5 \r\n",
    "a size beyond numbers": CHUNKED + b"fffffffffffffffff\r\n",
    "a size with a bare line feed": CHUNKED + b"5\nhello\r\n",
    "a chunk too long": CHUNKED + b"4\r\nhello\r\n",
    "a chunk with a bare line feed": CHUNKED + b"5\r\nhello\n0\r\n",
    "a quoted line end": CHUNKED + b'5;a="\r\nhello\r\n',
    "a length among the trailers": CHUNKED + b"0\r\ncontent-length: 5\r\n\r\n",
    "an encoding among the trailers": CHUNKED + b"0\r\nx: 1\n\r\n",
    "a folded trailer": CHUNKED + b"0\r\nx: 1\r\n y\r\n\r\n",
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_ambiguous_or_no_http_is_refused_however_it_is_cut(case: str) -> None:
    for pieces in cuttings(REFUSED[case]):
        with pytest.raises(ConnectionBroken, match=NO_HTTP):
            read(pieces)


def endless(start: bytes, again: bytes) -> int:
    """Return how many bytes are taken of what never gets anywhere."""
    parser = Parser()
    parser.feed(start)
    fed: list[int] = []
    with pytest.raises(ConnectionBroken, match=TOO_LARGE):
        feed_for_ever(parser, again, fed)
    return sum(fed)


def feed_for_ever(parser: Parser, again: bytes, fed: list[int]) -> None:
    while True:
        parser.feed(again)
        fed.append(len(again))


@pytest.mark.parametrize(
    ("start", "again"),
    [
        (OK + b"x: ", b"y" * 100),
        (OK, b"x: y\r\n"),
        (b"HTTP/1.1 200 ", b"O"),
        (b"H", b"TTP/1.1 103 Hint\r\n\r\nH"),
        (CHUNKED + b"5;", b"x" * 100),
        (CHUNKED + b"5\r\nhello\r\n0\r\nx: ", b"y" * 100),
        (CHUNKED + b"5\r\nhello\r\n0\r\n", b"x: y\r\n"),
    ],
)
def test_what_never_gets_anywhere_has_an_end(start: bytes, again: bytes) -> None:
    assert LARGEST_HEAD - 1000 < endless(start, again) < LARGEST_HEAD + 1000


def test_the_largest_head() -> None:
    most = LARGEST_HEAD - 200
    assert read([OK + b"x: " + b"y" * most + b"\r\ncontent-length: 0\r\n\r\n"]).ended
    with pytest.raises(ConnectionBroken, match=TOO_LARGE):
        read([OK + b"x: " + b"y" * LARGEST_HEAD + b"\r\ncontent-length: 0\r\n\r\n"])


def test_small_chunks_may_go_on_for_ever() -> None:
    parser = Parser()
    parser.feed(CHUNKED)
    for _ in range(50_000):
        parser.feed(b"1\r\nx\r\n")
    assert len(parser.pieces) == 50_000


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def by_h11(data: bytes, *, closed: bool) -> Read:
    """Return what h11 makes of bytes; raises its RemoteProtocolError."""
    oracle = h11.Connection(h11.CLIENT)
    oracle.send(h11.Request(method="GET", target="/", headers=[("host", "x")]))
    oracle.send(h11.EndOfMessage())
    oracle.receive_data(data)
    if closed:
        oracle.receive_data(b"")
    status, reason, headers, body, ended = 0, "", {}, b"", False
    while (event := oracle.next_event()) not in (h11.NEED_DATA, h11.PAUSED):
        if isinstance(event, h11.Response):
            status, reason = event.status_code, text(event.reason)
            headers = {text(name): text(value) for name, value in event.headers}
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        elif isinstance(event, h11.EndOfMessage):
            ended = True
            break
    reusable = ended and oracle.their_state is h11.DONE and oracle.trailing_data == (b"", False)
    return Read(status, reason, headers, body, ended, reusable)


TOKEN = st.text("abcXYZ019-_!#", min_size=1, max_size=8)
VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20).map(str.strip)
FIELDS = st.lists(st.tuples(TOKEN.map("x-{}".format), VALUE), max_size=4)


def lines(fields: list[tuple[str, str]]) -> bytes:
    return b"".join(f"{name}: {value}\r\n".encode() for name, value in fields)


@st.composite
def replies(draw: st.DrawFn) -> tuple[bytes, bool]:
    """Return a reply that follows the rules, and whether its end is that of the connection."""
    hints = draw(st.lists(st.tuples(st.sampled_from([100, 102, 103]), FIELDS), max_size=2))
    data = b"".join(b"HTTP/1.1 %d Hint\r\n%s\r\n" % (status, lines(fields)) for status, fields in hints)
    status = draw(st.sampled_from([200, 201, 204, 206, 302, 304, 400, 404, 429, 500, 503, 599]))
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.0"]))
    data += b"HTTP/%s %d %s\r\n" % (version, status, draw(VALUE).encode())
    data += lines(draw(FIELDS))
    if draw(st.booleans()):
        data += draw(st.sampled_from([b"Connection: close\r\n", b"connection:  x-abc, Close \r\n"]))
    body = draw(st.lists(st.binary(min_size=1, max_size=30), max_size=4))
    framing = draw(st.sampled_from(["length", "chunks", "close"] if version == b"1.1" else ["length", "close"]))
    if status in (204, 304):
        return data + b"\r\n", False
    if framing == "length":
        whole = b"".join(body)
        return data + b"Content-Length: %d\r\n\r\n%s" % (len(whole), whole), False
    if framing == "close":
        return data + b"\r\n" + b"".join(body), True
    data += b"Transfer-Encoding: chunked\r\n\r\n"
    for piece in body:
        extension = draw(st.sampled_from([b"", b";a", b";a=b", b';a="b c"']))
        data += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
    return data + b"0\r\n" + lines(draw(FIELDS)) + b"\r\n", False


@settings(max_examples=400, deadline=None)
@given(reply=replies(), cuts=st.lists(st.integers(0, 300), max_size=6))
def test_what_h11_reads_is_read_alike_however_it_is_cut(reply: tuple[bytes, bool], cuts: list[int]) -> None:
    data, closed = reply
    places = [0, *sorted({cut for cut in cuts if 0 < cut < len(data)}), len(data)]
    pieces = [data[start:end] for start, end in pairwise(places)]
    assert read(pieces, closed=closed) == by_h11(data, closed=closed)


@settings(max_examples=600, deadline=None)
@given(
    reply=replies(),
    at=st.integers(0, 300),
    gone=st.integers(0, 3),
    put=st.sampled_from(
        [b"", b"\n", b"\r", b"\r\n", b" ", b"0", b"9", b";", b":", b",", b"\0", b"\xff", b"content-length: 1\r\n"]
    ),
)
@example(reply=(CHUNKED + b"1\r\nx\r\n0\r\n\r\n", False), at=17, gone=0, put=b"content-length: 1\r\n")
def test_what_is_damaged_is_refused_or_means_the_same_to_h11(
    reply: tuple[bytes, bool], at: int, gone: int, put: bytes
) -> None:
    """Two readers that see different ends in the same bytes are what smuggling is made of."""
    data, closed = reply
    data = data[:at] + put + data[at + gone :]
    try:
        got = read([data], closed=closed)
        wanted = by_h11(data, closed=closed)
    except (ConnectionBroken, h11.RemoteProtocolError):
        return
    assert (got.status, got.body, got.ended) == (wanted.status, wanted.body, wanted.ended)
