from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.base import encode_events
from argo_relay.dialects.google.content_encoder import encode_seal
from argo_relay.dialects.google.stream_decoder import GoogleStreamDecoder
from argo_relay.dialects.google.stream_encoder import GoogleStreamEncoder
from argo_relay.framing import jsonx
from argo_relay.framing.base import Splitter
from argo_relay.framing.jsonarray import JSON_ARRAY
from argo_relay.framing.sse import SSE
from argo_relay.neutral.content import Citation, Media, Opaque, Reasoning, Refusal, Seal, Text, ToolCall
from argo_relay.neutral.events import (
    ArgumentsDelta,
    Cited,
    Ended,
    Event,
    Failed,
    Heartbeat,
    PartEnded,
    PartStarted,
    SealDelta,
    Started,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import Fold
from argo_relay.neutral.reply import Stop, Usage
from argo_relay.neutral.request import Request

BEGUN = Started(id="r1", model="gemini")
DONE = Ended(stop=Stop(reason="end"))
THEIRS = Seal(issuer="anthropic", kind="signature", value="EqQB")
SSE_ASKED = Request(dialect="google", model="m", messages=())
ARRAY_ASKED = Request(dialect="google", model="m", messages=(), extras={"google": {"array": True}})


def text(index: int, *pieces: str) -> list[Event]:
    deltas = [TextDelta(index=index, text=piece) for piece in pieces]
    return [PartStarted(index=index, part=Text(text="")), *deltas, PartEnded(index=index)]


def stream(*events: Event, asked: Request = SSE_ASKED) -> bytes:
    return encode_events(GoogleStreamEncoder(asked), [BEGUN, *events])


def chunks(*events: Event) -> list[Any]:
    return [jsonx.decode(frame.data) for frame in SSE.splitter().feed(stream(*events)) if frame.data]


def parts(*events: Event) -> list[Any]:
    return [chunk["candidates"][0]["content"]["parts"][0] for chunk in chunks(*events)]


def test_a_stream_of_text() -> None:
    usage = UsageSeen(usage=Usage(input=3, output=2))
    assert stream(*text(0, "Hel", "lo"), usage, DONE) == (
        b'data: {"candidates":[{"content":{"parts":[{"text":"Hel"}],"role":"model"},"index":0}],'
        b'"modelVersion":"gemini","responseId":"r1"}\n\n'
        b'data: {"candidates":[{"content":{"parts":[{"text":"lo"}],"role":"model"},"index":0}],'
        b'"modelVersion":"gemini","responseId":"r1"}\n\n'
        b'data: {"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"STOP","index":0}],'
        b'"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},'
        b'"modelVersion":"gemini","responseId":"r1"}\n\n'
    )


def test_a_reply_without_names_has_none() -> None:
    encoder = GoogleStreamEncoder(SSE_ASKED)
    assert encode_events(encoder, [Started(id="", model=""), *text(0, "a")]) == (
        b'data: {"candidates":[{"content":{"parts":[{"text":"a"}],"role":"model"},"index":0}]}\n\n'
    )


def test_the_array_form() -> None:
    wire = stream(Heartbeat(), *text(0, "a"), Heartbeat(), DONE, asked=ARRAY_ASKED)
    assert wire.startswith(b'\n[{"candidates"')
    assert b"}\n,\r\n{" in wire
    assert wire.endswith(b"}]")
    assert [chunk["candidates"][0].get("finishReason") for chunk in jsonx.decode(wire)] == [None, "STOP"]


def test_signs_of_life() -> None:
    assert GoogleStreamEncoder(SSE_ASKED).feed(Heartbeat()) == b"\n\n"
    assert GoogleStreamEncoder(ARRAY_ASKED).feed(Heartbeat()) == b"\n"


def test_a_failure_is_the_last_element() -> None:
    failed = Failed(failure=Failure(kind=FailureKind.TIMEOUT, status=504, message="Too slow."))
    error = {"error": {"code": 504, "message": "Too slow.", "status": "DEADLINE_EXCEEDED"}}
    assert stream(failed) == b"data: " + jsonx.encode(error) + b"\n\n"
    assert stream(failed, asked=ARRAY_ASKED) == b"[" + jsonx.encode(error) + b"]"
    assert jsonx.decode(stream(*text(0, "a"), failed, asked=ARRAY_ASKED))[-1] == error


def test_a_call_is_written_whole_when_it_ends() -> None:
    encoder = GoogleStreamEncoder(SSE_ASKED)
    begun: list[Event] = [
        BEGUN,
        PartStarted(index=0, part=ToolCall(id="c1", name="look")),
        ArgumentsDelta(index=0, text='{"a"'),
    ]
    assert encode_events(encoder, begun) == b""
    wire = encode_events(
        encoder, [ArgumentsDelta(index=0, text=":1}"), SealDelta(index=0, seal=THEIRS), PartEnded(index=0)]
    )
    assert b'{"functionCall":{"id":"c1","name":"look","args":{"a":1}},"thoughtSignature":"' in wire
    assert encode_seal(THEIRS).encode() in wire


def test_thoughts_and_seals() -> None:
    thought: list[Event] = [
        PartStarted(index=0, part=Reasoning(text="I ")),
        TextDelta(index=0, text="think"),
        SealDelta(index=0, seal=THEIRS),
        PartEnded(index=0),
    ]
    assert parts(*thought, DONE)[:3] == [
        {"text": "I ", "thought": True},
        {"text": "think", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": encode_seal(THEIRS)},
    ]


def test_parts_that_are_open_at_once_go_out_one_after_the_other() -> None:
    events: list[Event] = [
        PartStarted(index=0, part=Text(text="")),
        TextDelta(index=0, text="a"),
        PartStarted(index=1, part=ToolCall(id="c1", name="f")),
        PartStarted(index=2, part=Text(text="")),
        ArgumentsDelta(index=1, text="{}"),
        TextDelta(index=2, text="c"),
        TextDelta(index=0, text="b"),
        PartEnded(index=2),
        PartEnded(index=0),
        PartEnded(index=1),
        DONE,
    ]
    call = {"functionCall": {"id": "c1", "name": "f", "args": {}}}
    assert parts(*events) == [{"text": "a"}, {"text": "b"}, call, {"text": "c"}, {"text": ""}]


def test_media_go_out_and_what_cannot_be_said_is_lost_aloud() -> None:
    encoder = GoogleStreamEncoder(SSE_ASKED)
    said = [
        Media(kind="image", media_type="image/png", data="aGk="),
        Opaque(dialect="nobody", payload={}),
        Refusal(text="No."),
    ]
    events: list[Event] = [BEGUN]
    for index, part in enumerate(said):
        events += [PartStarted(index=index, part=part), PartEnded(index=index)]  # type: ignore[arg-type]
    wire = encode_events(encoder, events)
    assert wire.count(b"data: ") == 2
    assert b'{"inlineData":{"mimeType":"image/png","data":"aGk="}}' in wire
    assert b'{"text":"No."}' in wire
    assert [(loss.path, loss.what) for loss in encoder.losses] == [("parts[1]", "opaque"), ("parts[2]", "refusal")]


def test_sources_stand_in_the_last_chunk() -> None:
    cited = Cited(index=0, citation=Citation(url="https://a.test", dialect="x", payload={}))
    said: list[Event] = [
        PartStarted(index=0, part=Text(text="")),
        cited,
        TextDelta(index=0, text="a"),
        PartEnded(index=0),
    ]
    grounding = chunks(*said, DONE)[-1]["candidates"][0]["groundingMetadata"]
    assert grounding["groundingChunks"] == [{"web": {"uri": "https://a.test"}}]
    assert grounding["groundingSupports"][0]["segment"]["text"] == "a"


def test_log_probabilities_go_with_their_text() -> None:
    said = TextDelta(index=0, text="a", logprobs=({"token": "a", "logprob": -1},))
    candidate = chunks(PartStarted(index=0, part=Text(text="")), said)[0]["candidates"][0]
    assert candidate["logprobsResult"]["chosenCandidates"] == [{"token": "a", "logProbability": -1}]


def test_a_blocked_prompt_stays_one() -> None:
    blocked = Ended(stop=Stop(reason="content_filter", raw="JAILBREAK"))
    assert chunks(blocked) == [
        {"promptFeedback": {"blockReason": "JAILBREAK"}, "modelVersion": "gemini", "responseId": "r1"}
    ]
    assert chunks(*text(0, "a"), blocked)[-1]["candidates"][0]["finishReason"] == "SAFETY"


def test_a_pause_is_lost_aloud() -> None:
    encoder = GoogleStreamEncoder(SSE_ASKED)
    encode_events(encoder, [BEGUN, Ended(stop=Stop(reason="pause"))])
    assert [loss.what for loss in encoder.losses] == ["pause"]


def folded(events: list[Event]) -> Fold:
    fold = Fold()
    for event in events:
        fold.feed(event)
    return fold


def read(wire: bytes, splitter: Splitter) -> Fold:
    decoder = GoogleStreamDecoder()
    frames = [*splitter.feed(wire), *splitter.finish()]
    return folded([event for frame in frames for event in decoder.feed(frame)] + decoder.finish())


words = st.text(min_size=1, max_size=8)


@st.composite
def replies(draw: st.DrawFn) -> list[Event]:
    """Texts, thoughts and calls, each kind never twice in a row, their deltas in any order."""
    kinds = draw(st.lists(st.sampled_from(["text", "thought", "call"]), min_size=1, max_size=5))
    kinds = [kind for at, kind in enumerate(kinds) if kind == "call" or at == 0 or kind != kinds[at - 1]]
    lines: list[list[Event]] = []
    for index, kind in enumerate(kinds):
        if kind == "call":
            line: list[Event] = [PartStarted(index=index, part=ToolCall(id=f"c{index}", name="f"))]
            line += [ArgumentsDelta(index=index, text=piece) for piece in ('{"a":', "1}")]
        else:
            part = Text(text="") if kind == "text" else Reasoning(form="summary")
            line = [PartStarted(index=index, part=part)]
            line += [TextDelta(index=index, text=piece) for piece in draw(st.lists(words, min_size=1, max_size=3))]
        lines.append([*line, PartEnded(index=index)])
    mixed: list[Event] = []
    started = 0
    while any(lines):
        ready = [at for at, line in enumerate(lines) if line and at <= started]
        at = draw(st.sampled_from(ready))
        started += at == started
        mixed.append(lines[at].pop(0))
    return [BEGUN, *mixed, Ended(stop=Stop(reason="tool_calls" if "call" in kinds else "end", raw="STOP"))]


@given(replies())
def test_any_stream_can_be_written_and_read_back(events: list[Event]) -> None:
    for asked, framing in ((SSE_ASKED, SSE), (ARRAY_ASKED, JSON_ARRAY)):
        wire = encode_events(GoogleStreamEncoder(asked), events)
        assert read(wire, framing.splitter()).reply() == folded(events).reply()
