from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.request import RefusedError, Request, hear
from argo_relay.simulator.responses_request import read

FUNCTION = {"type": "function", "name": "f", "parameters": {"type": "object"}}


def asked(given: object = "ping", **fields: Any) -> Request:
    return read(hear(json.dumps({"model": "gpt5", "input": given, **fields}).encode()))


def test_a_string_is_a_user_message() -> None:
    turn = asked("[chunks=3]").turn
    assert (turn.prompt, turn.tokens) == ("[chunks=3]", 3 + 3 + 3)


def test_the_prompt_is_the_last_user_message() -> None:
    items = [
        {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "one"}]},
        {"role": "user", "content": "two"},
        {"role": "developer", "content": "three"},
    ]
    assert asked(items).turn.prompt == "two"


def test_the_tools_on_offer() -> None:
    tools = [
        FUNCTION,
        {"type": "custom", "name": "patch"},
        {"type": "namespace", "name": "space", "tools": [FUNCTION, {"type": "namespace", "name": "deep"}]},
        {"type": "web_search"},
        7,
    ]
    found = asked(tools=tools).turn.tools
    assert [(tool.name, tool.free, tool.namespace) for tool in found] == [
        ("f", False, None), ("patch", True, None), ("f", False, "space")
    ]  # fmt: skip
    later = asked([{"type": "additional_tools", "role": "developer", "tools": [FUNCTION]}]).turn.tools
    assert [tool.name for tool in later] == ["f"]


@pytest.mark.parametrize(
    ("choice", "demanded", "forbidden"),
    [
        ("auto", None, False),
        ("required", "any", False),
        ("none", None, True),
        ({"type": "function", "name": "f"}, "f", False),
        ({"type": "custom", "name": "patch"}, "patch", False),
        ({"type": "web_search"}, None, False),
    ],
)
def test_the_choice_of_a_tool(choice: object, demanded: str | None, forbidden: bool) -> None:
    found = asked(tool_choice=choice, parallel_tool_calls=False).turn.choice
    assert (found.demanded, found.forbidden, found.parallel) == (demanded, forbidden, False)


@pytest.mark.parametrize("kind", ["function_call_output", "custom_tool_call_output"])
def test_a_result_may_have_come_last(kind: str) -> None:
    result = {"type": kind, "call_id": "a", "output": "x"}
    assert asked([result]).turn.answered
    assert asked([result, {"role": "developer", "content": "x"}]).turn.answered
    assert not asked([result, {"role": "user", "content": "x"}]).turn.answered


def test_a_structured_answer() -> None:
    turn = asked(text={"format": {"type": "json_schema", "schema": {"a": 1}}}).turn
    assert (turn.structured, turn.schema) == (True, {"a": 1})
    assert asked(text={"format": {"type": "json_object"}}).turn.structured
    assert not asked(text={"format": {"type": "text"}}).turn.structured


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "There was an error parsing the body"),
        (b"[]", "The body must be an object"),
        (b'{"input": "x"}', "model is required"),
        (b'{"model": "x"}', "input is required"),
        (b'{"model": "x", "input": ["hi"]}', "input is required"),
    ],
)
def test_a_wrong_shape(raw: bytes, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(hear(raw))
    assert caught.value.refusal.status == 400
    assert json.loads(caught.value.refusal.body)["error"]["message"] == words
