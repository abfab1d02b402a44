"""What the official SDKs make of a reply that was cut short at a time limit, wherever that was."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.dialects.base import Dialect, encode_events
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.gather import GatherStage
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.framing.base import Frame
from argo_relay.neutral.content import Reasoning, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Ended,
    Event,
    PartEnded,
    PartStarted,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Usage
from argo_relay.upstreams.vendor import VendorUpstream
from support.law_sdks import answered, streamed_short
from support.replies import interleaved
from support.sights import events_of, folded, frames_of, plain_request, said

UPSTREAM = VendorUpstream(kind="openai", base_url="http://up.example")
BEGUN: list[Event] = [Started(id="id_1", model="m", created=1), UsageSeen(usage=Usage(input=7, output=1))]


def text(index: int, *pieces: str) -> Iterator[Event]:
    yield PartStarted(index=index, part=Text(text=""))
    yield from (TextDelta(index=index, text=piece) for piece in pieces)


def thought(index: int, *pieces: str) -> Iterator[Event]:
    yield PartStarted(index=index, part=Reasoning())
    yield from (TextDelta(index=index, text=piece) for piece in pieces)


def call(index: int, name: str, *pieces: str) -> Iterator[Event]:
    yield PartStarted(index=index, part=ToolCall(id=f"call_{name}", name=name))
    yield from (ArgumentsDelta(index=index, text=piece) for piece in pieces)


FIRST: list[Event] = [*call(0, "first", '{"a":', "1}"), PartEnded(index=0)]
CASES: dict[str, list[Event]] = {
    "nothing": [],
    "a thought and text": [*thought(0, "Let ", "me"), PartEnded(index=0), *text(1, "Once ", "upon")],
    "half a call": [*call(0, "half", '{"a":', '"b')],
    "text and half a call": [*text(0, "Look"), PartEnded(index=0), *call(1, "half", '{"a":', '"b', "c")],
    "a call and half of one": [*FIRST, *call(1, "half", '{"b":', '"c', "d")],
    "a call and text": [*FIRST, *text(1, "So ", "then")],
}


class Heard(NamedTuple):
    """What a program learns of a reply."""

    text: str
    thought: str
    calls: dict[str, str]
    stop: str


def of_chat(made: dict[str, Any]) -> Heard:
    choice = made["choices"][0]
    message = choice["message"]
    calls = {one["function"]["name"]: str(one["function"]["arguments"]) for one in message.get("tool_calls") or ()}
    return Heard(message["content"] or "", message.get("reasoning_content") or "", calls, choice["finish_reason"])


def of_responses(made: dict[str, Any]) -> Heard:
    said, thoughts, calls = "", "", {}
    for item in made["output"]:
        if item["type"] == "message":
            said += "".join(part["text"] for part in item["content"])
        elif item["type"] == "reasoning":
            thoughts += "".join(part["text"] for part in [*item["summary"], *(item.get("content") or ())])
        else:
            calls[item["name"]] = item["arguments"] if item["status"] == "completed" else item["status"]
    assert made["status"] == "incomplete"
    return Heard(said, thoughts, calls, made["incomplete_details"]["reason"])


def of_anthropic(made: dict[str, Any]) -> Heard:
    blocks = made["content"]
    return Heard(
        "".join(block["text"] for block in blocks if block["type"] == "text"),
        "".join(block["thinking"] for block in blocks if block["type"] == "thinking"),
        {block["name"]: str(block["input"]) for block in blocks if block["type"] == "tool_use"},
        made["stop_reason"],
    )


def of_google(made: dict[str, Any]) -> Heard:
    candidate = made["candidates"][0]
    parts = candidate["content"].get("parts") or []
    texts = [part for part in parts if "text" in part]
    calls = [part["functionCall"] for part in parts if "functionCall" in part]
    return Heard(
        "".join(part["text"] for part in texts if not part.get("thought")),
        "".join(part["text"] for part in texts if part.get("thought")),
        {one["name"]: str(one.get("args")) for one in calls},
        candidate["finishReason"],
    )


HEAR: dict[str, tuple[Callable[[dict[str, Any]], Heard], str]] = {
    "openai_chat": (of_chat, "length"),
    "openai_responses": (of_responses, "max_output_tokens"),
    "anthropic": (of_anthropic, "max_tokens"),
    "google": (of_google, "MAX_TOKENS"),
}
PAIRS = [(upstream, client) for upstream in DIALECTS.values() for client in DIALECTS.values()]
EACH = pytest.mark.parametrize(("upstream", "client"), PAIRS, ids=[f"{one.name}-{two.name}" for one, two in PAIRS])


def stages(upstream: Dialect, client: Dialect) -> Iterator[Stage]:
    yield TranslateStage(upstream, client, plain_request(client.name, stream=True), partial=True)
    if upstream is client:
        yield VerbatimStage(client, UPSTREAM, partial=True)


def come(upstream: Dialect, frames: list[Frame]) -> Fold:
    """Return what of a reply has come with these frames."""
    decoder, fold = upstream.stream_decoder(), Fold()
    for frame in frames:
        for event in decoder.feed(frame):
            fold.feed(event)
    return fold


def spoken(upstream: Dialect, case: str) -> list[Frame]:
    encoder = upstream.stream_encoder(plain_request(upstream.name, stream=True))
    return frames_of(upstream, encode_events(encoder, [*BEGUN, *CASES[case]]))


@EACH
@pytest.mark.parametrize("case", CASES)
def test_the_sdk_reads_a_stream_cut_after_any_frame(upstream: Dialect, client: Dialect, case: str) -> None:
    frames = spoken(upstream, case)
    hear, limit = HEAR[client.name]
    for cut in range(len(frames) + 1):
        fold = come(upstream, frames[:cut])
        want = fold.shortened()
        for stage in stages(upstream, client):
            begun = stage.feed(frames[:cut])
            ending = stage.cut()
            if ending is None:
                # Nothing of the answer has gone out: a call may be held back until more of it has come.
                assert come(client, frames_of(client, begun)).stop is None
                continue
            assert fold.stop is not None
            heard = hear(streamed_short(client.name, begun + ending))
            assert heard.stop == limit
            assert heard.calls.get("half") in (None, "incomplete") or client.name in ("openai_chat", "anthropic")
            if want is not None:
                assert heard.text == "".join(part.text for part in want.parts if isinstance(part, Text))
                assert heard.thought == "".join(part.text for part in want.parts if isinstance(part, Reasoning))
                assert {part.name for part in want.parts if isinstance(part, ToolCall)} <= heard.calls.keys()


@EACH
@pytest.mark.parametrize("case", CASES)
def test_the_sdk_reads_a_whole_reply_cut_after_any_frame(upstream: Dialect, client: Dialect, case: str) -> None:
    frames = spoken(upstream, case)
    hear, limit = HEAR[client.name]
    for cut in range(len(frames) + 1):
        want = come(upstream, frames[:cut]).shortened()
        stage = GatherStage(upstream, client, plain_request(client.name))
        assert stage.feed(frames[:cut]) == b""
        body = stage.cut()
        assert (body is None) == (want is None)
        if body is not None and want is not None:
            heard = hear(answered(client.name, body))
            assert heard.stop == limit
            assert "half" not in heard.calls
            assert heard.text == "".join(part.text for part in want.parts if isinstance(part, Text))
            assert heard.thought == "".join(part.text for part in want.parts if isinstance(part, Reasoning))
            assert len(heard.calls) == sum(isinstance(part, ToolCall) for part in want.parts)


@pytest.mark.parametrize("client", DIALECTS.values(), ids=DIALECTS)
@settings(deadline=None)
@given(events=interleaved(), data=st.data())
def test_any_stream_can_be_cut_anywhere(client: Dialect, events: list[Event], data: st.DataObject) -> None:
    """Several parts may be under way at once, and any of them may be waiting for another to end."""
    begun = events[: data.draw(st.integers(0, len(events) - 1))]
    fold = folded(begun)
    ending = fold.ending()
    if not ending:
        return
    encoder = client.stream_encoder(plain_request(client.name, stream=True))
    again = events_of(client, frames_of(client, encode_events(encoder, [*begun, *ending])))
    last = again[-1]
    assert isinstance(last, Ended)
    assert last.stop.reason == "length"
    for event in ending:
        fold.feed(event)
    want, got = said(fold.reply(), client.name), said(folded(again).reply(), client.name)
    assert got.text == want.text
    assert all(name in [one for _, one, _ in got.calls] for _, name, _ in want.calls)


@EACH
def test_of_all_that_was_generated_nothing_is_lost(upstream: Dialect, client: Dialect) -> None:
    """The tests above take their word from the decoders; this one says it out loud."""
    hear, _ = HEAR[client.name]
    frames = spoken(upstream, "a call and text")
    for stage in stages(upstream, client):
        heard = hear(streamed_short(client.name, stage.feed(frames) + (stage.cut() or b"")))
        assert (heard.text, "1" in heard.calls["first"]) == ("So then", True)
    gather = GatherStage(upstream, client, plain_request(client.name))
    gather.feed(spoken(upstream, "text and half a call"))
    whole = gather.cut()
    assert whole is not None
    assert hear(answered(client.name, whole))[:3] == ("Look", "", {})
    gather = GatherStage(upstream, client, plain_request(client.name))
    gather.feed(spoken(upstream, "half a call"))
    assert gather.cut() is None
