from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.anthropic.stream_watch import AnthropicStreamWatch
from argo_relay.framing import sse
from argo_relay.framing.sse import Splitter

START = {"type": "message_start", "message": {"usage": {"input_tokens": 5, "cache_read_input_tokens": 3}}}
TEXT = {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
CALL = {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "n"}}
DELTA = {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "hi"}}
ENDING = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 7}}
STOP = {"type": "message_stop"}
PING = {"type": "ping"}


def stream(*events: dict[str, Any], named: bool = True) -> bytes:
    return b"".join(sse.write(json.dumps(one).encode(), one["type"].encode() if named else b"") for one in events)


def watched(data: bytes) -> tuple[AnthropicStreamWatch, list[bool], bytes]:
    watch, splitter = AnthropicStreamWatch(), Splitter()
    answers = [watch.feed(frame) for frame in (*splitter.feed(data), *splitter.finish())]
    return watch, [content for content, _ in answers], b"".join(before for _, before in answers)


@pytest.mark.parametrize("named", [True, False])
def test_a_whole_stream_is_followed(named: bool) -> None:
    watch, content, before = watched(stream(START, PING, TEXT, DELTA, ENDING, STOP, named=named))
    assert content == [False, False, True, True, True, False]
    assert (watch.ended, watch.failure is not None, before, watch.finish()) == (True, False, b"", b"")
    assert watch.usage is not None
    assert (watch.usage.input, watch.usage.output, watch.usage.cache_read) == (8, 7, 3)


@pytest.mark.parametrize("named", [True, False])
def test_a_delta_that_adds_nothing_is_no_content(named: bool) -> None:
    deltas = [{"text": ""}, {"partial_json": ""}, {"text": 'say "" and "text":""'}, {"partial_json": '{"text":""}'}]
    events = [DELTA | {"delta": {"type": "x"} | delta} for delta in deltas]
    assert watched(stream(*events, named=named))[1] == [False, False, True, True]


@pytest.mark.parametrize(("block", "reason"), [(TEXT, "end_turn"), (CALL, "tool_use")])
@pytest.mark.parametrize("named", [True, False])
def test_a_missing_stop_reason_goes_out_before_the_end(block: dict[str, Any], reason: str, named: bool) -> None:
    watch, _, before = watched(stream(START, block, DELTA, STOP, named=named))
    (frame,) = Splitter().feed(before)
    assert frame.event == b"message_delta"
    said = json.loads(frame.data or b"")
    assert said["delta"] == {"stop_reason": reason, "stop_sequence": None}
    assert said["usage"] == {"output_tokens": 0}
    assert watch.ended


def test_a_missing_terminator_is_added() -> None:
    watch, _, _ = watched(stream(START, TEXT, DELTA, ENDING))
    assert not watch.ended
    assert watch.finish() == stream(STOP).replace(b": ", b": ").replace(b'{"type": "', b'{"type":"')


def test_a_stream_that_broke_off_is_not_completed() -> None:
    whole = stream(START, TEXT, DELTA, ENDING)
    for cut in range(len(whole) - 2):
        watch, _, _ = watched(whole[:cut])
        assert watch.finish() is None
    watch, _, _ = watched(whole[:-1])
    assert (watch.finish() or b"").lstrip(b"\n").startswith(b"event: message_stop")


@pytest.mark.parametrize("error", [{"type": "error", "error": {"type": "api_error"}}, {"error": {"message": "No."}}])
def test_an_error_is_seen(error: dict[str, Any]) -> None:
    watch, content, _ = watched(stream(START) + sse.write(json.dumps(error).encode()))
    assert (watch.failure is not None, watch.ended, content[-1]) == (True, False, True)
    assert watch.finish() == b""


def test_comments_are_no_content() -> None:
    assert AnthropicStreamWatch().feed(Splitter().feed(b": hi\n\n")[0]) == (False, b"")


def test_an_end_of_nothing_is_no_end() -> None:
    watch, _, before = watched(stream(STOP))
    assert (watch.ended, before) == (False, b"")
    assert watch.finish() is None


@given(st.lists(st.binary(max_size=40) | st.sampled_from([b"{}", b"[]", b'{"type":[]}', b'{"type":"message_start"}'])))
def test_nothing_raises(datas: list[bytes]) -> None:
    watch, _, _ = watched(b"".join(b"data: " + data + b"\n\n" for data in datas))
    watch.finish()
