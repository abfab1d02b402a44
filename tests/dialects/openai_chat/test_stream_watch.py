"""A stream is watched without being touched: when content came, how it ended, and what is missing at its end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.dialects.openai_chat.stream_watch import ChatStreamWatch, plain_text
from argo_relay.framing import sse
from argo_relay.framing.sse import Splitter
from argo_relay.neutral.reply import Usage

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
HEAD = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_800_000_000, "model": "gpt-4o-2024-08-06"}
DONE = b"data: [DONE]\n\n"
CALL = [{"index": 0, "id": "call_1", "type": "function", "function": {"name": "look", "arguments": ""}}]


def chunk(*choices: dict[str, Any], **more: Any) -> bytes:
    return sse.write(json.dumps({**HEAD, "choices": list(choices), **more}).encode())


def delta(index: int = 0, finish: str | None = None, **fields: Any) -> dict[str, Any]:
    return {"index": index, "delta": fields, "finish_reason": finish}


class Watched:
    """What the watch says of a stream: whether each frame carries content, and the bytes that the client gets."""

    def __init__(self, stream: bytes) -> None:
        self.watch = ChatStreamWatch()
        splitter = Splitter()
        self.content: list[bool] = []
        self.bytes = b""
        for frame in [*splitter.feed(stream), *splitter.finish()]:
            carries, before = self.watch.feed(frame)
            self.content.append(carries)
            self.bytes += before + frame.raw
        self.rest = self.watch.finish()

    def finishes(self) -> dict[int, list[str]]:
        """Return the finish reasons that the client gets, by choice."""
        found: dict[int, list[str]] = {}
        for frame in Splitter().feed(self.bytes):
            if frame.data is not None and frame.data != b"[DONE]":
                for choice in json.loads(frame.data).get("choices") or ():
                    if choice.get("finish_reason"):
                        found.setdefault(choice["index"], []).append(choice["finish_reason"])
        return found


ROLE = chunk(delta(role="assistant", content="", refusal=None))
HELLO = chunk(delta(content="hello"))
STOP = chunk(delta(finish="stop"))
COUNTS = {"prompt_tokens": 9, "completion_tokens": 3, "total_tokens": 12}
USAGE = chunk(usage=COUNTS)
USED = Usage(input=9, output=3, raw=COUNTS)


@pytest.mark.parametrize(
    "fields",
    [
        {"content": "x"},
        {"content": " "},
        {"role": "assistant", "content": "x"},
        {"tool_calls": CALL},
        {"function_call": {"name": "look", "arguments": ""}},
        {"refusal": "no"},
        {"reasoning_content": "x"},
        {"reasoning": "x", "content": None},
        {"reasoning_details": [{"type": "reasoning.text", "text": "x"}]},
        {"annotations": [{}]},
        {"audio": {"id": "a"}},
        {"unheard_of": 1},
    ],
)
def test_what_carries_content(fields: dict[str, Any]) -> None:
    assert Watched(chunk(delta(**fields))).content == [True]


@pytest.mark.parametrize(
    "frame",
    [
        b": keep-alive\n\n",
        b": OPENROUTER PROCESSING\n\n",
        b"\n\n",
        b"event: ping\n\n",
        b"data:\n\n",
        b"data: [DONE]\n\n",
        b"data: null\n\n",
        b"data: [1]\n\n",
        b"data: {}\n\n",
        ROLE,
        chunk(),
        chunk(delta()),
        chunk(delta(content=None, tool_calls=None, refusal=None, reasoning_content="")),
        chunk(delta(content="", tool_calls=[])),
        chunk({"index": 0, "delta": None, "finish_reason": None}),
        chunk({"index": 0, "content_filter_results": {"hate": {"filtered": False}}}),
        chunk(prompt_filter_results=[{"prompt_index": 0}]),
        chunk(usage=None),
        chunk(usage={}),
        chunk(delta(role="assistant"), usage={"prompt_tokens": None, "completion_tokens": None}),
        sse.write(b'{"choices":null}'),
        sse.write(b'{"choices":[null,5,"x"]}'),
        sse.write(b'{"choices":{"index":0}}'),
    ],
)
def test_what_carries_none(frame: bytes) -> None:
    watched = Watched(frame)
    assert watched.content == [False]
    assert watched.watch.failure is None


def test_a_finish_is_content_and_the_usage_is_not() -> None:
    assert Watched(ROLE + HELLO + STOP + USAGE + DONE).content == [False, True, True, False, False]


@pytest.mark.parametrize(
    "stream",
    [
        ROLE + HELLO + STOP + DONE,
        ROLE + HELLO + STOP + USAGE + DONE,
        b": hello\n\n" + ROLE + HELLO + chunk(delta(content="x", finish="length")) + DONE,
        chunk(delta(tool_calls=CALL)) + chunk(delta(finish="tool_calls")) + DONE,
        # Azure's filter speaks of a choice after that choice has finished.
        HELLO + STOP + chunk({"index": 0, "finish_reason": None, "content_filter_offsets": {}}) + DONE,
        # Some repeat an empty delta with the usage.
        HELLO + STOP + chunk(delta(), usage={"prompt_tokens": 1}) + DONE,
        (HELLO + STOP + DONE).replace(b"\n", b"\r\n"),
        (HELLO + STOP + DONE).replace(b"data: ", b"data:"),
        # Hand-made servers put white space behind it, and the official clients take it.
        HELLO + STOP + b"data: [DONE] \n\n",
        DONE,
        HELLO + STOP + DONE + b"\n",
    ],
)
def test_a_proper_stream_is_left_alone(stream: bytes) -> None:
    watched = Watched(stream)
    assert watched.bytes == stream
    assert watched.watch.ended
    assert watched.watch.failure is None
    assert watched.rest == b""


@pytest.mark.parametrize(
    ("stream", "expected"),
    [
        (ROLE + HELLO, {0: ["stop"]}),
        (ROLE + HELLO + USAGE, {0: ["stop"]}),
        (ROLE, {0: ["stop"]}),
        (chunk(delta(tool_calls=CALL)) + chunk(delta(content="")), {0: ["tool_calls"]}),
        (HELLO + chunk(delta(tool_calls=CALL)) + HELLO, {0: ["tool_calls"]}),
        (HELLO + chunk(delta(index=1, content="x")) + STOP, {0: ["stop"], 1: ["stop"]}),
        (
            chunk(delta(index=1, tool_calls=CALL), delta(index=0, content="x"))
            + chunk(delta(index=2, finish="length")),
            {0: ["stop"], 1: ["tool_calls"], 2: ["length"]},
        ),
    ],
)
def test_a_missing_finish_is_filled_in_before_the_end(stream: bytes, expected: dict[int, list[str]]) -> None:
    watched = Watched(stream + DONE)
    assert watched.finishes() == expected
    assert watched.bytes.startswith(stream)
    assert watched.bytes.endswith(DONE)
    assert watched.bytes.count(DONE) == 1
    assert watched.rest == b""


def test_the_finish_that_is_filled_in_looks_like_the_other_chunks() -> None:
    watched = Watched(HELLO + DONE)
    mended = watched.bytes.removeprefix(HELLO).removesuffix(DONE)
    (frame,) = Splitter().feed(mended)
    assert frame.data is not None
    choice = {"index": 0, "delta": {}, "finish_reason": "stop", "logprobs": None}
    assert json.loads(frame.data) == {**HEAD, "choices": [choice]}


def test_a_finish_is_filled_in_once() -> None:
    assert Watched(HELLO + DONE + DONE).finishes() == {0: ["stop"]}


@pytest.mark.parametrize("index", [None, "0", 0.5, [], {}])
def test_a_choice_without_a_number_is_the_first(index: object) -> None:
    unnumbered = chunk({"index": index, "delta": {"content": "x"}}) + chunk({"delta": {"content": "y"}})
    assert Watched(unnumbered + DONE).finishes() == {0: ["stop"]}
    assert Watched(unnumbered + STOP).rest == DONE


@pytest.mark.parametrize(
    "stream",
    [
        HELLO + STOP,
        HELLO + STOP + USAGE,
        HELLO + STOP + USAGE + b": bye\n\n",
        chunk(delta(index=0, finish="stop"), delta(index=1, finish="length")),
    ],
)
def test_done_is_added_where_only_it_is_missing(stream: bytes) -> None:
    watched = Watched(stream)
    assert watched.bytes == stream
    assert watched.rest == DONE


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b": hello\n\n",
        ROLE,
        ROLE + HELLO,
        HELLO + USAGE,
        chunk(delta(tool_calls=CALL)),
        # One of two choices has finished.
        chunk(delta(index=1, content="x")) + HELLO + STOP,
        # Cut in the middle of a frame, before its finish and after it.
        HELLO + STOP[:-20],
        HELLO + STOP + USAGE[:-20],
        HELLO + STOP + b"data: {",
    ],
)
def test_a_stream_that_was_cut_is_not_ended(stream: bytes) -> None:
    watched = Watched(stream)
    assert watched.rest is None
    assert not watched.watch.ended


@pytest.mark.parametrize("lacks", [b"\n", b"\n\n"])
def test_a_last_frame_without_its_blank_line_is_closed_before_anything_follows(lacks: bytes) -> None:
    for stream in (HELLO + STOP, HELLO + STOP + USAGE):
        watched = Watched(stream.removesuffix(lacks))
        assert watched.rest is not None
        data = [frame.data for frame in Splitter().feed(watched.bytes + watched.rest) if frame.data is not None]
        assert data == [frame.data for frame in Splitter().feed(stream + DONE)]
    assert Watched((HELLO + STOP + DONE).removesuffix(lacks)).rest == b"\n\n"


@pytest.mark.parametrize(
    "frame",
    [
        sse.write(b'{"error":{"message":"boom","type":"server_error","code":null}}'),
        sse.write(b'{"error":"boom"}'),
        b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"boom"}}\n\n',
        chunk(delta(finish="error"), error={"code": 400, "message": "Token limit reached"}),
    ],
)
def test_an_error_in_the_stream_is_passed_on_and_nothing_is_added(frame: bytes) -> None:
    watched = Watched(HELLO + frame)
    assert watched.watch.failure is not None
    assert not watched.watch.ended
    assert watched.content == [True, True]
    assert watched.bytes == HELLO + frame
    assert watched.rest == b""


@pytest.mark.parametrize("error", [None, "", {}])
def test_an_error_field_without_an_error_is_none(error: object) -> None:
    watched = Watched(chunk(delta(content="x"), error=error) + STOP + DONE)
    assert watched.watch.failure is None
    assert watched.watch.ended


@pytest.mark.parametrize(
    "frame",
    [
        b"data: hello\n\n",
        b'data: {"choices":\n\n',
        b"data: \xff\n\n",
        b"data: " + b"[" * 10_000 + b"\n\n",
        b'event: unheard.of\ndata: {"type":"unheard.of"}\n\n',
        b"data: 5\n\n",
    ],
)
def test_frames_that_mean_nothing_are_let_through(frame: bytes) -> None:
    watched = Watched(HELLO + frame + STOP + DONE)
    assert watched.content == [True, False, True, False]
    assert watched.bytes == HELLO + frame + STOP + DONE
    assert watched.rest == b""


def test_half_an_emoji_is_content() -> None:
    halves = [sse.write(b'{"choices":[{"index":0,"delta":{"content":"\\u%s"}}]}' % half) for half in (b"d83d", b"de00")]
    assert Watched(b"".join(halves)).content == [True, True]


def test_the_last_usage_counts() -> None:
    first = chunk(delta(content="x"), usage={"prompt_tokens": 9, "completion_tokens": 1})
    assert Watched(first + HELLO + STOP + USAGE + DONE).watch.usage == USED
    assert Watched(HELLO + STOP + DONE).watch.usage is None


@pytest.mark.parametrize("usage", [None, {}, {"prompt_tokens": None, "completion_tokens": None, "total_tokens": None}])
def test_a_usage_that_counts_nothing_replaces_none(usage: object) -> None:
    assert Watched(HELLO + USAGE + chunk(delta(finish="stop"), usage=usage) + DONE).watch.usage == USED


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3) | st.sampled_from(["stop", "tool_calls"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["choices", "index", "delta", "finish_reason", "usage", "error", "content"]),
            inner,
            max_size=5,
        )
    ),
    max_leaves=10,
)


@UNTIMED
@given(st.lists(st.one_of(JSON.map(lambda value: sse.write(json.dumps(value).encode())), st.just(DONE)), max_size=6))
def test_whatever_comes_is_let_through(frames: list[bytes]) -> None:
    watched = Watched(b"".join(frames))
    assert len(watched.content) == len(frames)
    position = 0
    for frame in frames:
        position = watched.bytes.index(frame, position) + len(frame)
    assert position == len(watched.bytes)


PROPER = (
    ROLE + HELLO + chunk(delta(index=1, tool_calls=CALL)) + STOP + chunk(delta(index=1, finish="tool_calls")) + USAGE
)


@UNTIMED
@given(st.integers(0, len(PROPER)))
def test_a_stream_cut_anywhere_is_never_passed_on_as_a_good_end(at: int) -> None:
    stream = PROPER[:at]
    watched = Watched(stream)
    last_finish = PROPER.index(USAGE)
    ends = {len(PROPER) - lacking for lacking in (0, 1, 2)} | {last_finish - lacking for lacking in (0, 1, 2)}
    if at in ends:
        assert watched.rest is not None
        assert watched.rest.endswith(DONE)
    else:
        assert watched.rest is None


@pytest.mark.parametrize(("last", "complete"), [(b"d", False), (b"dat", False), (b"event", False), (b": by", True)])
def test_a_last_frame_without_its_fields_name_was_cut_off(last: bytes, complete: bool) -> None:
    assert Watched(HELLO + STOP + last).rest == (b"\n\n" + DONE if complete else None)


def test_usage_where_groq_puts_it() -> None:
    assert Watched(HELLO + chunk(delta(finish="stop"), x_groq={"usage": COUNTS}) + DONE).watch.usage == USED


def test_a_legacy_completions_text_is_content() -> None:
    said = Watched(
        chunk({"index": 0, "text": "", "finish_reason": None})
        + chunk({"index": 0, "text": "hello", "logprobs": None, "finish_reason": None})
        + chunk({"index": 0, "text": "", "finish_reason": "stop"})
        + DONE
    )
    assert said.content == [False, True, True, False]
    assert (said.watch.ended, said.rest) == (True, b"")


@pytest.mark.parametrize(
    "error",
    [
        {"error": {"message": "No."}, "choices": []},
        {"error": "No."},
        {"object": "error", "message": "No."},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "error", "error": {"code": 502, "message": "No."}}]},
    ],
)
def test_errors_of_every_form_fail_a_stream(error: dict[str, Any]) -> None:
    assert Watched(HELLO + sse.write(json.dumps(error).encode())).watch.failure is not None


@pytest.mark.parametrize(
    ("choice", "more", "text"),
    [
        ({"index": 0, "delta": {"content": "a", "role": "assistant"}, "finish_reason": None}, {"usage": None}, "a"),
        ({"delta": {"content": "a", "refusal": None}}, {}, "a"),
        ({"delta": {"content": ""}}, {}, None),
        ({"delta": {"content": ["a"]}}, {}, None),
        ({"delta": {"content": "a", "reasoning": "b"}}, {}, None),
        ({"delta": {"content": "a"}, "finish_reason": "stop"}, {}, None),
        ({"delta": {"content": "a"}, "logprobs": {"content": []}}, {}, None),
        ({"delta": {"content": "a"}, "error": {"message": "x"}}, {}, None),
        ({"index": 1, "delta": {"content": "a"}}, {}, None),
        ({"delta": {"content": "a"}}, {"usage": {"prompt_tokens": 1}}, None),
        ({"delta": {"content": "a"}}, {"error": {"message": "x"}}, None),
        ({"delta": {"content": "a"}}, {"x_groq": {"usage": {}}}, None),
        ({"delta": "a"}, {}, None),
        ("a", {}, None),
    ],
)
def test_what_says_nothing_but_text_is_known_at_a_glance(choice: Any, more: dict[str, Any], text: str | None) -> None:
    assert plain_text({"choices": [choice], **more}) == text
    assert plain_text({"choices": [choice, choice], **more}) is None
