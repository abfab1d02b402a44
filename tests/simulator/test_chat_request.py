from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.chat_request import read
from argo_relay.simulator.request import RefusedError, Request, hear


def chat(**fields: Any) -> Request:
    return read(hear(json.dumps({"model": "gpt4o", "messages": [], **fields}).encode()))


def refused(raw: bytes) -> tuple[int, Any]:
    with pytest.raises(RefusedError) as caught:
        read(hear(raw))
    return caught.value.refusal.status, json.loads(caught.value.refusal.body)["detail"]


def test_what_is_not_json_is_refused_as_fastapi_does() -> None:
    assert refused(b'{"model": gpt4o}') == (
        422,
        [
            {
                "type": "json_invalid",
                "loc": ["body", 10],
                "msg": "JSON decode error",
                "input": {},
                "ctx": {"error": "Expecting value"},
            }
        ],
    )


@pytest.mark.parametrize("raw", [b"\xff\xfe", b'{"a": NaN}', b"[" * 100_000, b"1" * 5000])
def test_what_no_parser_takes_is_refused(raw: bytes) -> None:
    assert refused(raw) == (400, "There was an error parsing the body")


@pytest.mark.parametrize(
    ("body", "kind", "loc"),
    [
        ([], "model_attributes_type", ["body"]),
        ({"messages": []}, "missing", ["body", "model"]),
        ({"model": "gpt4o"}, "missing", ["body", "messages"]),
        ({"model": 4, "messages": []}, "string_type", ["body", "model"]),
        ({"model": "gpt4o", "messages": {}}, "list_type", ["body", "messages"]),
        ({"model": "gpt4o", "messages": [{}, "hi"]}, "dict_type", ["body", "messages", 1]),
    ],
)
def test_a_wrong_shape_is_a_422_that_names_the_field(body: object, kind: str, loc: list[str]) -> None:
    status, detail = refused(json.dumps(body).encode())
    assert (status, detail[0]["type"], detail[0]["loc"]) == (422, kind, loc)


def test_the_prompt_is_the_last_user_message() -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "image_url"}, {"type": "text", "text": "two"}, {"type": "text"}]
    messages = [
        {"role": "user", "content": "first"},
        {"role": "user", "content": parts},
        {"role": "assistant", "content": "answer"},
    ]
    assert chat(messages=messages).turn.prompt == "one\ntwo"
    assert chat(messages=[{"role": "system", "content": "be brief"}]).turn.prompt == ""


@pytest.mark.parametrize(
    ("fields", "limit"),
    [
        ({}, None),
        ({"max_tokens": 5}, 5),
        ({"max_completion_tokens": 3, "max_tokens": 5}, 3),
        ({"max_tokens": None, "max_completion_tokens": 4}, 4),
        ({"max_tokens": True}, None),
        ({"max_tokens": "5"}, None),
        ({"max_tokens": 0}, None),
    ],
)
def test_the_token_limit(fields: dict[str, Any], limit: int | None) -> None:
    assert chat(**fields).turn.limit == limit


def test_only_true_asks_for_a_stream() -> None:
    assert chat(stream=True).stream
    assert not chat(stream="true").stream


def function(name: str, **fields: Any) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, **fields}}


def test_the_tools_on_offer() -> None:
    tools = [7, {}, {"function": {}}, {"function": {"name": 7}}, function("a"), function("b", parameters={"type": "x"})]
    assert [(tool.name, tool.schema) for tool in chat(tools=tools).turn.tools] == [("a", None), ("b", {"type": "x"})]
    assert chat(tools="all").turn.tools == ()


@pytest.mark.parametrize(
    ("choice", "demanded", "forbidden"),
    [
        (None, None, False),
        ("auto", None, False),
        ("required", "any", False),
        ("none", None, True),
        ({"type": "function", "function": {"name": "b"}}, "b", False),
        ({"type": "allowed_tools"}, None, False),
    ],
)
def test_the_choice_of_a_tool(choice: object, demanded: str | None, forbidden: bool) -> None:
    found = chat(tool_choice=choice).turn.choice
    assert (found.demanded, found.forbidden, found.parallel) == (demanded, forbidden, True)


def test_calls_in_parallel_can_be_declined() -> None:
    assert not chat(parallel_tool_calls=False).turn.choice.parallel


@pytest.mark.parametrize(
    ("roles", "answered"),
    [
        ([], False),
        (["user"], False),
        (["user", "assistant", "tool"], True),
        (["tool", "system"], True),
        (["tool", "user"], False),
    ],
)
def test_a_result_may_have_come_last(roles: list[str], answered: bool) -> None:
    assert chat(messages=[{"role": role, "content": "x"} for role in roles]).turn.answered is answered


def test_a_structured_answer() -> None:
    schema = {"type": "object"}
    turn = chat(response_format={"type": "json_schema", "json_schema": {"schema": schema}}).turn
    assert (turn.structured, turn.schema) == (True, schema)
    turn = chat(response_format={"type": "json_object"}).turn
    assert (turn.structured, turn.schema) == (True, None)
    assert not chat(response_format={"type": "text"}).turn.structured
