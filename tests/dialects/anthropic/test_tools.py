from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.anthropic.tools import closed_schema, decode_choice, decode_tools, encode_choice, encode_tools
from argo_relay.errors import Refused
from argo_relay.neutral.content import CacheMark
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice

SCHEMA = {"$schema": "s", "type": "object", "properties": {"b": {}, "a": {}}}
SEARCH = {"type": "web_search_20250305", "name": "web_search", "max_uses": 3}
FULL: dict[str, Any] = {
    "name": "look",
    "description": "Looks.",
    "input_schema": SCHEMA,
    "strict": True,
    "defer_loading": True,
    "cache_control": {"type": "ephemeral"},
    "eager_input_streaming": True,
}
LOOK = FunctionTool(name="look", schema={"properties": {}})


def asked(dialect: str, tools: tuple[Tool, ...] = (), **said: Any) -> Request:
    return Request(dialect=dialect, model="m", messages=(), tools=tools, **said)


def test_tools_come_back_as_they_came() -> None:
    tools = decode_tools([FULL, SEARCH])
    assert tools == (
        FunctionTool(
            name="look",
            description="Looks.",
            schema=SCHEMA,
            strict=True,
            deferred=True,
            cache=CacheMark(),
            extras={"anthropic": {"eager_input_streaming": True}},
        ),
        HostedTool(dialect="anthropic", payload=SEARCH),
    )
    losses: Losses = []
    assert encode_tools(asked("anthropic", tools), losses) == [FULL, SEARCH]
    assert losses == []
    assert decode_tools(None) == ()


@pytest.mark.parametrize(
    ("tool", "param"),
    [
        ("look", "tools[0]"),
        ({"input_schema": {}}, "tools[0].name"),
        ({"name": "n", "input_schema": True}, "tools[0].input_schema"),
        ({"name": "n", "description": 5}, "tools[0].description"),
    ],
)
def test_what_is_no_tool_is_refused_by_name(tool: Any, param: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_tools([tool])
    assert caught.value.failure.param == param


def test_another_dialects_tools_are_fitted() -> None:
    losses: Losses = []
    grammar = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
    tools = (
        FunctionTool(name="look", namespace="files", strict=True),
        FunctionTool(name="plain", schema={"properties": {"a": {}}}, strict=False),
        CustomTool(name="patch", description="Patches.", format=grammar),
        HostedTool(dialect="openai_responses", payload={"type": "web_search"}),
    )
    look, plain, patch = encode_tools(asked("openai_responses", tools), losses)
    assert look == {"name": "files__look", "input_schema": {"type": "object", "properties": {}}}
    assert plain == {"name": "plain", "input_schema": {"type": "object", "properties": {"a": {}}}}
    assert patch["description"] == "Patches.\n\n`input` must fit this lark:\nstart: x"
    assert patch["input_schema"]["required"] == ["input"]
    assert [(loss.what, loss.how) for loss in losses] == [
        ("strict", "dropped"),
        ("custom_tool", "approximated"),
        ("web_search", "dropped"),
    ]


@pytest.mark.parametrize(
    ("wire", "choice", "parallel"),
    [
        ({"type": "auto"}, ToolChoice(mode="auto"), None),
        ({"type": "any", "disable_parallel_tool_use": True}, ToolChoice(mode="required"), False),
        ({"type": "any", "disable_parallel_tool_use": False}, ToolChoice(mode="required"), True),
        ({"type": "tool", "name": "look"}, ToolChoice(mode="tool", name="look"), None),
        ({"type": "none"}, ToolChoice(mode="none"), None),
        ({"type": "new", "x": 1}, ToolChoice(mode="hosted", extras={"anthropic": {"type": "new", "x": 1}}), None),
        ({"type": []}, ToolChoice(mode="hosted", extras={"anthropic": {"type": []}}), None),
        ({"type": "auto", "new": 1}, ToolChoice(mode="auto", extras={"anthropic": {"new": 1}}), None),
    ],
)
def test_choices_come_back_as_they_came(wire: dict[str, Any], choice: ToolChoice, parallel: bool | None) -> None:
    assert decode_choice(wire) == (choice, parallel)
    losses: Losses = []
    assert encode_choice(asked("anthropic", tool_choice=choice, parallel_tools=parallel), losses) == wire
    assert losses == []


def test_no_choice_is_none() -> None:
    assert decode_choice(None) == (None, None)
    assert encode_choice(asked("openai_chat", parallel_tools=True), []) is None
    single = {"type": "auto", "disable_parallel_tool_use": True}
    assert encode_choice(asked("openai_chat", parallel_tools=False), []) == single


def test_another_dialects_choices_are_fitted() -> None:
    losses: Losses = []
    named = ToolChoice(mode="tool", name="look", namespace="files")
    assert encode_choice(asked("openai_responses", tool_choice=named), losses) == {
        "type": "tool",
        "name": "files__look",
    }
    some = asked(
        "openai_chat", (LOOK, CustomTool(name="patch")), tool_choice=ToolChoice(mode="auto", allowed=("look",))
    )
    assert [tool["name"] for tool in encode_tools(some, losses)] == ["look"]
    hosted = ToolChoice(mode="hosted", extras={"openai_responses": {"type": "web_search"}})
    assert encode_choice(asked("openai_responses", tool_choice=hosted), losses) is None
    assert [loss.what for loss in losses] == ["allowed_tools", "tool_choice"]


def test_a_schema_is_closed_everywhere() -> None:
    moved: set[str] = set()
    schema = {
        "type": "object",
        "properties": {
            "type": {"type": ["object", "null"], "minProperties": 1},
            "list": {"type": "array", "items": {"properties": {}}, "minItems": 1},
            "n": {"type": "integer", "minimum": 0, "description": "Count."},
            "open": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "$defs": {"D": {"anyOf": [{"type": "object"}, True]}},
        "enum": [{"type": "object"}],
    }
    closed = closed_schema(schema, moved)
    assert closed["additionalProperties"] is False
    assert closed["properties"] == {
        "type": {"type": ["object", "null"], "additionalProperties": False, "description": "(minProperties: 1)"},
        "list": {"type": "array", "items": {"properties": {}, "additionalProperties": False}, "minItems": 1},
        "n": {"type": "integer", "description": "Count. (minimum: 0)"},
        "open": {"type": "object", "additionalProperties": False},
    }
    assert closed["$defs"]["D"]["anyOf"] == [{"type": "object", "additionalProperties": False}, True]
    assert closed["enum"] == [{"type": "object"}]
    assert moved == {"minProperties", "minimum", "additionalProperties"}
    assert "additionalProperties" not in schema
