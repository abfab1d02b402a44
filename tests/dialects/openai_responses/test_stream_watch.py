from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.openai_responses.stream_watch import ResponsesStreamWatch
from argo_relay.framing import jsonx, sse
from argo_relay.framing.base import Frame
from argo_relay.neutral.failure import Failure, FailureKind

USAGE = {"input_tokens": 5, "output_tokens": 2}
DELTA = {"type": "response.output_text.delta", "delta": "a"}
COMPLETED = {"type": "response.completed", "response": {"status": "completed", "usage": USAGE}}


def frames(*said: dict[str, Any] | bytes, named: bool = True) -> list[Frame]:
    splitter = sse.Splitter()
    wire = b"".join(
        one
        if isinstance(one, bytes)
        else sse.write(jsonx.encode(one), str(one.get("type", "")).encode() if named else b"")
        for one in said
    )
    return [*splitter.feed(wire), *splitter.finish()]


def watched(*said: dict[str, Any] | bytes, named: bool = True) -> tuple[ResponsesStreamWatch, list[bool]]:
    watch = ResponsesStreamWatch()
    seen = [watch.feed(frame) for frame in frames(*said, named=named)]
    assert all(before == b"" for _, before in seen)
    return watch, [content for content, _ in seen]


@pytest.mark.parametrize("named", [True, False])
def test_a_stream_that_ends(named: bool) -> None:
    created = {"type": "response.created", "response": {}}
    progress = {"type": "response.in_progress", "response": {}}
    watch, content = watched(
        created, progress, {"type": "keepalive"}, b": hi\n\n", DELTA, COMPLETED, DELTA, named=named
    )
    assert content == [False, False, False, False, True, True, False]
    assert (watch.ended, watch.failure is not None, watch.finish()) == (True, False, b"")
    assert watch.usage is not None
    assert (watch.usage.input, watch.usage.output) == (5, 2)


@pytest.mark.parametrize("named", [True, False])
def test_a_delta_that_adds_nothing_is_no_content(named: bool) -> None:
    texts = ["", 'say "" and "delta":""']
    assert watched(*(DELTA | {"delta": text} for text in texts), named=named)[1] == [False, True]


def test_words_of_an_ending_within_a_text_end_nothing() -> None:
    quoted = {**DELTA, "delta": 'say "response.completed" and "error"'}
    for named in (True, False):
        watch, content = watched(quoted, named=named)
        assert (content, watch.ended, watch.failure is not None, watch.finish()) == ([True], False, False, None)


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": {"status": "failed"}},
        {"type": "response.completed", "response": {"status": "failed"}},
        {"type": "error", "message": "No."},
        {"error": {"message": "No."}},
    ],
)
def test_a_stream_that_fails(last: dict[str, Any]) -> None:
    watch = ResponsesStreamWatch()
    named = b"error" if "type" not in last else last["type"].encode()
    for frame in [*frames(DELTA), *frames(sse.write(jsonx.encode(last), named))]:
        watch.feed(frame)
    assert (watch.ended, watch.failure is not None, watch.usage) == (False, True, None)
    assert watch.finish() == b""


def test_an_incomplete_reply_is_an_end() -> None:
    watch, _ = watched({"type": "response.incomplete", "response": {"usage": USAGE}})
    assert (watch.ended, watch.failure is not None) == (True, False)
    assert watch.usage is not None


def test_a_lacking_blank_line_is_supplied() -> None:
    whole = sse.write(jsonx.encode(COMPLETED), b"response.completed")
    watch, _ = watched(whole.rstrip(b"\n"))
    assert watch.ended
    assert sse.Splitter().feed(whole.rstrip(b"\n") + (watch.finish() or b"")) != []


@pytest.mark.parametrize("said", [[], [DELTA], [b"data: {broken\n\n"], [b"event: response.completed\ndata: {x\n\n"]])
def test_a_stream_that_breaks_off(said: list[Any]) -> None:
    assert watched(*said)[0].finish() is None


@given(st.binary(max_size=80), st.sampled_from([b"error", b"response.completed", b"x", None]))
def test_no_bytes_raise(data: bytes, name: bytes | None) -> None:
    ResponsesStreamWatch().feed(Frame(raw=data, data=data, event=name))


@pytest.mark.parametrize("named", [True, False])
def test_an_error_is_the_end_of_the_response_that_has_begun(named: bool) -> None:
    failure = Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.", code="timeout_total")
    created = {"id": "resp_1", "created_at": 7, "status": "in_progress", "model": "m", "error": None}
    watch, _ = watched(b": hi\n\n", {"type": "response.created", "response": created}, DELTA, named=named)
    (frame,) = sse.Splitter().feed(watch.fail(failure))
    said = jsonx.decode(frame.data or b"")
    assert (said["type"], frame.event) == ("response.failed", b"response.failed")
    assert said["response"]["id"] == "resp_1"
    assert said["response"]["created_at"] == 7
    assert said["response"]["status"] == "failed"
    assert said["response"]["error"] == {"code": "timeout_total", "message": "Too late."}


def test_an_error_comes_even_where_nothing_has_begun() -> None:
    failure = Failure(kind=FailureKind.INTERNAL, status=500, message="m")
    (frame,) = sse.Splitter().feed(ResponsesStreamWatch().fail(failure))
    assert jsonx.decode(frame.data or b"")["response"]["status"] == "failed"


@pytest.mark.parametrize(("own", "number"), [(False, 5), (True, 5)])
def test_an_error_of_ours_has_the_streams_next_number(own: bool, number: int) -> None:
    """Also where it takes the place of the upstream's own, which is not passed on then."""
    watch = ResponsesStreamWatch()
    events = [
        {"type": "response.created", "sequence_number": 0, "response": {"id": "resp_1"}},
        {"type": "response.output_text.delta", "delta": 'the "sequence_number":99', "sequence_number": 4},
        *([{"type": "error", "sequence_number": 5, "message": "no"}] if own else []),
    ]
    for event in events:
        for frame in sse.Splitter().feed(sse.write(jsonx.encode(event), str(event["type"]).encode())):
            watch.feed(frame)
    (frame,) = sse.Splitter().feed(watch.fail(Failure(kind=FailureKind.TIMEOUT, status=504, message="Too late.")))
    assert jsonx.decode(frame.data or b"")["sequence_number"] == number
