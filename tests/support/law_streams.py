"""Laws about streams and whole replies of one dialect: cuts, grammar, both forms alike, and what the watch sees."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Final

import msgspec

from argo_relay.dialects.base import Dialect, encode_events
from argo_relay.errors import Refused
from argo_relay.framing.base import Frame
from argo_relay.neutral.events import Ended, Event, Failed
from argo_relay.neutral.fold import Fold, unfold
from argo_relay.neutral.reply import Reply, Usage
from argo_relay.neutral.request import Request
from support.corpus import Exchange
from support.grammar import BrokenGrammarError, Grammar
from support.law_requests import read
from support.sights import bare, differences, events_of, folded, frames_of, plain_request, replied
from support.skims import skimmed_otherwise

_WHOLE_CUTS: Final = 24
"""Frames of a stream that is cut after each of them; longer ones are cut at as many places."""


def cut_anywhere(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Law 2: any cutting of the bytes gives the same frames, events and output."""
    stream = exchange.stream or b""
    whole = frames_of(dialect, stream)
    said = _output(dialect, whole)
    random = Random(exchange.id)
    cuttings = {
        "single bytes": [1] * len(stream),
        "small pieces": [random.randint(1, 40) for _ in range(len(stream))],
        "reads": [random.randint(1, 4096) for _ in range(len(stream) // 512 + 1)],
    }
    for name, sizes in cuttings.items():
        frames = _cut(dialect, stream, sizes)
        if frames != whole:
            yield f"{name}: other frames"
        elif _output(dialect, frames) != said:
            yield f"{name}: other output"
    if b"".join(frame.raw for frame in whole) != stream:
        yield "the frames, joined, are not the stream"


def _cut(dialect: Dialect, stream: bytes, sizes: list[int]) -> list[Frame]:
    splitter = dialect.framing.splitter()
    frames: list[Frame] = []
    at = 0
    for size in sizes:
        frames += splitter.feed(stream[at : at + size])
        at += size
    frames += splitter.feed(stream[at:])
    return frames + splitter.finish()


def _output(dialect: Dialect, frames: list[Frame]) -> tuple[list[Event], bytes]:
    events = events_of(dialect, frames)
    return events, encode_events(dialect.stream_encoder(plain_request(dialect.name, stream=True)), events)


def grammatical(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Law 3: a stream and every truncation of it obey the grammar, and no truncation passes for the whole."""
    frames = frames_of(dialect, exchange.stream or b"")
    whole = events_of(dialect, frames)
    yield from _broken(whole)
    full = _content(whole)
    cuts = _places(len(frames), exchange.id)
    for cut in cuts:
        events = events_of(dialect, frames[:cut])
        yield from (f"cut after {cut} of {len(frames)} frames: {problem}" for problem in _broken(events))
        if isinstance(events[-1], Ended) and _content(events) != full:
            yield f"cut after {cut} of {len(frames)} frames: taken for complete"
    random = Random(exchange.id)
    for cut in [random.randrange(len(exchange.stream or b" ")) for _ in range(8)]:
        events = events_of(dialect, frames_of(dialect, (exchange.stream or b"")[:cut]))
        yield from (f"cut after byte {cut}: {problem}" for problem in _broken(events))
        if isinstance(events[-1], Ended) and _content(events) != full:
            yield f"cut after byte {cut}: taken for complete"


def _places(count: int, seed: str) -> list[int]:
    if count <= _WHOLE_CUTS:
        return list(range(count))
    return sorted({0, 1, 2, count - 3, count - 2, count - 1, *Random(seed).sample(range(count), _WHOLE_CUTS - 6)})


def _content(events: list[Event]) -> object:
    fold = folded(events)
    return bare(replied(fold))["parts"] if fold.started is not None else None


def _broken(events: list[Event]) -> Iterator[str]:
    grammar = Grammar()
    try:
        for event in events:
            grammar.feed(event)
        grammar.finish()
    except BrokenGrammarError as broken:
        yield str(broken)


def one_thing(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Law 4: what an upstream said comes back the same from our whole reply and from our stream."""
    asked = asker(dialect, exchange)
    if exchange.stream is not None:
        events = events_of(dialect, frames_of(dialect, exchange.stream))
        fold = folded(events)
        yield from _same_stream(dialect, asked, events, fold)
        if fold.stop is None:
            return
        reply = fold.reply()
    else:
        found = whole(dialect, exchange)
        if found is None:
            return
        reply = found
        yield from _same_stream(dialect, asked, list(unfold(reply)), folded(unfold(reply)))
    text, losses = dialect.encode_reply(reply, asked)
    yield from (f"whole: lost {loss.what} at {loss.path}" for loss in losses)
    yield from (f"whole: {one}" for one in differences(bare(reply), bare(dialect.decode_reply(text))))


def _same_stream(dialect: Dialect, asked: Request, events: list[Event], fold: Fold) -> Iterator[str]:
    encoder = dialect.stream_encoder(asked)
    again = events_of(dialect, frames_of(dialect, encode_events(encoder, events)))
    yield from (f"stream: {problem}" for problem in _broken(again))
    yield from (f"stream: lost {loss.what} at {loss.path}" for loss in encoder.losses)
    if isinstance(events[-1], Failed) != isinstance(again[-1], Failed):
        yield f"stream: {events[-1]} became {again[-1]}"
    elif fold.started is not None and fold.stop is not None:
        yield from (f"stream: {one}" for one in differences(bare(replied(fold)), bare(replied(folded(again)))))


def whole(dialect: Dialect, exchange: Exchange) -> Reply | None:
    """Return an exchange's whole reply; None for an error in a 200."""
    try:
        return dialect.decode_reply(exchange.reply or b"")
    except Refused:
        return None


def asker(dialect: Dialect, exchange: Exchange) -> Request:
    """Return the request that a reply answers; a small one where it is not known."""
    streams = exchange.stream is not None
    if not exchange.asked:
        return plain_request(dialect.name, stream=streams)
    return msgspec.structs.replace(read(dialect, exchange), include_usage=True)


def watched(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Law 8: what is relayed is what came, but for what completes it; the watch and the decoder agree."""
    if exchange.stream is None:
        reply = whole(dialect, exchange)
        seen = dialect.read_reply(exchange.reply or b"").usage
        if reply is not None and _tokens(seen) != _tokens(reply.usage):
            yield f"usage: {_tokens(seen)}, but the decoder says {_tokens(reply.usage)}"
        return
    frames = frames_of(dialect, exchange.stream)
    events = events_of(dialect, frames)
    fold = folded(events)
    yield from _relayed(dialect, frames, fold)
    random = Random(exchange.id)
    for most in (300, 4096, len(exchange.stream)):
        yield from (f"skimmed in pieces of {most}: {one}" for one in _skimmed(dialect, exchange.stream, most, random))


def _skimmed(dialect: Dialect, stream: bytes, most: int, random: Random) -> Iterator[str]:
    edges = [0]
    while edges[-1] < len(stream):
        edges.append(edges[-1] + random.randint(1, most))
    return skimmed_otherwise(dialect, [stream[start:end] for start, end in pairwise([*edges, len(stream)])])


def _relayed(dialect: Dialect, frames: list[Frame], fold: Fold) -> Iterator[str]:
    watch = dialect.watch_stream()
    out: list[bytes] = []
    for frame in frames:
        _, before = watch.feed(frame)
        out += (before, frame.raw)
    rest = watch.finish()
    told = fold.failure
    if watch.failure is not None and told is None:
        yield "the watch says failed, the decoder does not"
    elif watch.failure is None and (rest is None) != (told is not None):
        yield f"the watch says {'broken off' if rest is None else 'complete'}, the decoder {told or fold.stop}"
    if _tokens(watch.usage) != _tokens(fold.usage):
        yield f"usage: {_tokens(watch.usage)}, but the decoder says {_tokens(fold.usage)}"
    if rest is not None and told is None:
        relayed = folded(events_of(dialect, frames_of(dialect, b"".join(out) + rest)))
        yield from (f"relayed: {one}" for one in differences(bare(replied(fold)), bare(replied(relayed))))


def _tokens(usage: Usage | None) -> object:
    return None if usage is None else msgspec.structs.replace(usage, raw=None)
