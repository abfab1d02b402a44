"""What any bytes must do to each parser: the targets of `proofs/fuzz.py`, and of the tests that keep what it found.

A target takes bytes and returns nothing; it raises when a promise of `dialects.base` or `framing.base` is broken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container
from contextlib import suppress
from functools import cache, partial
from typing import Final

from argo_relay.dialects.base import Dialect, Incoming, Target
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import BadJson, ConnectionBroken, Refused
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame, Framing
from argo_relay.framing.jsonarray import JSON_ARRAY
from argo_relay.framing.sse import SSE
from argo_relay.neutral.events import Event, Failed, Heartbeat
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import Fold
from argo_relay.transport.http1 import Parser
from support import corpus
from support.goldens import FOLDER
from support.grammar import Grammar
from support.sights import plain_request
from support.skims import skimmed_otherwise

_LATE: Final = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.", code="timeout_total")
HTTP: Final = "reads_http"
"""The target that reads no JSON."""
_MODELS: Final = (
    Target(model="m"),
    Target(model="gpt-5", owner="openai", max_output=10),
    Target(model="claude-opus-4-5", owner="anthropic", max_output=64000),
    Target(model="gemini-3-pro", owner="google"),
)


_REPLIES: Final = (
    b"HTTP/1.1 200 OK\r\nKeep-Alive: timeout=5\r\nContent-Length: 5\r\n\r\nhello",
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nx-sum: 1\r\n\r\n',
    b"HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\nHTTP/1.0 404 Not Found\r\nConnection: close\r\n\r\nno",
    b"HTTP/1.1 204 Nothing\r\n\r\nHTTP/1.1 304 Same\r\ncontent-length: 5\r\n\r\n",
)


def splits(framing: Framing, wire: bytes) -> None:
    """Any cuts give the same frames, which joined are what came."""
    whole = _cut(framing, wire, len(wire) or 1)
    assert b"".join(frame.raw for frame in whole) == wire
    for size in (1, 2, 3, 7, 64):
        assert _cut(framing, wire, size) == whole, f"cut into {size}"


def _cut(framing: Framing, wire: bytes, size: int) -> list[Frame]:
    splitter = framing.splitter()
    frames = [frame for at in range(0, len(wire), size) for frame in splitter.feed(wire[at : at + size])]
    frames += splitter.finish()
    assert splitter.pending == 0
    return frames


def reads_stream(dialect: Dialect, wire: bytes) -> None:
    """Any stream becomes events that keep to the grammar, and every dialect can write those and their sum."""
    decoder, grammar, fold = dialect.stream_decoder(), Grammar(), Fold()
    events: list[Event] = []
    for frame in _frames(dialect, wire):
        events += decoder.feed(frame)
    events += decoder.finish()
    for event in events:
        grammar.feed(event)
        fold.feed(event)
    grammar.finish()
    for client in DIALECTS.values():
        _write(client, [Heartbeat(), *events])
        if fold.stop is not None:
            _json(client.encode_reply(fold.reply(), plain_request(client.name))[0])


def _write(client: Dialect, events: list[Event]) -> None:
    encoder = client.stream_encoder(plain_request(client.name, stream=True))
    for event in events:
        splitter = client.framing.splitter()
        for frame in splitter.feed(encoder.feed(event)):
            if frame.data and frame.data != b"[DONE]":
                _json(frame.data)
        assert splitter.pending == 0, f"half a frame for {event}"


def watches_stream(dialect: Dialect, wire: bytes) -> None:
    """Any stream is let through, whether it ends or is ended; and it is seen alike at a glance and frame by frame."""
    for late in (False, True):
        watch = dialect.watch_stream()
        for frame in _frames(dialect, wire):
            watch.feed(frame)
        if late:
            watch.fail(_LATE)
        else:
            watch.finish()
    for size in (300, len(wire) or 1):
        pieces = [wire[at : at + size] for at in range(0, len(wire), size)]
        assert not list(skimmed_otherwise(dialect, pieces)), f"in pieces of {size}"


def _frames(dialect: Dialect, wire: bytes) -> list[Frame]:
    array = dialect.name == "google" and wire.lstrip().startswith(b"[")
    return _cut(JSON_ARRAY if array else dialect.framing, wire, len(wire) or 1)


def reads_request(dialect: Dialect, body: bytes) -> None:
    """Any request is a 400 or can be said in every dialect."""
    try:
        request = dialect.decode_request(dialect.outline(Incoming(body=body, model="m", stream=True)))
    except Refused as refused:
        _told(refused.failure, statuses=(400,))
        return
    for upstream in DIALECTS.values():
        for target in _MODELS:
            _json(jsonx.encode(upstream.encode_request(request, target)[0]))


def reads_reply(dialect: Dialect, body: bytes) -> None:
    """Any reply is no JSON of ours, an error, or can be said in every dialect."""
    with suppress(BadJson):
        dialect.read_reply(body)
    try:
        reply = dialect.decode_reply(body)
    except BadJson:
        return
    except Refused as refused:
        _told(refused.failure)
        return
    for client in DIALECTS.values():
        _json(client.encode_reply(reply, plain_request(client.name))[0])


def reads_error(dialect: Dialect, body: bytes) -> None:
    """Any error is a Failure that can be told in every dialect."""
    for status in (400, 404, 429, 500, 529):
        _told(dialect.decode_error(status, "Reason", body))


def reads_http(wire: bytes) -> None:
    """Any cuts give the same reply, or none; what is read is never more than what came."""
    whole = _http(wire, len(wire) or 1)
    assert whole is None or len(whole[2]) <= len(wire)
    for size in (1, 2, 3, 7, 64):
        assert _http(wire, size) == whole, f"cut into {size}"


def _http(wire: bytes, size: int) -> tuple[int, dict[str, str], bytes, bool, bool] | None:
    """Return a reply's status, headers and body, whether it has ended, and whether another may follow."""
    parser = Parser()
    try:
        for at in range(0, len(wire), size):
            parser.feed(wire[at : at + size])
    except ConnectionBroken:
        return None
    finally:
        parser.abandon()
    return parser.status, parser.headers, b"".join(parser.pieces), parser.ended, parser.reusable


