from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.dialects.google.tools import (
    PartialArguments,
    decode_tool_choice,
    decode_tools,
    encode_tool_choice,
    encode_tools,
    json_schema,
)
from argo_relay.framing import jsonx
from argo_relay.neutral.content import CacheMark
from argo_relay.neutral.loss import Losses
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, ToolChoice

OPENAPI: dict[str, Any] = {
    "type": "OBJECT",
    "properties": {
        "city": {"type": "STRING", "nullable": True, "minLength": "1"},
        "unit": {"type": "STRING", "enum": ["c", "f"], "nullable": True},
        "when": {"any_of": [{"type": "INTEGER"}, {"type": "STRING"}], "nullable": True},
        "tags": {"type": "ARRAY", "items": {"type": "NUMBER"}, "max_items": "3"},
        "type": {"type": "BOOLEAN"},
        "nothing": {"type": "TYPE_UNSPECIFIED", "nullable": False},
    },
    "required": ["city"],
    "propertyOrdering": ["city"],
}
PLAIN: dict[str, Any] = {
    "type": "object",
    "properties": {
        "city": {"type": ["string", "null"], "minLength": 1},
        "unit": {"type": ["string", "null"], "enum": ["c", "f", None]},
        "when": {"anyOf": [{"type": "integer"}, {"type": "string"}, {"type": "null"}]},
        "tags": {"type": "array", "items": {"type": "number"}, "maxItems": 3},
        "type": {"type": "boolean"},
        "nothing": {},
    },
    "required": ["city"],
}


def test_openapi_becomes_json_schema() -> None:
    assert json_schema(OPENAPI) == PLAIN


@pytest.mark.parametrize("schema", [PLAIN, {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}}, True, 3])
def test_json_schema_stays_as_it_is(schema: Any) -> None:
    assert json_schema(schema) == schema


def test_functions_and_hosted_tools_are_told_apart_and_go_back() -> None:
    wire = [
        {"functionDeclarations": [{"name": "a", "description": "d", "parameters": OPENAPI}]},
        {"codeExecution": {}},
        {"functionDeclarations": [{"name": "b", "parametersJsonSchema": PLAIN, "behavior": "BLOCKING"}]},
    ]
    tools = decode_tools(wire)
    assert tools == (
        FunctionTool(name="a", description="d", schema=PLAIN, extras={"google": {"parameters": OPENAPI}}),
        HostedTool(dialect="google", payload={"codeExecution": {}}),
        FunctionTool(name="b", schema=PLAIN, extras={"google": {"behavior": "BLOCKING"}}),
    )
    losses: Losses = []
    assert encode_tools(tools, losses) == wire
    assert not losses


def test_members_of_one_tool_are_tools_of_their_own() -> None:
    tools = decode_tools([{"codeExecution": None, "googleSearch": {}, "functionDeclarations": [{"name": "a"}]}])
    assert tools == (HostedTool(dialect="google", payload={"googleSearch": {}}), FunctionTool(name="a"))


def test_a_schema_that_is_none_is_kept() -> None:
    (tool,) = decode_tools([{"functionDeclarations": [{"name": "a", "parametersJsonSchema": "x"}]}])
    losses: Losses = []
    assert encode_tools((tool,), losses) == [{"functionDeclarations": [{"name": "a", "parametersJsonSchema": "x"}]}]


def test_other_dialects_tools_are_said_as_far_as_they_can_be() -> None:
    losses: Losses = []
    tools = encode_tools(
        (
            FunctionTool(
                name="look", namespace="files", schema=PLAIN, strict=True, deferred=True, cache=CacheMark(ttl="1h")
            ),
            CustomTool(name="patch", description="Edit.", format={"type": "grammar", "definition": "start: /x/"}),
            HostedTool(dialect="openai_responses", payload={"type": "web_search"}),
        ),
        losses,
    )
    look, patch = tools[0]["functionDeclarations"]
    assert look == {"name": "files__look", "parametersJsonSchema": PLAIN}
    assert patch["parametersJsonSchema"]["required"] == ["input"]
    assert "start: /x/" in patch["parametersJsonSchema"]["properties"]["input"]["description"]
    assert [(loss.what, loss.how) for loss in losses] == [
        ("strict", "dropped"),
        ("deferred", "approximated"),
        ("cache", "dropped"),
        ("cache_ttl", "dropped"),
        ("custom_tool", "approximated"),
        ("tool_web_search", "dropped"),
    ]


