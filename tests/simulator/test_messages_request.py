from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.messages_request import read
from argo_relay.simulator.request import RefusedError, Request, hear

RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "x"}
REMINDER = {"type": "text", "text": "[chunks=2]"}


def message(*messages: dict[str, Any], **fields: Any) -> Request:
    return read(hear(json.dumps({"model": "claudehaiku45", "messages": messages, **fields}).encode()))


def user(content: object) -> dict[str, Any]:
    return {"role": "user", "content": content}


def test_the_prompt_is_the_last_user_message_and_what_came_with_results() -> None:
    call = {"role": "assistant", "content": [{"type": "tool_use"}]}
    assert message(user("one"), user("two"), {"role": "system", "content": "three"}).turn.prompt == "two"
    assert message(user("[chunks=1]"), call, user([RESULT])).turn.prompt.strip() == "[chunks=1]"
    assert message(user("[chunks=1]"), call, user([RESULT, REMINDER])).turn.prompt == "[chunks=1]\n[chunks=2]"


def test_a_result_may_have_come_last() -> None:
    assert message(user("x"), user([RESULT, REMINDER])).turn.answered
    assert message(user([RESULT]), {"role": "system", "content": "x"}).turn.answered
    assert not message(user([RESULT]), user("x")).turn.answered
    assert not message().turn.answered


def test_the_tools_on_offer() -> None:
    tools = [{"name": "a", "input_schema": {"type": "object"}}, {"name": "b", "type": "web_search_20250305"}, {}]
    assert [(tool.name, tool.schema) for tool in message(tools=tools).turn.tools] == [("a", {"type": "object"})]


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, (None, False, True)),
        ({"type": "auto", "disable_parallel_tool_use": True}, (None, False, False)),
        ({"type": "any"}, ("any", False, True)),
        ({"type": "tool", "name": "b"}, ("b", False, True)),
        ({"type": "tool"}, (None, False, True)),
        ({"type": "none"}, (None, True, True)),
    ],
)
def test_the_choice_of_a_tool(choice: object, expected: tuple[str | None, bool, bool]) -> None:
    found = message(tool_choice=choice).turn.choice
    assert (found.demanded, found.forbidden, found.parallel) == expected


def test_a_structured_answer() -> None:
    turn = message(output_config={"format": {"type": "json_schema", "schema": {"a": 1}}}).turn
    assert (turn.structured, turn.schema) == (True, {"a": 1})
    assert not message(output_config={"effort": "low"}).turn.structured


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"{", "There was an error parsing the body"),
        (b"[]", "The body must be an object"),
        (b'{"messages": []}', "model is required"),
        (b'{"model": "x"}', "messages is required"),
        (b'{"model": "x", "messages": ["hi"]}', "messages: Input should be a valid dictionary"),
    ],
)
def test_a_wrong_shape(raw: bytes, words: str) -> None:
    with pytest.raises(RefusedError) as caught:
        read(hear(raw))
    expected = {"type": "error", "error": {"type": "invalid_request_error", "message": words}}
    assert (caught.value.refusal.status, json.loads(caught.value.refusal.body)) == (400, expected)
