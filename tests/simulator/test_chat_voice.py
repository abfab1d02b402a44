from __future__ import annotations

import json
from typing import Any

from argo_relay.simulator.answer import Answer, Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.chat_bodies import stamp
from argo_relay.simulator.chat_voice import ChatVoice
from argo_relay.simulator.directives import parse
from argo_relay.simulator.errors import QUOTA
from argo_relay.simulator.models import find

MODEL = find("gpt4o")
assert MODEL is not None
CALLS = tuple(Part(kind="call", pieces=('{"a"', ":1}"), call=Call(id=f"call_{number}", name="f")) for number in (1, 2))
VOICE = ChatVoice(
    stamp=stamp(MODEL, 1),
    answer=Answer(parts=CALLS, finish="tool_calls", tokens=Tokens(prompt=1, completion=4)),
    include_usage=True,
)


def read(data: bytes) -> Any:
    return json.loads(data.removeprefix(b"data: "))


def deltas(events: list[bytes]) -> list[Any]:
    return [read(event)["choices"][0]["delta"] for event in events]


def test_each_call_opens_and_has_its_index() -> None:
    assert list(VOICE.opening()) == []
    first, second, third, fourth = map(deltas, VOICE.beats())
    assert first[0]["role"] == "assistant"
    assert first[0]["tool_calls"][0]["id"] == "call_1"
    assert [delta["role"] for delta in third] == [None, None]
    assert [delta["tool_calls"][0]["index"] for delta in (*first, *second, *third, *fourth)] == [0, 0, 0, 1, 1, 1]
    assert VOICE.count == 4


def test_the_ending() -> None:
    finish, usage, done = VOICE.ending(parse(""))
    assert read(finish)["choices"][0]["finish_reason"] == "tool_calls"
    assert read(usage)["usage"]["total_tokens"] == 5
    assert done == b"data: [DONE]\n\n"
    assert len(list(VOICE.ending(parse("[no_finish] [no_done]")))) == 1


def test_failures() -> None:
    assert [read(event) for event in VOICE.failing()] == [QUOTA]
    assert VOICE.hidden() == QUOTA
    assert (VOICE.failed().status, json.loads(VOICE.failed().body)) == (429, QUOTA)