@pytest.mark.parametrize(
    ("calling", "mode", "name", "allowed"),
    [
        ({"mode": "AUTO"}, "auto", None, None),
        ({"mode": "none"}, "none", None, None),
        ({"mode": "ANY"}, "required", None, None),
        ({"mode": "ANY", "allowedFunctionNames": []}, "required", None, None),
        ({"mode": "ANY", "allowedFunctionNames": ["a"]}, "tool", "a", None),
        ({"mode": "ANY", "allowedFunctionNames": ["a", "b"]}, "required", None, ("a", "b")),
        ({"mode": "VALIDATED", "allowedFunctionNames": ["a"]}, "auto", None, ("a",)),
        ({"mode": "LATER"}, "auto", None, None),
    ],
)
def test_modes_are_read_and_go_back(calling: dict[str, Any], mode: str, name: str, allowed: tuple[str]) -> None:
    choice, rest = decode_tool_choice({"functionCallingConfig": calling, "retrievalConfig": {"a": 1}})
    assert choice is not None
    assert (choice.mode, choice.name, choice.allowed) == (mode, name, allowed)
    assert rest == {"retrievalConfig": {"a": 1}}
    assert encode_tool_choice(choice, []) == calling


@pytest.mark.parametrize("config", [None, [], {}, {"functionCallingConfig": {}}, {"functionCallingConfig": 1}])
def test_no_choice_is_none(config: Any) -> None:
    assert decode_tool_choice(config) == (None, {})


@pytest.mark.parametrize(
    ("choice", "wire"),
    [
        (ToolChoice(mode="auto"), {"mode": "AUTO"}),
        (ToolChoice(mode="none"), {"mode": "NONE"}),
        (ToolChoice(mode="required"), {"mode": "ANY"}),
        (ToolChoice(mode="tool", name="a"), {"mode": "ANY", "allowedFunctionNames": ["a"]}),
        (ToolChoice(mode="tool", name="a", namespace="n"), {"mode": "ANY", "allowedFunctionNames": ["n__a"]}),
        (ToolChoice(mode="required", allowed=("a", "b")), {"mode": "ANY", "allowedFunctionNames": ["a", "b"]}),
        (ToolChoice(mode="auto", allowed=("a",)), {"mode": "VALIDATED", "allowedFunctionNames": ["a"]}),
    ],
)
def test_choices_become_modes(choice: ToolChoice, wire: dict[str, Any]) -> None:
    losses: Losses = []
    assert encode_tool_choice(choice, losses) == wire
    assert not losses


def test_another_vendors_choice_is_lost_aloud() -> None:
    losses: Losses = []
    assert encode_tool_choice(ToolChoice(mode="hosted"), losses) is None
    assert losses[0].what == "tool_choice"


def gathered(*pieces: Any) -> Any:
    arguments = PartialArguments()
    for piece in pieces:
        arguments.add(piece)
    return jsonx.decode(arguments.text().encode())


def test_arguments_in_pieces_become_one_object() -> None:
    assert gathered(
        {"jsonPath": "$.items[0].name", "stringValue": "ap", "willContinue": True},
        {"jsonPath": "$.items[0].name", "stringValue": "ple", "willContinue": True},
        {"jsonPath": "$.items[0].name", "stringValue": ""},
        {"jsonPath": "$.items[0].price", "numberValue": 0.5},
        {"jsonPath": "$.items[1]['full name']", "boolValue": True},
        {"jsonPath": "$.note", "nullValue": "NULL_VALUE"},
    ) == {"items": [{"name": "apple", "price": 0.5}, {"full name": True}], "note": None}


def test_a_text_that_does_not_go_on_begins_anew() -> None:
    assert gathered({"jsonPath": "$.a", "stringValue": "x"}, {"jsonPath": "$.a", "stringValue": "y"}) == {"a": "y"}


def test_an_index_far_away_is_the_next_one() -> None:
    assert gathered({"jsonPath": "$.a[999999999]", "numberValue": 1}) == {"a": [1]}


steps = st.lists(st.sampled_from([".a", ".b", "[0]", "[1]", "[7]", "['c']", "$", "["]), max_size=5).map("".join)
values = st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3) | st.lists(st.integers(), max_size=2)


@given(
    st.lists(
        values
        | st.fixed_dictionaries(
            {"jsonPath": steps | values},
            optional={"stringValue": values, "numberValue": values, "nullValue": values, "willContinue": st.booleans()},
        ),
        max_size=6,
    )
)
def test_no_piece_is_too_strange(pieces: list[Any]) -> None:
    assert isinstance(gathered(*pieces), dict)
