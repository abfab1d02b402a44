from __future__ import annotations

from typing import Any

import pytest

from argo_relay.dialects.openai_responses.tools import (
    call_item,
    called_tool,
    decode_call,
    decode_tool_choice,
    decode_tools,
    encode_tool_choice,
    encode_tools,
)
from argo_relay.errors import Refused
from argo_relay.neutral.content import CacheMark, Seal, ToolCall
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice

SCHEMA = {"type": "object", "properties": {"b": {}, "a": {}}}
GRAMMAR = {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"}
LOOK = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": True}
PATCH = {"type": "custom", "name": "patch", "description": "Patches.", "format": GRAMMAR}
GROUP = {"type": "namespace", "name": "files", "description": "Files.", "tools": [LOOK, PATCH]}


def written(*tools: Tool, own: bool = False) -> tuple[list[dict[str, Any]], list[str]]:
    losses: Losses = []
    return encode_tools(tools, losses, own=own), [f"{loss.path} {loss.what}" for loss in losses]


def test_each_sort_of_tool() -> None:
    assert decode_tools([LOOK, PATCH, {"type": "web_search"}]) == (
        FunctionTool(name="look", description="Looks.", schema=SCHEMA, strict=True),
        CustomTool(name="patch", description="Patches.", format=GRAMMAR),
        HostedTool(dialect="openai_responses", payload={"type": "web_search"}),
    )


def test_a_groups_tools_know_their_group() -> None:
    first, second = decode_tools([GROUP])
    assert (first.name, first.namespace, second.name, second.namespace) == ("look", "files", "patch", "files")  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "tools",
    [
        [LOOK, PATCH],
        [GROUP, {**GROUP, "name": "more"}, LOOK],
        [GROUP, {**GROUP, "description": "The same name again."}],
        [{**GROUP, "tools": []}],
        [{**GROUP, "tools": [{"type": "web_search"}]}],
        [{"type": "function", "name": "f"}, {"type": "custom", "name": "c"}],
        [{**LOOK, "defer_loading": True}, {**LOOK, "defer_loading": False}, {**LOOK, "new": 1}],
        [{"type": "mcp", "server_label": "x"}, {"type": "tool_search"}],
    ],
)
def test_tools_come_out_as_they_went_in(tools: list[Any]) -> None:
    assert written(*decode_tools(tools), own=True) == (tools, [])


def test_tools_of_other_dialects_get_what_is_required() -> None:
    made, lost = written(
        FunctionTool(name="f", cache=CacheMark(ttl="1h")),
        FunctionTool(name="g", schema=SCHEMA, strict=True, namespace="web"),
        HostedTool(dialect="anthropic", payload={"type": "bash_20250124", "name": "bash"}),
    )
    empty = {"type": "object", "properties": {}}
    assert made[0] == {"type": "function", "name": "f", "parameters": empty, "strict": False}
    assert (made[1]["type"], made[1]["name"], made[1]["tools"][0]["name"]) == ("namespace", "web", "g")
    assert made[1]["description"]
    assert lost == ["tools[0].cache cache", "tools[0].cache cache_ttl", "tools[2] bash_20250124"]


def test_additional_tools_go_out_with_their_item() -> None:
    (tool,) = decode_tools([LOOK], "input[0].tools", additional=True)
    assert written(tool, own=True) == ([], [])


@pytest.mark.parametrize(
    ("tools", "param"),
    [
        ([1], "tools[0]"),
        ([LOOK, {"type": "function"}], "tools[1].name"),
        ([{"type": "custom", "name": ""}], "tools[0].name"),
        ([{**GROUP, "tools": [{"type": "function"}]}], "tools[0].tools[0].name"),
    ],
)
def test_what_cannot_be_a_tool_is_refused_by_name(tools: list[Any], param: str) -> None:
    with pytest.raises(Refused) as caught:
        decode_tools(tools)
    assert (caught.value.failure.status, caught.value.failure.param) == (400, param)


