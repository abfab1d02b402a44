from __future__ import annotations

import json
from itertools import islice
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator import chat_bodies, script
from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.chat_voice import ChatVoice
from argo_relay.simulator.directives import parse
from argo_relay.simulator.errors import QUOTA
from argo_relay.simulator.models import find
from argo_relay.simulator.request import Refusal
from argo_relay.simulator.script import Cut, Finish, Hang, Start, Step, Write

MODEL = find("gpt4o")
assert MODEL is not None
STAMP = chat_bodies.stamp(MODEL, 1)
PIECES = ("one", " two", " three")


ANSWER = Answer(parts=(Part(kind="text", pieces=PIECES),), finish="stop", tokens=Tokens(prompt=7, completion=3))


def reply(**fields: Any) -> ChatVoice:
    return ChatVoice(stamp=STAMP, answer=ANSWER, **fields)


def streamed(orders: str = "", **fields: Any) -> list[Step]:
    return list(script.streamed(reply(**fields), parse(orders)))


def whole(orders: str = "", **fields: Any) -> list[Step]:
    return list(script.whole(reply(**fields), parse(orders)))


def written(steps: list[Step]) -> bytes:
    return b"".join(step.data for step in steps if isinstance(step, Write))


def events(steps: list[Step]) -> list[Any]:
    frames = written(steps).decode().split("\n\n")[:-1]
    datas = [frame.removeprefix("data: ") for frame in frames if frame.startswith("data: ")]
    return [data if data == "[DONE]" else json.loads(data) for data in datas]


def contents(steps: list[Step]) -> list[str]:
    choices = [choice for event in events(steps) if "choices" in event for choice in event["choices"]]
    return [choice["delta"]["content"] for choice in choices if choice["delta"]["content"]]


def test_a_stream_opens_with_the_role_and_ends_with_done() -> None:
    steps = streamed()
    assert isinstance(steps[0], Start)
    assert dict(steps[0].headers)[b"content-type"] == b"text/event-stream; charset=utf-8"
    assert isinstance(steps[-1], Finish)
    first, *middle, last, done = events(steps)
    assert first["choices"][0]["delta"]["role"] == "assistant"
    assert first["choices"][0]["delta"]["content"] == ""
    assert [event["choices"][0]["delta"]["content"] for event in middle] == list(PIECES)
    assert last["choices"][0]["finish_reason"] == "stop"
    assert done == "[DONE]"
    assert all(event["choices"] and event["usage"] is None for event in [first, *middle, last])
    assert sum(step.events for step in steps if isinstance(step, Write)) == 6


def test_usage_comes_last_and_only_when_asked_for() -> None:
    *_, usage, done = events(streamed(include_usage=True))
    assert (usage["choices"], usage["usage"]["total_tokens"], done) == ([], 10, "[DONE]")


def test_when_things_happen() -> None:
    steps = streamed("[headers=1] [first_token=2] [gap=0.5]")
    assert [step.at for step in steps] == [1.0, 2.0, 2.0, 2.5, 3.0, 3.0, 3.0, 3.0]
    assert [step.at for step in streamed("[first_token=2] [gap=0]")][:2] == [2.0, 2.0]


def test_comments_fill_every_wait_and_are_no_events() -> None:
    steps = streamed("[first_token=1] [comments=0.4] [gap=0.5]")
    comments = [step for step in steps if isinstance(step, Write) and step.data.startswith(b":")]
    assert [round(step.at, 3) for step in comments] == [0.4, 0.8, 1.4, 1.9]
    assert {step.events for step in comments} == {0}
    assert contents(steps) == list(PIECES)


def test_a_dropped_stream_is_cut_after_its_pieces() -> None:
    steps = streamed("[drop_after=2]")
    assert contents(steps) == ["one", " two"]
    assert isinstance(steps[-1], Cut)
    assert [type(step) for step in streamed("[drop_after=0]")] == [Start, Cut]


def test_a_stalled_stream_hangs_after_its_pieces() -> None:
    steps = streamed("[stall_after=1]")
    assert contents(steps) == ["one"]
    assert isinstance(steps[-1], Hang)


def test_a_stalled_stream_with_comments_comments_for_ever() -> None:
    steps = script.streamed(reply(), parse("[stall_after=1] [comments=1] [first_token=0]"))
    late = list(islice(steps, 1000))[-1]
    assert isinstance(late, Write)
    assert late.data.startswith(b": ")
    assert late.at == 997


def test_a_stream_fails_in_band() -> None:
    steps = streamed("[error_after=1]")
    assert events(steps)[-1] == QUOTA
    assert isinstance(steps[-1], Finish)
    assert b"[DONE]" not in written(steps)


