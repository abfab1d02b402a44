"""HTTP/1.1 without sockets: a request as bytes, and a reply from bytes as they come, cut anywhere.

The parser is llhttp, Node's own, in its strict form: bare line feeds, folded headers, several lengths, and a length
beside a transfer encoding are refused (https://www.rfc-editor.org/rfc/rfc9112#section-6.3).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import quote, urlsplit

import httptools

from argo_relay.dialects.base import Headers
from argo_relay.errors import ConnectionBroken

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of a reply's head with all hints before it; also of what carries nothing between two pieces of a body."""

CLOSED: Final = "it closed the connection before its answer was complete"
NO_HTTP: Final = "it answered with something that is not HTTP"
TOO_LARGE: Final = f"it answered with something too large: a head of more than {LARGEST_HEAD >> 10} KiB"

_PORTS: Final = {"http": 80, "https": 443}
_END: Final = b"\r\n\r\n"
_VERSIONS: Final = ("HTTP/1.1", "HTTP/1.0")
_ENCODED: Final = "\r\ntransfer-encoding:"
_PLAIN: Final = re.compile(r"[!-~]+")
_SAFE: Final = "".join(map(chr, range(33, 127)))
_WITHOUT_BODY: Final = (204, 304)
_WITH_BODY: Final = ("POST", "PUT", "PATCH")
_TIMEOUT: Final = re.compile(r"(?:^|[,\s])timeout=([0-9]{1,6})(?:$|[,\s])", re.IGNORECASE)


class Origin(NamedTuple):
    """Whom a connection is for: what can share one has the same."""

    scheme: str
    host: str
    port: int


class Target(NamedTuple):
    """What a URL asks for, and of whom."""

    origin: Origin
    authority: str
    """What the header `host` says."""
    path: str
    """Path and query."""


@lru_cache(512)
def target_of(url: str) -> Target:
    """Return what an http or https URL names; raise ValueError for what is none."""
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise ValueError("not an http or https URL")
    host = parts.hostname
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    usual = _PORTS[parts.scheme]
    port = parts.port or usual
    shown = f"[{host}]" if ":" in host else host
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not _PLAIN.fullmatch(path):
        path = quote(path, safe=_SAFE)
    return Target(Origin(parts.scheme, host, port), shown if port == usual else f"{shown}:{port}", path)


def request_head(method: str, target: str, authority: str, headers: Headers, length: int | None) -> bytes:
    """Return a request's bytes up to its body, whose length is given; raise ValueError for a line end in a field.

    Three searches in what is joined without line ends take a third of the time of counting those (`timeit`: 0.75 and
    1.05 us for a head of seven lines).
    """
    lines = [f"{method} {target} HTTP/1.1", f"host: {authority}"]
    lines += [f"{name}: {value}" for name, value in headers]
    if length is not None or method in _WITH_BODY:
        lines.append(f"content-length: {length or 0}")
    bare = "".join(lines)
    if "\n" in bare or "\r" in bare or "\0" in bare:
        raise ValueError("a header holds a line end")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


