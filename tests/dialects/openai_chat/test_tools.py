from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.base import Target
from argo_relay.dialects.openai_chat.tools import (
    ToolEncoder,
    decode_choice,
    decode_tools,
    encode_call,
    is_legacy,
    takes_custom,
)
from argo_relay.errors import Refused
from argo_relay.neutral.content import CacheMark, ToolCall
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice

GPT5 = Target(model="gpt-5", owner="openai")
OTHER = Target(model="llama")
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
EMPTY: dict[str, Any] = {"type": "object", "properties": {}}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: x"}
NESTED = {"type": "grammar", "grammar": {"syntax": "lark", "definition": "start: x"}}


def encoded(
    *tools: Tool, target: Target = GPT5, dialect: str = "anthropic", **said: Any
) -> tuple[dict[str, Any], list[str]]:
    losses: Losses = []
    body: dict[str, Any] = {}
    ToolEncoder(Request(dialect=dialect, model="m", messages=(), tools=tools, **said), target, losses).add_to(body)
    return body, [f"{loss.what}={loss.how}" for loss in losses]


@pytest.mark.parametrize(
    "values",
    [
        {"tools": [{"type": "function", "function": {"name": "f"}}]},
        {
            "tools": [
                {
                    "type": "function",
                    "function": {"name": "f", "description": "d", "parameters": SCHEMA, "strict": True, "x": 1},
                    "cache_control": {"type": "ephemeral", "ttl": "1h"},
                    "eager": True,
                },
                {"type": "custom", "custom": {"name": "p", "description": "d", "format": NESTED, "y": 2}},
                {"type": "custom", "custom": {"name": "q", "format": {"type": "text"}}},
                {"type": "openrouter:web_search", "parameters": {}},
            ],
            "tool_choice": {"type": "function", "function": {"name": "f"}},
        },
        {"functions": [{"name": "f", "parameters": SCHEMA}], "function_call": {"name": "f"}},
        {"functions": [{"name": "f"}], "function_call": "none"},
        {"tools": [], "tool_choice": "any"},
        {"tools": [], "tool_choice": "required"},
        {"tools": [], "tool_choice": {"type": "custom", "custom": {"name": "p"}}},
        {
            "tools": [],
            "tool_choice": {
                "type": "allowed_tools",
                "allowed_tools": {"mode": "auto", "tools": [{"type": "function", "function": {"name": "f"}}]},
            },
        },
        {"tools": [], "tool_choice": {"type": "web_search"}},
    ],
)
def test_what_came_in_goes_out(values: dict[str, Any]) -> None:
    body, lost = encoded(*decode_tools(values), dialect="openai_chat", tool_choice=decode_choice(values))
    assert body == {name: value for name, value in values.items() if value != []}
    assert not lost


def test_tools_are_read() -> None:
    values = {
        "tools": [
            {"function": {"name": "f", "parameters": SCHEMA}, "cache_control": {"type": "ephemeral"}},
            {"type": "custom", "custom": {"name": "p", "format": NESTED}},
            {"type": "else"},
        ]
    }
    assert decode_tools(values) == (
        FunctionTool(name="f", schema=SCHEMA, cache=CacheMark()),
        CustomTool(name="p", format=GRAMMAR),
        HostedTool(dialect="openai_chat", payload={"type": "else"}),
    )


@pytest.mark.parametrize(
    ("values", "param"),
    [
        ({"tools": ["x"]}, "tools[0]"),
        ({"tools": [{"type": "function"}]}, "tools[0].function"),
        ({"tools": [{"type": "custom", "custom": 1}]}, "tools[0].custom"),
        ({"tools": [{"type": "function", "function": {}}]}, "tools[0].function.name"),
        ({"tools": [{"type": "custom", "custom": {"name": ""}}]}, "tools[0].custom.name"),
        ({"tools": [{"type": "function", "function": {"name": "f", "parameters": 1}}]}, "tools[0].function.parameters"),
        (
            {"tools": [{"type": "function", "function": {"name": "f", "description": 1}}]},
            "tools[0].function.description",
        ),
        ({"functions": [1]}, "functions[0]"),
        ({"functions": [{"name": 1}]}, "functions[0].name"),
    ],
)
def test_what_is_no_tool_is_refused_by_name(values: dict[str, Any], param: str) -> None:
    with pytest.raises(Refused) as refused:
        decode_tools(values)
    assert refused.value.failure.param == param
    assert refused.value.failure.status == 400


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ("any", ToolChoice(mode="required", extras={"openai_chat": {"choice": "any"}})),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice(mode="tool", name="f")),
        ({"type": "custom", "custom": {"name": "f"}}, ToolChoice(mode="tool", name="f", kind="custom")),
        ("web_search", ToolChoice(mode="hosted", extras={"openai_chat": {"choice": "web_search"}})),
        ({"type": "function"}, ToolChoice(mode="hosted", extras={"openai_chat": {"choice": {"type": "function"}}})),
    ],
)
def test_a_choice_is_read(value: Any, choice: ToolChoice) -> None:
    assert decode_choice({"tool_choice": value}) == choice