def _told(failure: Failure, statuses: Container[int] = range(400, 600)) -> None:
    assert failure.status in statuses, failure
    for client in DIALECTS.values():
        _json(client.encode_error(failure))
        _write(client, [Failed(failure=failure)])


def _json(text: bytes) -> None:
    json.loads(text)


TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "split.sse": partial(splits, SSE),
    "split.json_array": partial(splits, JSON_ARRAY),
    HTTP: reads_http,
    **{
        f"{read.__name__}.{dialect.name}": partial(read, dialect)
        for read in (reads_stream, reads_request, reads_reply, reads_error, watches_stream)
        for dialect in DIALECTS.values()
    },
}
"""Each target's name, by which found inputs are kept, and what it does with them."""


@cache
def seeds(target: str) -> list[bytes]:
    """Return valid inputs for a target: the project's own cases, and how other dialects' cases look in its own."""
    if target == HTTP:
        return list(_REPLIES)
    what, _, name = target.partition(".")
    cases = [case for one in ([name] if name in DIALECTS else DIALECTS) for case in corpus.own(one)]
    if what == "reads_request":
        return [jsonx.encode(case.body) for case in cases if case.asked] + _crossed(name, "request.json")
    if what == "reads_reply":
        return [case.reply for case in cases if case.reply is not None] + _crossed(name, "reply.json")
    if what == "reads_error":
        return [DIALECTS[name].encode_error(_LATE), b'{"error":{"message":"m","type":"t","code":"c","param":null}}']
    streams = [case.stream for case in cases if case.stream is not None]
    if target == "split.json_array":
        return [json.dumps([{"says": wire.decode("utf-8", "replace")}, [1, {}]], indent=1).encode() for wire in streams]
    return streams if target == "split.sse" else streams + _crossed(name, "stream.sse")


def _crossed(dialect: str, form: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(FOLDER.glob(f"*-{dialect}.{form}"))]
