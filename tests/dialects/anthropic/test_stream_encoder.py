from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.stream_decoder import AnthropicStreamDecoder
from argo_relay.dialects.anthropic.stream_encoder import PING, AnthropicStreamEncoder
from argo_relay.dialects.base import encode_events
from argo_relay.framing.sse import Splitter
from argo_relay.neutral import seals
from argo_relay.neutral.content import (
    Citation,
    Media,
    Opaque,
    Part,
    Reasoning,
    Refusal,
    Seal,
    Text,
    ToolCall,
)
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
from argo_relay.neutral.fold import Fold, unfold
from argo_relay.neutral.reply import Reply, Stop, Usage
from argo_relay.neutral.request import Request

ASKED = Request(dialect="anthropic", model="m", messages=(), stream=True)
FOREIGN = Seal(issuer="google", kind="thought", value="g")
OWN = Seal(issuer="anthropic", kind="signature", value="s")
STARTED = Started(id="1", model="m")
ENDED = Ended(stop=Stop(reason="end"))


def written(*events: Event) -> tuple[list[dict[str, Any]], list[str]]:
    encoder = AnthropicStreamEncoder(ASKED)
    frames = Splitter().feed(encode_events(encoder, events))
    said = [json.loads(frame.data or b"") for frame in frames]
    assert [one["type"].encode() for one in said] == [frame.event for frame in frames]
    return said, [loss.what for loss in encoder.losses]


def blocks(*parts: Part, stop: str = "end") -> tuple[list[dict[str, Any]], list[str]]:
    """Return what stands between message_start and message_delta for whole parts."""
    reply = Reply(id="1", model="m", parts=parts, stop=Stop(reason=stop))  # type: ignore[arg-type]
    said, lost = written(*unfold(reply))
    assert [one["type"] for one in (said[0], *said[-2:])] == ["message_start", "message_delta", "message_stop"]
    return said[1:-2], lost


def block(content: dict[str, Any], *deltas: dict[str, Any], index: int = 0) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": content},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def text(said: str) -> dict[str, Any]:
    return {"type": "text_delta", "text": said}


def json_delta(said: str) -> dict[str, Any]:
    return {"type": "input_json_delta", "partial_json": said}


EMPTY = {"type": "text", "text": ""}
THOUGHT = {"type": "thinking", "thinking": "", "signature": ""}
SEARCH = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"q": 1}}


def test_the_frame_of_a_stream() -> None:
    usage = Usage(input=9, output=4, cache_read=2, cache_write=3, cache_write_1h=1, reasoning=1)
    said, lost = written(
        Started(id="chatcmpl-1", model="m", service_tier="priority"),
        UsageSeen(usage=Usage(input=9, output=1)),
        UsageSeen(usage=usage),
        Ended(stop=Stop(reason="stop_sequence", sequence="END")),
    )
    assert lost == []
    assert said == [
        {
            "type": "message_start",
            "message": {
                "id": "msg_chatcmpl-1",
                "type": "message",
                "role": "assistant",
                "model": "m",
                "content": [],
                "stop_reason": None,
                "stop_sequence": None,
                "usage": {"input_tokens": 0, "output_tokens": 0, "service_tier": "priority"},
            },
        },
        {
            "type": "message_delta",
            "delta": {"stop_reason": "stop_sequence", "stop_sequence": "END"},
            "usage": {
                "input_tokens": 4,
                "output_tokens": 4,
                "cache_creation_input_tokens": 3,
                "cache_read_input_tokens": 2,
                "output_tokens_details": {"thinking_tokens": 1},
                "cache_creation": {"ephemeral_5m_input_tokens": 2, "ephemeral_1h_input_tokens": 1},
            },
        },
        {"type": "message_stop"},
    ]


