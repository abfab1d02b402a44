from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.content_decoder import decode_citation
from argo_relay.dialects.anthropic.stream_decoder import AnthropicStreamDecoder
from argo_relay.framing import sse
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.content import Opaque, Reasoning, Seal, Text, ToolCall
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
from argo_relay.neutral.reply import Stop
from support.grammar import Grammar

START: dict[str, Any] = {
    "type": "message_start",
    "message": {
        "id": "msg_1",
        "model": "claude",
        "usage": {"input_tokens": 5, "cache_read_input_tokens": 3, "output_tokens": 1, "service_tier": "standard"},
    },
}
ENDING = {
    "type": "message_delta",
    "delta": {"stop_reason": "end_turn", "stop_sequence": None},
    "usage": {"output_tokens": 7, "input_tokens": None},
}
STOP = {"type": "message_stop"}
CITATION = {"type": "char_location", "cited_text": "q"}


def start(block: dict[str, Any], index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(kind: str, member: str, value: Any, index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, member: value}}


def stop(index: int = 0) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def events(*said: dict[str, Any] | bytes, finish: bool = True) -> list[Event]:
    decoder, splitter = AnthropicStreamDecoder(), Splitter()
    data = b"".join(one if isinstance(one, bytes) else sse.write(json.dumps(one).encode()) for one in said)
    made = [event for frame in (*splitter.feed(data), *splitter.finish()) for event in decoder.feed(frame)]
    made += decoder.finish() if finish else []
    grammar = Grammar()
    for event in made:
        grammar.feed(event)
    if finish:
        grammar.finish()
    return made


def parts(*said: dict[str, Any]) -> list[Event]:
    """Return what stands between the beginning and the end."""
    made = events(START, *said, ENDING, STOP)
    assert isinstance(made[-1], Ended)
    return [event for event in made if not isinstance(event, Started | UsageSeen | Ended)]


def test_a_whole_stream() -> None:
    made = events(
        START,
        {"type": "ping"},
        b": hello\n\n",
        start({"type": "text", "text": ""}),
        delta("text_delta", "text", "Hi"),
        stop(),
        ENDING,
        STOP,
        start({"type": "text", "text": "after the end"}),
    )
    assert made[0] == Started(id="msg_1", model="claude", service_tier="default")
    assert made[2:-2] == [
        Heartbeat(),
        Heartbeat(),
        PartStarted(index=0, part=Text(text="")),
        TextDelta(index=0, text="Hi"),
        PartEnded(index=0),
    ]
    assert made[-1] == Ended(stop=Stop(reason="end", raw="end_turn"))
    first, last = (event.usage for event in made if isinstance(event, UsageSeen))
    assert (first.input, first.output, last.input, last.output, last.cache_read) == (8, 1, 8, 7, 3)


@pytest.mark.parametrize(
    ("said", "made"),
    [
        (
            [
                start({"type": "thinking", "thinking": "", "signature": ""}),
                delta("thinking_delta", "thinking", "Hm"),
                delta("signature_delta", "signature", "s"),
            ],
            [
                PartStarted(index=0, part=Reasoning()),
                TextDelta(index=0, text="Hm"),
                SealDelta(index=0, seal=Seal(issuer="anthropic", kind="signature", value="s")),
            ],
        ),
        (
            [start({"type": "redacted_thinking", "data": "d"})],
            [PartStarted(index=0, part=Reasoning(seal=Seal(issuer="anthropic", kind="redacted", value="d")))],
        ),
        (
            [
                start({"type": "tool_use", "id": "t", "name": "n", "input": {}}),
                delta("input_json_delta", "partial_json", ""),
                delta("input_json_delta", "partial_json", '{"a"'),
                delta("input_json_delta", "partial_json", ": 1}"),
            ],
            [
                PartStarted(index=0, part=ToolCall(id="t", name="n")),
                ArgumentsDelta(index=0, text='{"a"'),
                ArgumentsDelta(index=0, text=": 1}"),
            ],
        ),
        (
            [start({"type": "tool_use", "id": "t", "name": "n", "input": {"a": 1}})],
            [PartStarted(index=0, part=ToolCall(id="t", name="n")), ArgumentsDelta(index=0, text='{"a":1}')],
        ),
        (
            [
                start({"type": "text", "text": ""}),
                delta("citations_delta", "citation", CITATION),
                delta("text_delta", "text", ""),
                delta("text_delta", "text", 5),
                delta("new_delta", "new", "x"),
            ],
            [PartStarted(index=0, part=Text(text="")), Cited(index=0, citation=decode_citation(CITATION))],
        ),
        (
            [delta("text_delta", "text", "no start")],
            [PartStarted(index=0, part=Text(text="")), TextDelta(index=0, text="no start")],
        ),
    ],
)
def test_each_block_is_a_part(said: list[dict[str, Any]], made: list[Event]) -> None:
    assert parts(*said, stop()) == [*made, PartEnded(index=0)]
    # A careless server leaves the stops out.
    assert parts(*said) == [*made, PartEnded(index=0)]


