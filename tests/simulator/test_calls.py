from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.calls import arguments, chosen, fragments
from argo_relay.simulator.directives import BadDirectiveError
from argo_relay.simulator.request import ChatRequest


def request(names: list[str], *, last: str = "user", **fields: Any) -> ChatRequest:
    tools = [{"type": "function", "function": {"name": name}} for name in names]
    messages = [{"role": "user", "content": "go"}]
    if last != "user":
        messages.append({"role": last, "content": "done"})
    return ChatRequest(body={"tools": tools, **fields}, model="gpt4o", messages=messages)


NAMED = {"type": "function", "function": {"name": "b"}}


@pytest.mark.parametrize(
    ("ordered", "choice", "name"),
    [
        (None, None, None),
        (None, "auto", None),
        ("b", None, "b"),
        ("any", None, "a"),
        (None, "required", "a"),
        (None, NAMED, "b"),
        ("a", NAMED, "a"),
        ("a", "none", None),
        (None, {"type": "allowed_tools"}, None),
    ],
)
def test_which_tool_is_called(ordered: str | None, choice: object, name: str | None) -> None:
    function = chosen(request(["a", "b"], tool_choice=choice), ordered)
    assert (function and function["name"]) == name


def test_an_order_ends_with_the_tools_result() -> None:
    assert chosen(request(["a"], last="tool"), "a") is None
    assert chosen(request(["a"], last="assistant"), "a") is not None


@pytest.mark.parametrize(("names", "listed"), [(["a", "b"], "a, b"), ([], "none")])
def test_an_order_for_a_tool_that_is_not_offered_is_refused(names: list[str], listed: str) -> None:
    with pytest.raises(BadDirectiveError, match=rf"offers no such tool \(offered: {listed}\)"):
        chosen(request(names), "c")


@pytest.mark.parametrize("tools", [None, "all", [7, {}, {"function": {}}, {"function": {"name": 7}}]])
def test_tools_that_make_no_sense_are_none(tools: object) -> None:
    made = ChatRequest(body={"tools": tools, "tool_choice": "required"}, model="gpt4o", messages=[])
    assert chosen(made, None) is None


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        (None, {}),
        ({"type": "string"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {}),
        ({"required": ["a", 7], "properties": {"a": {"type": "string"}}}, {"a": "simulated"}),
        ({"properties": {}, "required": ["unknown"]}, {"unknown": "simulated"}),
        (
            {
                "type": "object",
                "required": ["i", "n", "b", "z", "e", "c", "d", "l", "m", "o", "x"],
                "properties": {
                    "i": {"type": "integer", "minimum": 5},
                    "n": {"type": "number", "maximum": -2},
                    "b": {"type": "boolean"},
                    "z": {"type": "null"},
                    "e": {"enum": ["celsius", "kelvin"]},
                    "c": {"const": 7},
                    "d": {"type": "string", "default": "here"},
                    "l": {"type": "array", "items": {"type": "integer"}, "minItems": 2},
                    "m": {"type": ["null", "integer"]},
                    "o": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}},
                    "x": {"anyOf": [{"type": "null"}, {"type": "integer"}]},
                },
            },
            {
                "i": 5,
                "n": -2,
                "b": True,
                "z": None,
                "e": "celsius",
                "c": 7,
                "d": "here",
                "l": [1, 1],
                "m": 1,
                "o": {"a": "simulated"},
                "x": 1,
            },
        ),
        (
            {
                "type": "object",
                "required": ["p"],
                "properties": {"p": {"$ref": "#/$defs/Point"}},
                "$defs": {"Point": {"type": "object", "required": ["x"], "properties": {"x": {"type": "number"}}}},
            },
            {"p": {"x": 1}},
        ),
    ],
)
def test_arguments_have_what_the_schema_requires(schema: object, expected: dict[str, Any]) -> None:
    assert json.loads(arguments(schema)) == expected


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    schema = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}
    assert arguments(schema).startswith('{"next":{"next":')


KEYWORDS = st.sampled_from(["type", "$ref", "properties", "required", "items", "anyOf", "enum", "minItems"])


@given(
    schema=st.recursive(
        st.none() | st.integers() | st.sampled_from(["object", "array", "#", "#/items", "x"]),
        lambda inner: st.dictionaries(KEYWORDS, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=8,
    )
)
def test_any_schema_gives_an_object(schema: object) -> None:
    assert isinstance(json.loads(arguments(schema)), dict)


@given(text=st.text(min_size=2), count=st.integers(1, 50))
def test_fragments_are_two_at_least_and_none_is_empty(text: str, count: int) -> None:
    cut = fragments(text, count)
    assert "".join(cut) == text
    assert all(cut)
    assert 2 <= len(cut) <= max(2, count)
