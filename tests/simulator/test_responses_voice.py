from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.directives import parse
from argo_relay.simulator.models import find
from argo_relay.simulator.request import hear
from argo_relay.simulator.responses_bodies import Head
from argo_relay.simulator.responses_request import read
from argo_relay.simulator.responses_voice import ResponsesVoice

MODEL = find("gpt4o")
assert MODEL is not None
HEAD = Head.of(MODEL, read(hear(b'{"model": "gpt4o", "input": "ping"}')), 1)


def voice(*parts: Part) -> ResponsesVoice:
    return ResponsesVoice(HEAD, Answer(parts=parts, finish="stop", tokens=Tokens(prompt=1, completion=2)))


def parsed(events: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(event.split(b"data: ")[1]) for event in events]


def kinds(made: ResponsesVoice) -> list[list[str]]:
    return [[event["type"].removeprefix("response.") for event in parsed(beat)] for beat in made.beats()]


def test_text_opens_and_closes_around_its_pieces() -> None:
    assert kinds(voice(Part(kind="text", pieces=("a", "b")))) == [
        ["output_item.added", "content_part.added", "output_text.delta"],
        ["output_text.delta", "output_text.done", "content_part.done", "output_item.done"],
    ]


def test_reasoning_is_a_summary() -> None:
    assert kinds(voice(Part(kind="thinking", pieces=("a",)))) == [
        [
            "output_item.added",
            "reasoning_summary_part.added",
            "reasoning_summary_text.delta",
            "reasoning_summary_text.done",
            "reasoning_summary_part.done",
            "output_item.done",
        ]
    ]


@pytest.mark.parametrize(
    ("free", "name", "field"),
    [(False, "function_call_arguments", "arguments"), (True, "custom_tool_call_input", "input")],
)
def test_calls(free: bool, name: str, field: str) -> None:
    part = Part(kind="call", pieces=("{", "}"), call=Call(id="call_1", name="f", free=free))
    first, last = (parsed(beat) for beat in voice(part).beats())
    assert [event["type"] for event in first] == ["response.output_item.added", f"response.{name}.delta"]
    assert first[0]["item"][field] == ""
    assert [event["type"] for event in last[1:]] == [f"response.{name}.done", "response.output_item.done"]
    assert last[1][field] == last[2]["item"][field] == "{}"


def test_events_are_numbered_and_their_keys_sorted() -> None:
    made = voice(Part(kind="text", pieces=("a",)))
    every = [*made.opening(), *(event for beat in made.beats() for event in beat), *made.ending(parse(""))]
    events = parsed(every)
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    assert all(list(event) == sorted(event) for event in events)
    assert events[0]["response"]["output"] == []


def test_failures() -> None:
    made = voice(Part(kind="text", pieces=("a",)))
    (failed,) = parsed(list(made.failing()))
    assert (failed["type"], failed["response"]["output"]) == ("response.failed", [])
    assert (made.failed().status, made.count) == (429, 1)
    assert "error" in str(made.hidden())
    body = made.whole(parse("[no_finish]"))
    assert isinstance(body, dict)
    assert body["status"] is None