@pytest.mark.parametrize(
    ("part", "made"),
    [
        (Text(text="hi"), block(EMPTY, text("hi"))),
        (Text(text=""), []),
        (Refusal(text="No."), block(EMPTY, text("No."))),
        (
            Reasoning(text="Hm", seal=OWN),
            block(
                THOUGHT,
                {"type": "thinking_delta", "thinking": "Hm"},
                {"type": "signature_delta", "signature": "s"},
            ),
        ),
        (Reasoning(seal=OWN), block(THOUGHT, {"type": "signature_delta", "signature": "s"})),
        (Reasoning(), block(THOUGHT)),
        (
            Reasoning(text="Hm", seal=FOREIGN),
            block(
                THOUGHT,
                {"type": "thinking_delta", "thinking": "Hm"},
                {"type": "signature_delta", "signature": seals.pack(FOREIGN)},
            ),
        ),
        (
            Reasoning(seal=Seal(issuer="openai", kind="encrypted", value="e")),
            block(
                {
                    "type": "redacted_thinking",
                    "data": seals.pack(Seal(issuer="openai", kind="encrypted", value="e")),
                }
            ),
        ),
        (
            ToolCall(id="t", name="n", namespace="g", arguments='{"a":1}', seal=FOREIGN),
            block(
                {"type": "tool_use", "id": seals.with_seal("t", FOREIGN), "name": "g__n", "input": {}},
                json_delta('{"a":1}'),
            ),
        ),
        (ToolCall(id="t", name="n"), block({"type": "tool_use", "id": "t", "name": "n", "input": {}})),
        (
            ToolCall(id="t", name="n", arguments="text", kind="custom"),
            block({"type": "tool_use", "id": "t", "name": "n", "input": {}}, json_delta('{"input":"text"}')),
        ),
        (
            Opaque(dialect="anthropic", payload=SEARCH),
            block({**SEARCH, "input": {}}, json_delta('{"q":1}')),
        ),
        (
            Opaque(dialect="anthropic", payload={"type": "compaction", "content": "c"}),
            block({"type": "compaction", "content": "c"}),
        ),
    ],
)
def test_each_part_is_a_block(part: Part, made: list[dict[str, Any]]) -> None:
    assert blocks(part) == (made, [])


@pytest.mark.parametrize(
    ("part", "lost"),
    [
        (Media(kind="image", data="QQ=="), ["image"]),
        (Opaque(dialect="google", payload={"type": "code"}), ["code"]),
        (Text(text="", seal=FOREIGN), ["seal"]),
    ],
)
def test_what_cannot_be_shown_is_a_loss(part: Part, lost: list[str]) -> None:
    between, losses = blocks(Text(text="a"), part, Text(text="b"))
    assert between == block(EMPTY, text("a")) + block(EMPTY, text("b"), index=1)
    assert losses == lost


def test_losses_of_a_text_are_told_once() -> None:
    token = {"token": "a"}
    _, lost = written(
        STARTED,
        PartStarted(index=0, part=Text(text="")),
        TextDelta(index=0, text="a", logprobs=(token,)),
        TextDelta(index=0, text="b", logprobs=(token,)),
        Cited(index=0, citation=Citation(dialect="google", payload={})),
        PartEnded(index=0),
        ENDED,
    )
    assert lost == ["logprobs", "citation"]


def test_a_citation_is_a_delta() -> None:
    citation = {"type": "char_location", "cited_text": "q"}
    own = Citation(dialect="anthropic", payload=citation)
    between, _ = blocks(Text(text="hi", citations=(own,)))
    assert between == block(EMPTY, text("hi"), {"type": "citations_delta", "citation": citation})
    between, _ = blocks(Text(text="", citations=(own,)))
    assert between == block(EMPTY, {"type": "citations_delta", "citation": citation})


def test_arguments_flow_from_their_second_piece_on() -> None:
    encoder = AnthropicStreamEncoder(ASKED)
    call = PartStarted(index=0, part=ToolCall(id="t", name="n"))
    assert encode_events(encoder, (STARTED, call, ArgumentsDelta(index=0, text='{"a"'))).count(b"event: ") == 1
    opened = encoder.feed(ArgumentsDelta(index=0, text=": "))
    assert b'"partial_json":"{\\"a\\": "' in opened
    assert encoder.feed(ArgumentsDelta(index=0, text="1}")).count(b"event: ") == 1
    encoder.feed(SealDelta(index=0, seal=FOREIGN))
    assert [loss.what for loss in encoder.losses] == ["seal"]


def test_what_is_no_object_waits_for_its_end() -> None:
    said, lost = written(
        STARTED,
        PartStarted(index=0, part=ToolCall(id="t", name="n")),
        ArgumentsDelta(index=0, text="[1,"),
        ArgumentsDelta(index=0, text="2]"),
        PartEnded(index=0),
        ENDED,
    )
    assert said[2]["delta"] == json_delta('{"arguments":"[1,2]"}')
    assert (said[-2]["delta"]["stop_reason"], lost) == ("tool_use", ["arguments"])


