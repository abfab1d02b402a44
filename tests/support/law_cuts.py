"""Law 10: a stream that is cut short at a time limit ends as one cut short at its length limit, in either lane.

Nothing that was generated is lost, and no call that is not complete is handed over as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from random import Random
from typing import Any, Final

from argo_relay.dialects.base import Dialect
from argo_relay.dialects.openai_responses.tools import CALLS
from argo_relay.exchange.gather import GatherStage
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing import jsonx
from argo_relay.framing.base import Frame
from argo_relay.neutral import seals
from argo_relay.neutral.events import Ended, Event
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Reply
from argo_relay.upstreams.vendor import VendorUpstream
from support.corpus import Exchange
from support.grammar import BrokenGrammarError, Grammar
from support.sights import Said, events_of, folded, frames_of, plain_request, said
from support.table import TABLE

_MOST_CUTS: Final = 8
"""Places at which a recorded stream is cut; the project's own are cut after every frame."""
_UPSTREAM: Final = VendorUpstream(kind="openai", base_url="http://up.example")


def cut_short(dialect: Dialect, exchange: Exchange) -> Iterator[str]:
    """Cut a stream after some of its frames; in every lane its end must be that of a length limit."""
    frames = frames_of(dialect, exchange.stream or b"")
    own = exchange.upstream == "golden"
    random = Random(exchange.id)
    places = range(len(frames) + 1) if own else [random.randrange(len(frames) + 1) for _ in range(_MOST_CUTS)]
    clients = list(TABLE.values()) if own else [random.choice(list(TABLE.values()))]
    for place in places:
        yield from (
            f"cut after {place} of {len(frames)} frames: {problem}"
            for problem in _cut_after(dialect, frames[:place], clients)
        )


def _cut_after(dialect: Dialect, frames: list[Frame], clients: list[Dialect]) -> Iterator[str]:
    come = _come(dialect, frames)
    if come.failure is not None or come.stop is not None:
        # It has ended by itself.
        return
    generated = bool(come.ending())
    want = come.shortened()
    verbatim = VerbatimStage(dialect, _UPSTREAM, partial=True)
    yield from (f"verbatim: {one}" for one in _streamed(verbatim, dialect, frames, want, generated=generated))
    for client in clients:
        request = plain_request(client.name, stream=True)
        stage = TranslateStage(dialect, client, request, partial=True)
        problems = _streamed(stage, client, frames, want, generated=generated)
        yield from (f"{client.name} stream: {one}" for one in problems)
        gather = GatherStage(dialect, client, plain_request(client.name))
        yield from (f"{client.name} whole: {one}" for one in _whole(gather, client, frames, want))


def _come(dialect: Dialect, frames: list[Frame]) -> Fold:
    """Return what has come of a reply; one that lacks its terminator alone has ended."""
    decoder, fold = dialect.stream_decoder(), Fold()
    for frame in frames:
        for event in decoder.feed(frame):
            fold.feed(event)
    rest = decoder.finish()
    for event in rest if rest and isinstance(rest[-1], Ended) else []:
        fold.feed(event)
    return fold


def _streamed(
    stage: Stage, client: Dialect, frames: list[Frame], want: Reply | None, *, generated: bool
) -> Iterator[str]:
    begun = stage.feed(frames)
    ending = stage.cut()
    # A client that has got nothing of the answer gets the error: a call may be held back until more of it has come.
    heard_of = bool(_come(client, frames_of(client, begun)).ending())
    # Of several choices the decoders see the first only.
    if (ending is None and heard_of) or (ending is not None and not generated and b'"index":1' not in begun):
        yield f"generated: {generated}, told: {heard_of}, but its end is {ending!r}"
    if ending is None or not generated:
        return
    events = events_of(client, frames_of(client, begun + ending))
    yield from _ended(events)
    if stage.cut() != b"":
        yield "it ends twice"
    got = folded(events)
    if got.stop is None or want is None:
        return
    heard, told = said(want, client.name), said(got.reply(), client.name)
    if (heard.text, heard.thought) != (told.text, told.thought):
        yield f"{(heard.text, heard.thought)} became {(told.text, told.thought)}"
    # Gemini says itself that a call goes on.
    yield from _calls(heard, told) if b'"willContinue"' not in begun else ()
    yield from _done(frames_of(client, begun + ending), heard)


def _ended(events: list[Event]) -> Iterator[str]:
    grammar = Grammar()
    try:
        for event in events:
            grammar.feed(event)
        grammar.finish()
    except BrokenGrammarError as broken:
        yield str(broken)
    last = events[-1]
    if not isinstance(last, Ended) or last.stop.reason != "length":
        yield f"it ends with {last}"


def _calls(heard: Said, told: Said) -> Iterator[str]:
    """Yield complete calls that are missing, and others that could be taken for complete."""
    yield from (f"the call {call} is missing" for call in heard.calls if call not in told.calls)
    for call in told.calls:
        if call not in heard.calls and _full(call[2]):
            yield f"the call {call} is taken for complete"


def _full(arguments: Any) -> bool:
    # Half an object is text in the one form, and wrapped in an object in the other.
    return isinstance(arguments, dict) and bool(arguments) and arguments.keys() not in ({"arguments"}, {"input"})


def _done(frames: list[Frame], heard: Said) -> Iterator[str]:
    """Yield calls of which a Responses stream says that they are done, and which are not."""
    for frame in frames:
        value = jsonx.decode_loosely(frame.data) if frame.event and frame.data else {}
        item = value.get("item") if isinstance(value, dict) else None
        if frame.event == b"response.output_item.done" and isinstance(item, dict) and item.get("type") in CALLS:
            complete = [call for call in heard.calls if call[0] == seals.without_seal(item["call_id"])[0]]
            if not complete:
                yield f"{json.dumps(item)} is said to be done"


def _whole(stage: GatherStage, client: Dialect, frames: list[Frame], want: Reply | None) -> Iterator[str]:
    stage.feed(frames)
    body = stage.cut()
    if body is None or want is None:
        if (body is None) != (want is None):
            yield f"{want} became {body!r}"
        return
    got = client.decode_reply(body)
    heard, told = said(want, client.name), said(got, client.name)
    if heard._replace(tokens=None) != told._replace(tokens=None):
        yield f"{heard} became {told}"
