"""Laws about what crosses: each recorded reply, said to the clients of every dialect, is the same reply."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from argo_relay.dialects.base import Dialect, encode_events
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.events import Event, Failed
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply
from argo_relay.neutral.request import Request
from support.corpus import Exchange
from support.law_requests import read
from support.law_streams import whole
from support.sights import differences, events_of, folded, frames_of, honest, plain_request, replied, said
from support.table import TABLE


def crosses(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """A client of any dialect learns the same text, thought, calls, stop and tokens, whole and streamed (law 9 too)."""
    if exchange.stream is not None:
        events = events_of(dialect, frames_of(dialect, exchange.stream))
        fold = folded(events)
        reply = fold.reply() if fold.stop is not None else None
    else:
        reply = whole(dialect, exchange)
        if reply is None:
            return
        events = list(unfold(reply))
    yield from (f"decoded: {problem}" for problem in honest(reply.usage if reply else None))
    for client in TABLE.values():
        asked = _asker(dialect, client, exchange)
        streamed = _streamed(client, asked, events, reply)
        yield from (f"{client.name} stream: {problem}" for problem in streamed)
        if reply is not None:
            text, _ = client.encode_reply(reply, asked)
            yield from (f"{client.name} whole: {one}" for one in _same(client, reply, client.decode_reply(text)))


def _asker(source: Dialect, client: Dialect, exchange: Exchange) -> Request:
    """Return a request of the client's, with the tools that the recorded one had."""
    asked = plain_request(client.name, stream=exchange.stream is not None)
    if not exchange.asked:
        return asked
    try:
        return msgspec.structs.replace(asked, tools=read(source, exchange).tools)
    except Refused:
        return asked


def _streamed(client: Dialect, asked: Request, events: list[Event], reply: Reply | None) -> Iterator[str]:
    stream = encode_events(client.stream_encoder(asked), events)
    again = events_of(client, frames_of(client, stream))
    if reply is None:
        if not isinstance(again[-1], Failed):
            yield f"{events[-1]} became {again[-1]}"
        return
    if isinstance(again[-1], Failed):
        yield f"it became {again[-1]}"
        return
    yield from _same(client, reply, replied(folded(again)))


def _same(client: Dialect, reply: Reply, got: Reply) -> Iterator[str]:
    want, heard = said(reply, client.name), said(got, client.name)
    if want.tokens is None:
        heard = heard._replace(tokens=None)
    if want.stop == "any":
        heard = heard._replace(stop="any")
    yield from differences(want._asdict(), heard._asdict())
    yield from honest(got.usage)


def explains(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """An upstream's error is read: its own words where it has any, and every dialect can say it."""
    failure = dialect.decode_error(exchange.status, "Reason", exchange.reply or b"")
    body = jsonx.decode_loosely(exchange.reply or b"null")
    if failure.status != exchange.status or not failure.message.strip():
        yield f"{exchange.status} became {failure}"
    if isinstance(body, dict) and "error" in body and failure.code == f"upstream_{exchange.status}":
        yield "its error object was not read"
    for client in TABLE.values():
        if failure.message not in jsonx.decode(client.encode_error(failure)).__repr__() and "\n" not in failure.message:
            yield f"{client.name} does not say the message"