def test_old_functions_are_known_as_such() -> None:
    old = Request(dialect="openai_chat", model="m", messages=(), tools=decode_tools({"functions": [{"name": "f"}]}))
    assert is_legacy(old)
    assert decode_choice({"function_call": "auto"}) == ToolChoice(mode="auto", extras={"openai_chat": {"legacy": True}})
    assert not is_legacy(Request(dialect="openai_chat", model="m", messages=(), tools=(FunctionTool(name="f"),)))


def test_a_foreign_tool_is_fitted() -> None:
    tools = (
        FunctionTool(name="f", namespace="n", deferred=True, cache=CacheMark()),
        HostedTool(dialect="anthropic", payload={"type": "bash_20250124"}),
    )
    body, lost = encoded(*tools, parallel_tools=False)
    assert body == {
        "tools": [
            {"type": "function", "function": {"name": "n__f", "parameters": {"type": "object", "properties": {}}}}
        ],
        "parallel_tool_calls": False,
    }
    assert lost == ["deferred=approximated", "cache=dropped", "bash_20250124=dropped"]


@pytest.mark.parametrize(
    ("target", "own", "takes"),
    [
        (GPT5, False, True),
        (Target(model="gpt51", owner="openai"), False, True),
        (Target(model="gpt-4.1", owner="openai"), False, False),
        (Target(model="gpt41", owner="openai"), False, False),
        (Target(model="gpt35", owner="openai"), False, False),
        (Target(model="gpto3", owner="openai"), False, False),
        (Target(model="gpt-5"), False, False),
        (OTHER, True, True),
    ],
)
def test_tools_of_free_text_are_for_those_who_take_them(target: Target, own: bool, takes: bool) -> None:
    assert takes_custom(target, own=own) is takes


def test_a_tool_of_free_text_becomes_a_function_elsewhere() -> None:
    tool = CustomTool(name="patch", description="Patches.", format=GRAMMAR)
    assert encoded(tool) == (
        {"tools": [{"type": "custom", "custom": {"name": "patch", "description": "Patches.", "format": NESTED}}]},
        [],
    )
    body, lost = encoded(tool, target=OTHER, tool_choice=ToolChoice(mode="tool", name="patch", kind="custom"))
    (function,) = body["tools"]
    assert function["function"]["description"] == "Patches.\n\n`input` must fit this lark:\nstart: x"
    assert function["function"]["parameters"]["required"] == ["input"]
    assert body["tool_choice"] == {"type": "function", "function": {"name": "patch"}}
    assert lost == ["custom_tool=approximated"]
    odd = CustomTool(name="patch", format={"type": "regex", "pattern": "x"})
    (function,) = encoded(odd, target=OTHER)[0]["tools"]
    assert function["function"]["description"] == '`input` must fit this format:\n{"type":"regex","pattern":"x"}'


def test_some_tools_are_allowed() -> None:
    tools = (FunctionTool(name="f", schema=SCHEMA), FunctionTool(name="g", namespace="n"), CustomTool(name="p"))
    choice = ToolChoice(mode="required", allowed=("f", "g", "p", "h"))
    body, lost = encoded(*tools, tool_choice=choice)
    assert body["tool_choice"]["allowed_tools"] == {
        "mode": "required",
        "tools": [
            {"type": "function", "function": {"name": "f"}},
            {"type": "function", "function": {"name": "n__g"}},
            {"type": "custom", "custom": {"name": "p"}},
            {"type": "function", "function": {"name": "h"}},
        ],
    }
    assert not lost
    body, lost = encoded(*tools, target=OTHER, tool_choice=ToolChoice(mode="auto", allowed=("f", "n__g")))
    assert [tool["function"]["name"] for tool in body["tools"]] == ["f", "n__g"]
    assert body["tool_choice"] == "auto"
    assert lost == ["allowed_tools=approximated"]


def test_a_choice_that_is_anothers_is_a_loss() -> None:
    choice = ToolChoice(mode="hosted", extras={"google": {"mode": "VALIDATED"}})
    assert encoded(FunctionTool(name="f", schema=SCHEMA), tool_choice=choice)[1] == ["tool_choice=dropped"]


def test_without_tools_there_is_nothing_to_choose() -> None:
    assert encoded(tool_choice=ToolChoice(mode="auto"), parallel_tools=True) == ({}, [])


def test_a_call_is_written() -> None:
    call = ToolCall(id="c", name="f", namespace="n", arguments='{"a":1}')
    assert encode_call(call, custom=False) == {
        "id": "c",
        "type": "function",
        "function": {"name": "n__f", "arguments": '{"a":1}'},
    }
    free = ToolCall(id="c", name="p", arguments='say "x"', kind="custom")
    assert encode_call(free, custom=True) == {"id": "c", "type": "custom", "custom": {"name": "p", "input": 'say "x"'}}
    assert encode_call(free, custom=False)["function"]["arguments"] == '{"input":"say \\"x\\""}'
