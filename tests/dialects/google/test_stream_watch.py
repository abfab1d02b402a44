from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.stream_watch import GoogleStreamWatch
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.framing.jsonarray import JSON_ARRAY

USAGE = {"promptTokenCount": 3, "candidatesTokenCount": 2}
MORE: dict[str, Any] = {
    "candidates": [{"content": {"parts": [{"text": "a"}]}}],
    "usageMetadata": {"promptTokenCount": 3},
}
LAST: dict[str, Any] = {"candidates": [{"finishReason": "STOP"}], "usageMetadata": USAGE}
ERROR = {"error": {"code": 503, "message": "busy"}}


def watched(wire: bytes, *, array: bool = False) -> tuple[GoogleStreamWatch, list[bool]]:
    splitter, watch = (JSON_ARRAY.splitter() if array else sse.Splitter()), GoogleStreamWatch()
    frames = [*splitter.feed(wire), *splitter.finish()]
    return watch, [watch.feed(frame)[0] for frame in frames]


def events(*values: Any) -> bytes:
    return b"".join(sse.write(jsonx.encode(value)) for value in values)


def elements(*values: Any) -> bytes:
    return b"[" + b",\r\n".join(jsonx.encode(value) for value in values)


def test_a_stream_that_ends_properly() -> None:
    watch, carried = watched(events(MORE, {}, MORE, LAST))
    assert carried == [True, False, True, True]
    assert (watch.ended, watch.failure is not None, watch.finish()) == (False, False, b"")
    assert watch.usage is not None
    assert (watch.usage.input, watch.usage.output) == (3, 2)


@pytest.mark.parametrize(
    ("candidate", "carries"),
    [
        ({"content": {"parts": [{"text": ""}]}}, False),
        ({"content": {"parts": []}, "index": 0}, False),
        ({"content": {"role": "model"}, "safetyRatings": []}, False),
        ({}, False),
        ({"content": {"parts": [{"text": "a"}]}}, True),
        ({"content": {"parts": [{"text": '"text": ""'}]}}, True),
        ({"content": {"parts": [{"text": "", "thoughtSignature": "c2lnbg=="}]}}, True),
        ({"content": {"parts": [{"functionCall": {"name": "n", "args": {"text": ""}}}]}}, True),
        ({"groundingMetadata": {}}, True),
    ],
)
def test_a_chunk_that_adds_nothing_is_no_content(candidate: dict[str, Any], carries: bool) -> None:
    assert watched(events({"candidates": [candidate]}, [{"candidates": [candidate]}]))[1] == [carries, carries]
    assert watched(elements({"candidates": [candidate]}), array=True)[1] == [carries]


def test_usage_may_follow_the_finish() -> None:
    watch, _ = watched(events(MORE, {"candidates": [{"finishReason": "STOP"}]}, {"usageMetadata": USAGE}))
    assert watch.finish() == b""
    assert watch.usage is not None
    assert watch.usage.output == 2


def test_a_stream_that_breaks_off_says_what_it_cost_so_far() -> None:
    watch, _ = watched(events(MORE, MORE))
    assert watch.finish() is None
    assert watch.usage is not None
    assert watch.usage.input == 3


@pytest.mark.parametrize(
    "values",
    [
        (LAST, MORE),
        ({"candidates": [{"finishReason": "STOP", "content": {"parts": [{"executableCode": {}}]}}]},),
        ({"candidates": [{"content": {"parts": [{"functionCall": {"args": {"finishReason": "STOP"}}}]}}]},),
        (["finishReason"],),
    ],
)
def test_what_only_looks_like_an_end_is_none(values: tuple[Any, ...]) -> None:
    assert watched(events(*values))[0].finish() is None


def test_a_blocked_prompt_is_an_end() -> None:
    assert watched(events({"promptFeedback": {"blockReason": "SAFETY"}}))[0].finish() == b""


def test_a_last_event_without_its_blank_line_gets_one() -> None:
    assert watched(events(LAST)[:-2])[0].finish() == b"\n\n"
    assert watched(events(LAST).replace(b"\n", b"\r\n"))[0].finish() == b""


def test_a_last_event_that_was_cut_is_no_end() -> None:
    assert watched(events(LAST, {"usageMetadata": USAGE})[:-9])[0].finish() is None


@pytest.mark.parametrize("error", [ERROR, [ERROR]])
def test_an_error_fails_the_stream(error: Any) -> None:
    watch, carried = watched(events(MORE, error))
    assert (watch.failure is not None, carried[-1], watch.finish()) == (True, True, b"")


def test_comments_and_done() -> None:
    watch, carried = watched(b": hello\n\n" + events(LAST) + b"data: [DONE]\n\n")
    assert carried == [False, True, False]
    assert (watch.ended, watch.finish()) == (True, b"")


def test_a_word_in_a_text_is_no_error() -> None:
    text = {"candidates": [{"content": {"parts": [{"text": 'say "error" or "finishReason"'}]}}]}
    assert watched(events(text))[0].failure is None


def test_an_array_that_ends_properly() -> None:
    watch, carried = watched(elements(MORE, LAST) + b"]", array=True)
    assert carried == [True, True, False]
    assert (watch.ended, watch.finish()) == (True, b"")
    assert watch.usage is not None


def test_an_array_without_its_bracket_gets_one() -> None:
    assert watched(elements(MORE, LAST), array=True)[0].finish() == b"]"
    assert watched(elements(MORE, ERROR), array=True)[0].finish() == b"]"


def test_an_array_that_breaks_off_is_none() -> None:
    assert watched(elements(MORE) + b"]", array=True)[0].finish() is None
    assert watched(elements(MORE, LAST, MORE)[:-5], array=True)[0].finish() is None


def test_a_bare_error_object_fails_an_array() -> None:
    watch, _ = watched(jsonx.encode(ERROR), array=True)
    assert (watch.failure is not None, watch.finish()) == (True, b"")


json = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["candidates", "finishReason", "error", "promptFeedback", "usageMetadata", "content", "parts"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@given(st.lists(json, max_size=4), st.integers(0, 100), st.booleans())
def test_nothing_is_too_strange(values: list[Any], cut: int, array: bool) -> None:
    wire = elements(*values) if array else events(*values)
    watch, _ = watched(wire[: len(wire) * cut // 100], array=array)
    watch.finish()
    assert watch.feed(Frame(b"data: {\n\n", b"{"))[1] == b""
