"""A relayed Messages stream, ended where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.anthropic.stream_cut import AnthropicStreamCut
from argo_relay.framing import jsonx
from argo_relay.framing.sse import Splitter
from support.stage import message_event

START = {"type": "message_start", "message": {"id": "msg_1", "usage": {"input_tokens": 7, "output_tokens": 1}}}


def begin(index: int, kind: str, **more: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": {"type": kind} | more}


def delta(index: int, **more: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": more}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def cut(*events: dict[str, Any]) -> list[Any] | None:
    watch = AnthropicStreamCut()
    for frame in Splitter().feed(b": comment\n\ndata: nonsense\n\ndata: []\n\n" + b"".join(map(message_event, events))):
        watch.feed(frame)
    ending = watch.cut()
    if ending is None:
        return None
    values = []
    for frame in Splitter().feed(ending):
        value = jsonx.decode(frame.data or b"")
        assert frame.event == value["type"].encode()
        values.append(value)
    return values


def test_the_open_block_ends_and_then_the_message() -> None:
    first = [begin(0, "text", text=""), delta(0, type="text_delta", text="a"), stop(0)]
    ended = cut(START, *first, begin(1, "tool_use", id="t", name="n", input={}), delta(1, partial_json='{"a'))
    assert ended == [
        {"type": "content_block_stop", "index": 1},
        {
            "type": "message_delta",
            "delta": {"stop_reason": "max_tokens", "stop_sequence": None},
            "usage": {"input_tokens": 7, "output_tokens": 1},
        },
        {"type": "message_stop"},
    ]


def test_the_last_count_of_tokens_is_told() -> None:
    late = {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 5, "input_tokens": None}}
    *_, told, _ = cut(START, begin(0, "text", text="a"), stop(0), late) or []
    assert told["usage"] == {"input_tokens": 7, "output_tokens": 5}


@pytest.mark.parametrize(
    "events",
    [
        [begin(0, "thinking", thinking=""), delta(0, type="thinking_delta", thinking="a")],
        [begin(0, "tool_use", id="t", name="n", input={})],
        [begin(0, "redacted_thinking", data="x")],
        [begin(0, "server_tool_use", id="t", name="n", input={}), stop(0)],
    ],
)
def test_whatever_is_said_has_been_generated(events: list[dict[str, Any]]) -> None:
    assert cut(START, *events) is not None


@pytest.mark.parametrize(
    "events",
    [
        [],
        [begin(0, "text", text="")],
        [begin(0, "text", text=""), delta(0, type="text_delta", text=""), stop(0)],
        [begin(0, "server_tool_use", id="t", name="n", input={}), delta(0, type="input_json_delta", partial_json="{")],
        [{"type": "ping"}, {"type": "content_block_start"}, {"type": "content_block_delta"}],
    ],
)
def test_what_says_nothing_has_not(events: list[dict[str, Any]]) -> None:
    assert cut(START, *events) is None