class Parser:
    """Reads one reply. What `feed` and `finish` raise is ConnectionBroken, and the connection is of no more use.

    llhttp reads heads and chunks. It is never given more than it needs: it would pass over empty lines after a reply.
    It says whether a head is one; the headers are then read from its lines, for a call back for each takes longer
    (0.45 us of the 3.4 that a reply's parsing took).
    """

    __slots__ = (
        "_barren",
        "_chunked",
        "_fresh",
        "_head",
        "_left",
        "_llhttp",
        "_tail",
        "begun",
        "ended",
        "headers",
        "idle",
        "on_body",
        "pieces",
        "reason",
        "reusable",
        "status",
        "touched",
    )

    def __init__(self) -> None:
        self.status = 0
        self.reason = ""
        self.headers: dict[str, str] = {}
        """By lower-case name; of one that is repeated, the last."""
        self.touched = False
        """Whether a single byte has come."""
        self.begun = False
        """Whether the head is complete; hints before it (1xx) are passed over."""
        self.ended = False
        self.reusable = False
        """Whether the connection may serve again after this reply."""
        self.idle: int | None = None
        """Seconds that the server says it keeps an idle connection."""
        self.pieces: list[bytes] = []
        """Of the body, as they came; whoever takes them clears the list."""
        self.on_body = self.pieces.append
        self._barren = 0
        """Bytes since the last that were anybody's."""
        self._fresh = True
        """Whether the next byte is a head's first."""
        self._head: list[bytes] = []
        """The head, as it came."""
        self._tail = b""
        """The last bytes before these, where an end may have begun."""
        self._chunked = False
        """The head is complete, and chunks follow."""
        self._left: int | None = None
        """Bytes that a body of declared length lacks."""
        self._llhttp: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """Take what has arrived, at least one byte."""
        llhttp = self._llhttp
        if not self._chunked or llhttp is None:
            self._feed_other(data)
            return
        # A stream's events come here, each to caches that others have emptied: it is one function for that.
        pieces = self.pieces
        before = len(pieces)
        try:
            llhttp.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refused(error)
        if self.ended:
            self._end_chunks(data)
            return
        self._tail = data[-len(_END) :] if len(data) >= len(_END) else (self._tail + data)[-len(_END) :]
        if len(pieces) > before:
            self._barren = 0
            return
        self._barren += len(data)
        if self._barren > LARGEST_HEAD:
            raise ConnectionBroken(TOO_LARGE)

    def finish(self) -> None:
        """Take note that the other side has closed, which ends a reply without a length."""
        self._llhttp = None
        if self.begun and self._left is None and not self._chunked:
            self.ended = True
        if not self.ended:
            raise ConnectionBroken(CLOSED)

    def abandon(self) -> None:
        """Let go of what it holds: nothing more will be fed."""
        # It holds our methods, and we hold it: nothing but the garbage collector would part us.
        self._llhttp = None

    def _feed_other(self, data: bytes) -> None:
        """Take what is part of a head, or of a body that is not in chunks."""
        self.touched = True
        if not self.begun:
            data = self._feed_head(data)
            if not data:
                return
        if self.ended:
            self.reusable = False
        elif self._chunked:
            if self._llhttp is not None:
                self.feed(data)
        elif self._left is None:
            self.pieces.append(data)
        else:
            self._feed_counted(data, self._left)

    def _feed_head(self, data: bytes) -> bytes:
        """Return what follows the head."""
        while data and not self.begun:
            if self._fresh and data[:1] != b"H":
                # llhttp would pass over empty lines here, too, and take RTSP.
                raise ConnectionBroken(NO_HTTP)
            seen = self._tail + data
            found = seen.find(_END)
            self._fresh = found >= 0
            cut = found + len(_END) - len(self._tail) if self._fresh else len(data)
            self._barren += cut
            if self._barren > LARGEST_HEAD:
                raise ConnectionBroken(TOO_LARGE)
            self._tail = b"" if self._fresh else seen[1 - len(_END) :]
            piece = data[:cut]
            self._head.append(piece)
            self._execute(piece)
            data = data[cut:]
        if self.ended or (self.begun and not self._chunked):
            self._llhttp = None
        return data

    def _feed_counted(self, data: bytes, left: int) -> None:
        if len(data) > left:
            data = data[:left]
            self.reusable = False
        self.pieces.append(data)
        self._left = left - len(data)
        self.ended = not self._left

    def _end_chunks(self, data: bytes) -> None:
        """Take note that these bytes end the last chunk, or go beyond it."""
        self._llhttp = None
        # Nothing but a line end twice ends it; before that stands a size or a trailer.
        seen = (self._tail + data)[-len(_END) - 1 :]
        if not seen.endswith(_END) or seen[0] in b"\r\n":
            self.reusable = False

    def _execute(self, data: bytes) -> None:
        if self._llhttp is None:
            return
        try:
            self._llhttp.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._refused(error)

    def _refused(self, error: Exception) -> None:
        if not self.ended:
            raise _broken(error) from None
        # What follows a reply that has ended belongs to none.
        self.reusable = False

    def on_message_begin(self) -> None:
        """See llhttp."""
        if self.ended:
            # Another reply, which nobody has asked for: not a byte of it is read.
            raise ConnectionBroken(NO_HTTP)

    def on_headers_complete(self) -> None:
        """See llhttp, which has found the head to be as it should: lines end with CRLF, names with their colons."""
        llhttp = self._llhttp
        if llhttp is None:
            return
        text = b"".join(self._head).decode("utf-8", "surrogateescape")
        self._head.clear()
        first, *lines = text[: -len(_END)].split("\r\n")
        status = llhttp.get_status_code()
        version, _, rest = first.partition(" ")
        if status < 100 or status == 101 or version not in _VERSIONS:
            raise ConnectionBroken(NO_HTTP)
        headers = self.headers = _fields(lines)
        chunked = "transfer-encoding" in headers
        if chunked and (headers["transfer-encoding"].lower() != "chunked" or text.lower().count(_ENCODED) > 1):
            raise ConnectionBroken(NO_HTTP)
        if status < 200:
            self.headers = {}
            return
        if chunked and version != "HTTP/1.1":
            # https://www.rfc-editor.org/rfc/rfc9112#section-6.1: its framing is faulty.
            raise ConnectionBroken(NO_HTTP)
        self._chunked = chunked
        self.status = status
        self.reason = rest[4:]
        if status in _WITHOUT_BODY:
            self._left = 0
        elif not chunked and "content-length" in headers:
            self._left = int(headers["content-length"])
        self.reusable = (chunked or self._left is not None) and llhttp.should_keep_alive()
        if "keep-alive" in headers and (found := _TIMEOUT.search(headers["keep-alive"])):
            self.idle = int(found[1])
        self._barren = 0
        self.begun = True

    def on_message_complete(self) -> None:
        """See llhttp; hints are messages, too."""
        if self.begun:
            self.ended = True


def _fields(lines: list[str]) -> dict[str, str]:
    """Return headers by lower-case name, of lines that llhttp has found to be headers."""
    headers = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip(" \t")
    return headers


def _broken(error: Exception) -> ConnectionBroken:
    """Return what went wrong: our own word, which llhttp has carried, or that its own is no."""
    cause = error.__context__
    return cause if isinstance(cause, ConnectionBroken) else ConnectionBroken(NO_HTTP)