@pytest.mark.parametrize(
    ("value", "choice"),
    [
        (None, None),
        ("auto", ToolChoice(mode="auto")),
        ("none", ToolChoice(mode="none")),
        ("required", ToolChoice(mode="required")),
        ({"type": "function", "name": "f"}, ToolChoice(mode="tool", name="f")),
        ({"type": "custom", "name": "c"}, ToolChoice(mode="tool", name="c", kind="custom")),
    ],
)
def test_choices_go_both_ways(value: Any, choice: ToolChoice | None) -> None:
    losses: Losses = []
    assert decode_tool_choice(value) == choice
    assert encode_tool_choice(choice, (), losses) == value
    assert not losses


@pytest.mark.parametrize(
    "value",
    [
        "odd",
        {"type": "web_search"},
        {"type": "mcp", "server_label": "x"},
        {"type": "function", "name": "f", "namespace": "web"},
        {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}]},
        {"type": "allowed_tools", "mode": "odd", "tools": []},
    ],
)
def test_choices_of_this_dialect_come_out_as_they_went_in(value: Any) -> None:
    assert encode_tool_choice(decode_tool_choice(value), (), []) == value


def test_choices_of_other_dialects() -> None:
    losses: Losses = []
    allowed = ToolChoice(mode="required", allowed=("f", "patch"))
    assert encode_tool_choice(allowed, (CustomTool(name="patch"),), losses) == {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": "f"}, {"type": "custom", "name": "patch"}],
    }
    hosted = ToolChoice(mode="hosted", extras={"anthropic": {"x": 1}})
    assert encode_tool_choice(hosted, (), losses) is None
    grouped = ToolChoice(mode="tool", name="f", namespace="web")
    assert encode_tool_choice(grouped, (), losses) == {"type": "function", "name": "f"}
    assert [loss.path for loss in losses] == ["tool_choice", "tool_choice.namespace"]


def test_the_names_of_allowed_tools_are_known_to_all() -> None:
    value = {"type": "allowed_tools", "mode": "auto", "tools": [{"type": "function", "name": "f"}, {"type": "mcp"}]}
    choice = decode_tool_choice(value)
    assert choice is not None
    assert (choice.mode, choice.allowed) == ("auto", ("f",))


TOOLS: tuple[Tool, ...] = (CustomTool(name="patch"), FunctionTool(name="read", namespace="files"))


@pytest.mark.parametrize(
    ("call", "known"),
    [
        (ToolCall(id="c", name="patch"), ("patch", None, True)),
        (ToolCall(id="c", name="patch", kind="custom"), ("patch", None, False)),
        (ToolCall(id="c", name="files__read"), ("read", "files", False)),
        (ToolCall(id="c", name="read", namespace="files"), ("read", "files", False)),
        (ToolCall(id="c", name="unheard"), ("unheard", None, False)),
    ],
)
def test_a_client_knows_its_tools_by_its_own_names(call: ToolCall, known: Any) -> None:
    assert called_tool(call, TOOLS) == known


def test_calls_as_items() -> None:
    seal = Seal(issuer="google", kind="thought", value="g")
    item, unwraps = call_item(ToolCall(id="c", name="files__read"), TOOLS, seal, "fc_1")
    assert (item["type"], item["name"], item["namespace"], item["arguments"], unwraps) == (
        "function_call",
        "read",
        "files",
        "",
        False,
    )
    assert decode_call(item, 0, client=True) == ToolCall(
        id="c",
        name="read",
        namespace="files",
        item="fc_1",
        seal=seal,
        extras={"openai_responses": {"status": "in_progress"}},
    )
    item, unwraps = call_item(ToolCall(id="c", name="patch"), TOOLS, None, "ctc_1")
    assert (item["type"], item["input"], unwraps) == ("custom_tool_call", "", True)
    assert decode_call({"type": "function_call", "name": None}, 0, client=True) is None
