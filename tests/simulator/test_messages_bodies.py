from __future__ import annotations

import pytest

from argo_relay.simulator import messages_bodies as bodies
from argo_relay.simulator.answer import Part, Tokens
from argo_relay.simulator.calls import Call
from argo_relay.simulator.seals import signature

THOUGHT = Part(kind="thinking", pieces=("Hm", "."))
TEXT = Part(kind="text", pieces=("Pong",))
CALL = Part(kind="call", pieces=('{"a"', ":1}"), call=Call(id="toolu_vrtx_1", name="f"))


@pytest.mark.parametrize(
    ("part", "whole", "opened"),
    [
        (
            THOUGHT,
            {"signature": signature("Hm."), "thinking": "Hm.", "type": "thinking"},
            {"signature": "", "thinking": "", "type": "thinking"},
        ),
        (TEXT, {"text": "Pong", "type": "text"}, {"text": "", "type": "text"}),
        (
            CALL,
            {"id": "toolu_vrtx_1", "input": {"a": 1}, "name": "f", "type": "tool_use"},
            {"id": "toolu_vrtx_1", "input": {}, "name": "f", "type": "tool_use"},
        ),
    ],
)
def test_blocks(part: Part, whole: dict[str, object], opened: dict[str, object]) -> None:
    assert list(bodies.block(part).items()) == list(whole.items())
    assert list(bodies.opened(part).items()) == list(opened.items())


def test_deltas() -> None:
    assert bodies.delta(THOUGHT, "Hm") == {"thinking": "Hm", "type": "thinking_delta"}
    assert bodies.delta(TEXT, "Pong") == {"text": "Pong", "type": "text_delta"}
    assert bodies.delta(CALL, "{") == {"partial_json": "{", "type": "input_json_delta"}


def test_null_usage_is_null_throughout() -> None:
    counted = bodies.usage(Tokens(prompt=None, completion=None))
    assert set(counted.pop("cache_creation").values()) == {None}
    assert set(counted.values()) == {None}


def test_the_message_delta_has_no_cache_creation() -> None:
    body = bodies.message_delta("end_turn", Tokens(prompt=2, completion=3))
    assert list(body) == ["delta", "type", "usage"]
    assert list(body["usage"]) == [
        "cache_creation_input_tokens", "cache_read_input_tokens", "input_tokens", "output_tokens"
    ]  # fmt: skip
