from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from argo_relay.dialects.base import encode_events
from argo_relay.dialects.openai_chat.reply import encode_reply
from argo_relay.dialects.openai_chat.stream_decoder import ChatStreamDecoder
from argo_relay.dialects.openai_chat.stream_encoder import ALIVE, ChatStreamEncoder
from argo_relay.framing import jsonx, sse
from argo_relay.neutral import seals
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
    StreamedPart,
    TextDelta,
    UsageSeen,
)
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.neutral.fold import unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import CustomTool, FunctionTool
from support import law_sdks
from support.grammar import Grammar
from support.replies import REPLIES, interleaved
from support.sights import folded, plain_request, replied, said

BEGUN = Started(id="chatcmpl-1", model="m", created=5)
END = Ended(stop=Stop(reason="end"))
ASKED = plain_request("openai_chat", stream=True)
THEIRS = Seal(issuer="google", kind="thought", value="c2ln")
SIGNED = Seal(issuer="anthropic", kind="signature", value="EqQB")
NOTHING = (
    b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","choices":[{"index":0,"delta":'
)


def own(**members: Any) -> dict[str, dict[str, Any]]:
    return {"openai_chat": members}


def part(index: int, made: StreamedPart, *deltas: Event) -> list[Event]:
    return [PartStarted(index=index, part=made), *deltas, PartEnded(index=index)]


def text(index: int, *pieces: str) -> list[Event]:
    return part(index, Text(text=""), *(TextDelta(index=index, text=piece) for piece in pieces))


def call(index: int, *pieces: str, seal: Seal | None = None, **fields: Any) -> list[Event]:
    made = ToolCall(**{"id": f"c{index}", "name": "look", **fields})
    deltas: list[Event] = [ArgumentsDelta(index=index, text=piece) for piece in pieces]
    return part(index, made, *deltas, *([SealDelta(index=index, seal=seal)] if seal is not None else []))


def chunks_of(stream: bytes) -> list[Any]:
    frames = sse.Splitter().feed(stream)
    return [jsonx.decode_loosely(frame.data) for frame in frames if frame.data is not None and frame.data != b"[DONE]"]