@pytest.mark.parametrize(
    ("said", "payload"),
    [
        (
            [
                start({"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}),
                delta("input_json_delta", "partial_json", '{"query":'),
                delta("input_json_delta", "partial_json", ' "q"}'),
            ],
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "q"}},
        ),
        (
            [
                start({"type": "compaction", "content": None}),
                {**delta("compaction_delta", "content", "Sum"), "index": 0},
                {**delta("compaction_delta", "content", "mary"), "index": 0},
            ],
            {"type": "compaction", "content": "Summary"},
        ),
        (
            [start({"type": "mcp_tool_use", "input": {}}), delta("input_json_delta", "partial_json", "{broken")],
            {"type": "mcp_tool_use", "input": {}},
        ),
        ([start({"type": "new", "x": 1})], {"type": "new", "x": 1}),
    ],
)
def test_what_only_anthropic_knows_comes_whole(said: list[dict[str, Any]], payload: dict[str, Any]) -> None:
    opaque = PartStarted(index=0, part=Opaque(dialect="anthropic", payload=payload))
    assert parts(*said, stop()) == [opaque, PartEnded(index=0)]


def test_a_text_without_text_is_no_part() -> None:
    assert parts(start({"type": "text", "text": ""}), delta("text_delta", "text", ""), stop()) == []


def test_blocks_may_be_open_at_once() -> None:
    made = parts(
        start({"type": "text", "text": "a"}),
        start({"type": "server_tool_use", "input": {}}, 1),
        start({"type": "tool_use", "id": "t", "name": "n"}, 2),
        delta("text_delta", "text", "b"),
        stop(1),
        stop(2),
        stop(),
    )
    started = [event for event in made if isinstance(event, PartStarted)]
    assert [event.index for event in started] == [0, 1, 2]
    assert TextDelta(index=0, text="b") in made


def test_calls_end_a_reply_as_calls() -> None:
    call = start({"type": "tool_use", "id": "t", "name": "n", "input": {}})
    assert events(START, call, ENDING, STOP)[-1] == Ended(stop=Stop(reason="tool_calls", raw="end_turn"))
    assert events(START, call, STOP)[-1] == Ended(stop=Stop(reason="tool_calls"))


def test_a_reply_that_said_why_it_stopped_is_complete() -> None:
    assert isinstance(events(START, ENDING)[-1], Ended)
    assert isinstance(events(START, ENDING, b"data: [DONE]\n\n")[-1], Ended)


@pytest.mark.parametrize(
    "said",
    [
        [],
        [STOP],
        [START],
        [START, start({"type": "text", "text": "a"}), delta("text_delta", "text", "b")],
        [START, b"data: [DONE]\n\n"],
        [{"type": "error"}],
    ],
)
def test_a_stream_that_breaks_off_fails(said: list[Any]) -> None:
    failed = events(*said)[-1]
    assert isinstance(failed, Failed)
    assert (failed.failure.status, failed.failure.code) == (502, "upstream_incomplete")
    assert failed.failure.at_fault == "upstream"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ({"type": "error", "error": {"type": "overloaded_error", "message": "No."}}, 529),
        ({"error": {"message": "No."}}, 502),
    ],
)
def test_an_error_is_a_failure(said: dict[str, Any], status: int) -> None:
    for before in ([], [START]):
        failed = events(*before, said, STOP)[-1]
        assert isinstance(failed, Failed)
        assert (failed.failure.status, failed.failure.message) == (status, "No.")


def test_what_cannot_be_read_is_a_failure() -> None:
    failed = events(START, b"data: {broken\n\n", STOP)[-1]
    assert isinstance(failed, Failed)
    assert failed.failure.code == "upstream_unreadable"


def test_a_second_start_is_no_start() -> None:
    made = events(START, START, ENDING, STOP)
    assert [type(event) for event in made].count(Started) == 1


NAMES = st.sampled_from(
    [
        *("message_start", "content_block_start", "content_block_delta", "content_block_stop", "message_delta"),
        *("message_stop", "ping", "error", "text", "tool_use", "text_delta", "input_json_delta", "citations_delta"),
    ]
)
JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.text(max_size=4) | NAMES,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(
            st.sampled_from(["type", "index", "delta", "content_block", "message", "usage", "text", "name", "error"]),
            inner,
        )
    ),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {"type": NAMES, "index": st.integers(0, 2)},
    optional={"delta": JSON, "content_block": JSON, "message": JSON, "usage": JSON, "error": JSON},
)


@given(st.lists(EVENTS | JSON, max_size=8))
def test_whatever_comes_keeps_to_the_grammar(said: list[Any]) -> None:
    events(*(sse.write(json.dumps(one).encode()) for one in said))


@given(st.binary(max_size=200))
def test_no_bytes_raise(data: bytes) -> None:
    events(data)