def test_the_first_mishap_wins_and_one_beyond_the_end_never_happens() -> None:
    assert contents(streamed("[drop_after=2] [stall_after=1]")) == ["one"]
    assert events(streamed("[drop_after=4] [stall_after=9]"))[-1] == "[DONE]"


def test_what_can_be_left_out() -> None:
    assert events(streamed("[no_done]"))[-1]["choices"][0]["finish_reason"] == "stop"
    *_, last, done = events(streamed("[no_finish]"))
    assert (last["choices"][0]["delta"]["content"], done) == (" three", "[DONE]")
    body = json.loads(written(whole("[no_finish]")))
    assert body["choices"][0]["finish_reason"] is None


def test_an_error_may_hide_behind_a_200() -> None:
    steps = whole("[hidden_error]")
    assert isinstance(steps[0], Start)
    assert (steps[0].status, json.loads(written(steps))) == (200, QUOTA)
    assert events(streamed("[hidden_error]")) == [QUOTA]


def test_a_whole_reply_takes_the_time_of_its_pieces() -> None:
    steps = whole("[first_token=2] [gap=0.5]")
    assert [(type(step), step.at) for step in steps] == [(Start, 3.0), (Write, 3.0), (Finish, 3.0)]
    assert json.loads(written(steps))["choices"][0]["message"]["content"] == "one two three"
    assert isinstance(steps[0], Start)
    assert int(dict(steps[0].headers)[b"content-length"]) == len(written(steps))


def test_a_whole_reply_may_send_its_status_line_early() -> None:
    assert [step.at for step in whole("[headers=0.5] [first_token=2] [gap=0.5]")] == [0.5, 3.0, 3.0]


def test_a_dropped_whole_reply_is_cut_half_way() -> None:
    steps = whole("[drop_after=2] [first_token=1] [gap=1]")
    assert [(type(step), step.at) for step in steps] == [(Start, 2.0), (Write, 2.0), (Cut, 2.0)]
    assert isinstance(steps[0], Start)
    assert len(written(steps)) == int(dict(steps[0].headers)[b"content-length"]) // 2


def test_a_stalled_whole_reply_never_answers() -> None:
    assert [type(step) for step in whole("[stall_after=2]")] == [Hang]
    assert [type(step) for step in whole("[stall_after=2] [headers=0] [first_token=1]")] == [Start, Hang]


def test_a_failed_whole_reply_is_a_429() -> None:
    steps = whole("[error_after=2] [first_token=1] [gap=1]")
    assert isinstance(steps[0], Start)
    assert (steps[0].status, steps[0].at, json.loads(written(steps))) == (429, 2.0, QUOTA)


def test_a_refusal_is_sent_whole() -> None:
    refusal = Refusal(status=503, body=b"{}", headers=((b"retry-after", b"3"),))
    steps = list(script.refused(refusal, 1.5))
    assert steps == [
        Start(at=1.5, status=503, headers=((b"retry-after", b"3"), (b"content-length", b"2"))),
        Write(at=1.5, data=b"{}", events=1),
        Finish(at=1.5),
    ]


@pytest.mark.parametrize("ending", ["", "[drop_after=2]", "[stall_after=2]"])
@given(size=st.integers(1, 400), gap=st.sampled_from([0, 0.5]), stream=st.booleans())
def test_cutting_changes_nothing_but_the_cuts(ending: str, size: int, gap: float, stream: bool) -> None:
    steps = streamed(f"[gap={gap}] {ending}") if stream else whole(f"[gap={gap}] {ending}")
    cut = list(script.in_pieces(steps, size))
    writes = [step for step in cut if isinstance(step, Write)]
    assert written(cut) == written(steps)
    assert all(0 < len(step.data) <= size for step in writes)
    assert sum(step.events for step in writes) == sum(step.events for step in steps if isinstance(step, Write))
    assert [step for step in cut if not isinstance(step, Write)] == [s for s in steps if not isinstance(s, Write)]
    assert [step.at for step in cut] == sorted(step.at for step in cut)


def test_writes_run_together_where_no_wait_separates_them() -> None:
    together = [step for step in script.in_pieces(streamed("[gap=0]"), 100) if isinstance(step, Write)]
    assert all(len(step.data) == 100 for step in together[:-1])
    apart = [step for step in script.in_pieces(streamed("[gap=1]"), 1_000_000) if isinstance(step, Write)]
    assert [step.at for step in apart] == [0.05, 1.05, 2.05]