def deltas(*events: Event, asked: Request = ASKED) -> list[Any]:
    """Return what the chunks after the first say."""
    encoder = ChatStreamEncoder(asked)
    made = chunks_of(encode_events(encoder, [BEGUN, *events]))
    assert encoder.losses == []
    assert made[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    return [chunk["choices"][0]["delta"] for chunk in made[1:]]


def losses(*events: Event, asked: Request = ASKED) -> list[tuple[str, str]]:
    encoder = ChatStreamEncoder(asked)
    encode_events(encoder, [BEGUN, *events])
    return [(loss.path, loss.what) for loss in encoder.losses]


def test_a_stream_of_text() -> None:
    usage = UsageSeen(usage=Usage(input=3, output=2))
    rest = b',"logprobs":null,"finish_reason":null}]}\n\n'
    assert encode_events(ChatStreamEncoder(ASKED), [BEGUN, *text(0, "Hel", "lo"), usage, END]) == (
        NOTHING
        + b'{"role":"assistant","content":""}'
        + rest
        + NOTHING
        + b'{"content":"Hel"}'
        + rest
        + NOTHING
        + b'{"content":"lo"}'
        + rest
        + NOTHING
        + b'{},"logprobs":null,"finish_reason":"stop"}]}\n\n'
        + b'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":5,"model":"m","choices":[],"usage":'
        + b'{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0},'
        + b'"completion_tokens_details":{"reasoning_tokens":0}}}\n\n'
        + b"data: [DONE]\n\n"
    )


def test_who_did_not_ask_for_usage_is_not_told() -> None:
    usage = UsageSeen(usage=Usage(input=3, output=2))
    asked = Request(dialect="openai_chat", model="m", messages=(), stream=True)
    assert b"usage" not in encode_events(ChatStreamEncoder(asked), [BEGUN, usage, END])
    assert b"usage" not in encode_events(ChatStreamEncoder(ASKED), [BEGUN, END])


def test_names() -> None:
    begun = Started(id="msg_1", model="m", service_tier="default")
    (chunk,) = chunks_of(ChatStreamEncoder(ASKED).feed(begun))
    assert (chunk["id"], chunk["created"], chunk["service_tier"]) == ("chatcmpl-msg_1", 0, "default")


def test_signs_of_life_are_comments() -> None:
    encoder = ChatStreamEncoder(ASKED)
    assert encoder.feed(Heartbeat()) == ALIVE
    assert [frame.data for frame in sse.Splitter().feed(ALIVE)] == [None]


def test_a_failure_ends_the_stream_without_its_terminator() -> None:
    failed = Failed(failure=Failure(kind=FailureKind.TIMEOUT, status=504, message="Too slow."))
    stream = encode_events(ChatStreamEncoder(ASKED), [BEGUN, PartStarted(index=0, part=Text(text="a")), failed])
    assert chunks_of(stream)[-1]["error"]["message"] == "Too slow."
    assert b"[DONE]" not in stream
    assert b'"finish_reason":"' not in stream
    assert len(chunks_of(ChatStreamEncoder(ASKED).feed(failed))) == 1


@pytest.mark.parametrize(
    ("made", "written"),
    [
        (Text(text="a"), [{"content": "a"}]),
        (Reasoning(text="a"), [{"reasoning_content": "a"}]),
        (Refusal(text="a"), [{"refusal": "a"}]),
        (
            Media(kind="image", media_type="image/png", data="aGk="),
            [{"images": [{"index": 0, "type": "image_url", "image_url": {"url": "data:image/png;base64,aGk="}}]}],
        ),
        (Media(kind="audio", data="aGk=", extras=own(expires_at=9)), [{"audio": {"expires_at": 9, "data": "aGk="}}]),
        (
            Text(text="a", extras=own(audio={"id": "audio_1"})),
            [{"audio": {"id": "audio_1"}}, {"audio": {"transcript": "a"}}],
        ),
        (Opaque(dialect="openai_chat", payload={"type": "reference"}), [{"content": [{"type": "reference"}]}]),
    ],
)
def test_parts_that_come_whole(made: StreamedPart, written: list[Any]) -> None:
    assert deltas(*part(0, made)) == written


@pytest.mark.parametrize(
    ("events", "lost"),
    [
        (part(0, Text(text="a", seal=SIGNED), SealDelta(index=0, seal=SIGNED)), [("parts[0].seal", "seal")]),
        (part(0, Text(text="a"), SealDelta(index=0, seal=SIGNED)), [("parts[0].seal", "seal")]),
        (part(0, Media(kind="image", data="aGk=", seal=SIGNED)), [("parts[0].seal", "seal")]),
        (part(0, Media(kind="image", file="f1", issuer="google")), [("parts[0]", "image")]),
        (part(0, Media(kind="audio", data="aGk=")), [("parts[0]", "audio")]),
        (part(0, Opaque(dialect="anthropic", payload={"type": "server_tool_use"})), [("parts[0]", "server_tool_use")]),
        (part(0, Opaque(dialect="openai_chat", payload=5)), [("parts[0]", "part")]),
        (
            part(0, Text(text="a"), Cited(index=0, citation=Citation(title="T", dialect="google", payload={}))),
            [("parts[0].citation", "citation")],
        ),
        ([Ended(stop=Stop(reason="pause"))], [("stop", "finish_reason")]),
    ],
)
def test_what_cannot_be_said_is_a_loss(events: list[Event], lost: list[tuple[str, str]]) -> None:
    assert losses(*events) == lost


def test_log_probabilities() -> None:
    token = {"token": "a", "logprob": -0.5}
    typed = {**token, "bytes": None, "top_logprobs": []}
    stream = encode_events(
        ChatStreamEncoder(ASKED),
        [BEGUN, *part(0, Text(text=""), TextDelta(index=0, text="null", logprobs=(token,))), END],
    )
    said_of_text = chunks_of(stream)[1]["choices"][0]
    assert said_of_text["delta"] == {"content": "null"}
    assert said_of_text["logprobs"] == {"content": [typed], "refusal": None}
    assert said_of_text["finish_reason"] is None


def test_annotations_come_in_one_chunk_and_count_from_the_contents_start() -> None:
    citation = Citation(url="https://example.org", start=0, end=2, dialect="google", payload={})
    made = deltas(
        *part(0, Text(text="Hi ", citations=(citation,))),
        *part(1, Text(text=""), TextDelta(index=1, text="you"), Cited(index=1, citation=citation)),
        END,
    )
    places = [one["url_citation"]["start_index"] for one in made[-2]["annotations"]]
    assert (places, made[-1]) == ([0, 3], {})


# --------------------------------------------------------------------------------------------------------- in turn


def test_texts_wait_for_each_other_and_nothing_else_does() -> None:
    assert deltas(
        PartStarted(index=0, part=Text(text="")),
        PartStarted(index=1, part=Text(text="c")),
        PartStarted(index=2, part=Reasoning(text="")),
        PartStarted(index=3, part=Text(text="e")),
        TextDelta(index=1, text="d"),
        TextDelta(index=2, text="Hm."),
        PartEnded(index=1),
        PartEnded(index=3),
        TextDelta(index=0, text="b"),
        PartEnded(index=0),
        PartEnded(index=2),
    ) == [{"reasoning_content": "Hm."}, {"content": "b"}, {"content": "c"}, {"content": "d"}, {"content": "e"}]


def test_thoughts_are_set_apart() -> None:
    assert deltas(
        *part(0, Reasoning(text="A.")),
        *part(1, Reasoning(text="")),
        *part(2, Reasoning(text=""), TextDelta(index=2, text="B"), TextDelta(index=2, text=".")),
    ) == [{"reasoning_content": "A."}, {"reasoning_content": "\n\nB"}, {"reasoning_content": "."}]


def test_a_sealed_thought_is_said_once_more_when_it_ends() -> None:
    packed = seals.pack(SIGNED)
    assert deltas(
        *part(0, Reasoning(text="A.")),
        *part(1, Reasoning(text="B"), TextDelta(index=1, text="."), SealDelta(index=1, seal=SIGNED)),
        *part(2, Reasoning(text="C.")),
    ) == [
        {"reasoning_content": "A."},
        {"reasoning_content": "\n\nB"},
        {"reasoning_content": "."},
        {
            "reasoning_details": [
                {"index": 0, "type": "reasoning.text", "text": "A."},
                {"index": 1, "type": "reasoning.text", "text": "B.", "signature": packed},
            ]
        },
        {"reasoning_content": "\n\nC."},
        {"reasoning_details": [{"index": 2, "type": "reasoning.text", "text": "C."}]},
    ]


def test_a_thought_that_came_as_details_goes_as_details() -> None:
    mine = Reasoning(text="", extras=own(detail={"format": "f"}), item="rs_1")
    signed = Seal(issuer="openai_chat", kind="signature", value="EqQB")
    made = deltas(
        *part(0, Reasoning(text="A.")),
        *part(1, mine, TextDelta(index=1, text="B"), TextDelta(index=1, text="."), SealDelta(index=1, seal=signed)),
    )
    assert made[1:] == [
        {"reasoning_details": [{"index": 0, "type": "reasoning.text", "text": "A."}]},
        {
            "reasoning_content": "\n\nB",
            "reasoning_details": [{"index": 1, "type": "reasoning.text", "text": "B", "id": "rs_1", "format": "f"}],
        },
        {"reasoning_content": ".", "reasoning_details": [{"index": 1, "type": "reasoning.text", "text": "."}]},
        {"reasoning_details": [{"index": 1, "type": "reasoning.text", "text": "", "signature": "EqQB"}]},
    ]


# ------------------------------------------------------------------------------------------------------------ calls


def test_a_calls_first_piece_waits_for_the_second() -> None:
    encoder = ChatStreamEncoder(ASKED)
    encoder.feed(BEGUN)
    assert encoder.feed(PartStarted(index=0, part=ToolCall(id="c1", name="look", namespace="eyes"))) == b""
    assert encoder.feed(ArgumentsDelta(index=0, text='{"a"')) == b""
    first, second = (
        chunks_of(encoder.feed(event))[0]["choices"][0]["delta"]["tool_calls"]
        for event in (ArgumentsDelta(index=0, text=":"), ArgumentsDelta(index=0, text="1}"))
    )
    named = {"name": "eyes__look", "arguments": '{"a":'}
    assert first == [{"index": 0, "id": "c1", "type": "function", "function": named}]
    assert second == [{"index": 0, "function": {"arguments": "1}"}}]
    assert encoder.feed(PartEnded(index=0)) == b""


def test_a_seal_that_comes_after_the_only_piece_stands_in_the_id() -> None:
    (made,) = deltas(*call(0, "{}", seal=THEIRS))
    (written,) = made["tool_calls"]
    assert seals.without_seal(written["id"]) == ("c0", THEIRS)
    assert written["function"]["arguments"] == "{}"


@pytest.mark.parametrize("seal", [THEIRS, SIGNED])
def test_a_seal_that_comes_too_late_for_the_id_stands_beside_it(seal: Seal) -> None:
    made = deltas(*call(0, "{", "}", seal=seal))
    google = {"thought_signature": seals.written(seal, "google")}
    assert made[-1] == {"tool_calls": [{"index": 0, "extra_content": {"google": google}}]}


def test_calls_under_way_at_once_begin_in_order() -> None:
    made = deltas(
        PartStarted(index=0, part=ToolCall(id="a", name="look")),
        PartStarted(index=1, part=ToolCall(id="b", name="look")),
        ArgumentsDelta(index=1, text="{"),
        ArgumentsDelta(index=0, text="{}"),
        ArgumentsDelta(index=1, text="}"),
        PartEnded(index=1),
        PartEnded(index=0),
    )
    assert [
        (one["index"], one.get("id"), one["function"]["arguments"]) for delta in made for one in delta["tool_calls"]
    ] == [(0, "a", ""), (0, None, "{}"), (1, "b", "{}")]


def test_arguments_are_json_where_there_are_none() -> None:
    (first,) = deltas(*call(0))
    assert first["tool_calls"][0]["function"]["arguments"] == "{}"
    begun_early = deltas(PartStarted(index=0, part=ToolCall(id="a", name="look")), *call(1, "{}"), PartEnded(index=0))
    assert begun_early[-1] == {"tool_calls": [{"index": 0, "function": {"arguments": "{}"}}]}


def test_a_custom_tools_call() -> None:
    made = deltas(*call(0, "*** ", "Begin", kind="custom"), *call(1, kind="custom"))
    assert made == [
        {"tool_calls": [{"index": 0, "id": "c0", "type": "custom", "custom": {"name": "look", "input": "*** Begin"}}]},
        {"tool_calls": [{"index": 1, "id": "c1", "type": "custom", "custom": {"name": "look", "input": ""}}]},
    ]


def test_a_custom_tool_is_called_with_its_text_though_the_model_wrote_an_object() -> None:
    asked = Request(dialect="openai_chat", model="m", messages=(), tools=(CustomTool(name="look"),))
    custom = {"type": "custom", "custom": {"name": "look", "input": "***"}}
    assert deltas(*call(0, '{"input":"***"}'), asked=asked) == [{"tool_calls": [{"index": 0, "id": "c0", **custom}]}]
    made = deltas(*call(0, '{"inp', 'ut":', '"***"}'), asked=asked)
    empty = {"type": "custom", "custom": {"name": "look", "input": ""}}
    assert made == [
        {"tool_calls": [{"index": 0, "id": "c0", **empty}]},
        {"tool_calls": [{"index": 0, "custom": {"input": "***"}}]},
    ]


LEGACY = Request(
    dialect="openai_chat", model="m", messages=(), tools=(FunctionTool(name="look", extras=own(legacy=True)),)
)


def test_a_client_that_knows_no_tools_gets_its_function_called() -> None:
    made = deltas(*call(0, '{"a"', ":", "1}"), asked=LEGACY)
    assert made == [
        {"function_call": {"name": "look", "arguments": '{"a":'}},
        {"function_call": {"arguments": "1}"}},
    ]
    stream = encode_events(ChatStreamEncoder(LEGACY), [BEGUN, *call(0, "{}"), Ended(stop=Stop(reason="tool_calls"))])
    assert chunks_of(stream)[-1]["choices"][0]["finish_reason"] == "function_call"


def test_what_such_a_client_cannot_be_told() -> None:
    assert losses(*call(0, "{}", seal=THEIRS), asked=LEGACY) == [("parts[0].seal", "seal")]
    assert losses(*call(0, "{", "}", seal=THEIRS), asked=LEGACY) == [("parts[0].seal", "seal")]
    second = [*call(0, "{}"), *call(1, "{", "}", seal=THEIRS)]
    assert ("parts[1]", "tool_call") in losses(*second, asked=LEGACY)


# --------------------------------------------------------------------------------------------------- any at all


@given(interleaved())
def test_any_stream_is_read_as_it_was_meant(events: list[Event]) -> None:
    stream = encode_events(ChatStreamEncoder(ASKED), events)
    decoder, grammar = ChatStreamDecoder(), Grammar()
    again = [event for frame in sse.Splitter().feed(stream) for event in decoder.feed(frame)]
    for event in again:
        grammar.feed(event)
    grammar.finish()
    meant = folded(events)
    if meant.stop is None:
        assert isinstance(again[-1], Failed)
        return
    want, got = said(replied(meant), "openai_chat"), said(folded(again).reply(), "openai_chat")
    # A refusal has its own place, so it does not matter when it came.
    assert (sorted(want.text), want.thought, want.calls) == (sorted(got.text), got.thought, got.calls)


@given(REPLIES)
def test_the_official_sdk_hears_the_whole_reply(reply: Reply) -> None:
    encoder = ChatStreamEncoder(ASKED)
    heard = law_sdks.streamed("openai_chat", encode_events(encoder, unfold(reply)))["choices"][0]
    body, lost = encode_reply(reply, ASKED)
    whole = jsonx.decode_loosely(body)["choices"][0]
    assert heard["finish_reason"] == whole["finish_reason"]
    assert sorted(loss.what for loss in encoder.losses) == sorted(loss.what for loss in lost)
    for member in ("reasoning_content", "refusal"):
        assert (heard["message"].get(member) or "") == (whole["message"].get(member) or "")
    for member in ("reasoning_details", "images"):
        assert (heard["message"].get(member) or []) == whole["message"].get(member, [])
    assert len(heard["message"].get("annotations") or []) == len(whole["message"].get("annotations", []))
    ids = [one["id"] for one in whole["message"].get("tool_calls", [])]
    assert [one["id"] for one in heard["message"].get("tool_calls") or []] == ids