def test_only_one_block_is_open_at_once() -> None:
    said, _ = written(
        STARTED,
        PartStarted(index=0, part=Text(text="")),
        PartStarted(index=1, part=ToolCall(id="t1", name="n")),
        PartStarted(index=2, part=ToolCall(id="t2", name="n")),
        ArgumentsDelta(index=2, text='{"b":'),
        ArgumentsDelta(index=1, text='{"a":'),
        TextDelta(index=0, text="hi"),
        ArgumentsDelta(index=2, text="2}"),
        PartEnded(index=2),
        PartEnded(index=0),
        ArgumentsDelta(index=1, text="1}"),
        PartEnded(index=1),
        ENDED,
    )
    call = {"type": "tool_use", "name": "n", "input": {}}
    assert said[1:-2] == [
        *block(EMPTY, text("hi")),
        *block({**call, "id": "t1"}, json_delta('{"a":1}'), index=1),
        *block({**call, "id": "t2"}, json_delta('{"b":2}'), index=2),
    ]


def test_many_parts_may_wait() -> None:
    count = 3000
    starts = [PartStarted(index=index, part=Text(text="x")) for index in range(count)]
    said, _ = written(STARTED, *starts, *(PartEnded(index=index) for index in reversed(range(count))), ENDED)
    assert [one["index"] for one in said if one["type"] == "content_block_stop"] == list(range(count))


def test_a_sign_of_life_may_come_at_any_time() -> None:
    encoder = AnthropicStreamEncoder(ASKED)
    assert encoder.feed(Heartbeat()) == PING
    encode_events(encoder, (STARTED, PartStarted(index=0, part=Text(text="a"))))
    assert encoder.feed(Heartbeat()) == PING


def test_a_failure_is_the_end() -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, status=504, message="Late.")
    said, _ = written(STARTED, PartStarted(index=0, part=Text(text="a")), Failed(failure=failure))
    assert said[-1] == {"type": "error", "error": {"type": "timeout_error", "message": "Late."}}


def test_a_refusal_ends_as_one() -> None:
    said, _ = written(STARTED, PartStarted(index=0, part=Refusal(text="No.")), PartEnded(index=0), ENDED)
    assert said[-2]["delta"]["stop_reason"] == "refusal"


SEALS = st.sampled_from([None, OWN, FOREIGN])
PARTS = st.one_of(
    st.builds(Text, text=st.text(min_size=1, max_size=5)),
    st.builds(Reasoning, text=st.text(min_size=1, max_size=5), seal=st.sampled_from([None, OWN])),
    st.builds(
        ToolCall,
        id=st.text("abc", min_size=1, max_size=3),
        name=st.just("n"),
        arguments=st.sampled_from(["{}", '{"a":1}', '{"b":"\\ud83d"}']),
    ),
    st.just(Opaque(dialect="anthropic", payload=SEARCH)),
)


@given(st.lists(PARTS, max_size=5), st.randoms(use_true_random=False))
def test_what_is_written_is_read_again(parts: list[Any], random: Any) -> None:
    reason: Any = "tool_calls" if any(isinstance(part, ToolCall) for part in parts) else "end"
    reply = Reply(id="msg_1", model="m", parts=tuple(parts), stop=Stop(reason=reason), usage=Usage(input=5, output=2))
    encoder, decoder, fold = AnthropicStreamEncoder(ASKED), AnthropicStreamDecoder(), Fold()
    for frame in Splitter().feed(encode_events(encoder, _shuffled(reply, random))):
        for event in decoder.feed(frame):
            fold.feed(event)
    again = fold.reply()
    assert again.parts == reply.parts
    assert (again.stop.reason, encoder.losses) == (reason, [])


def _shuffled(reply: Reply, random: Any) -> list[Event]:
    """Return a reply's events with its parts' deltas mixed, as an upstream that opens all parts at once sends them."""
    first, *middle, usage, last = unfold(reply)
    starts = [event for event in middle if isinstance(event, PartStarted)]
    queues: dict[int, list[Event]] = {event.index: [] for event in starts}
    for event in middle:
        if not isinstance(event, PartStarted | Started | UsageSeen | Heartbeat | Ended | Failed):
            queues[event.index].append(event)
    mixed: list[Event] = [first, *starts]
    while queues:
        index = random.choice(sorted(queues))
        mixed.append(queues[index].pop(0))
        if not queues[index]:
            del queues[index]
    return [*mixed, usage, last]
