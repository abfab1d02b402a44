"""Whatever schema a tool has, Gemini gets only what it knows, the types that were meant, and each narrowing is said."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.schemas import schema, tools

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
Object = dict[str, Any]
NOTHING: Object = {"type": "object", "properties": {}}


def tool(parameters: Any) -> Object:
    return {"type": "function", "function": {"name": "f", "description": "d", "parameters": parameters}}


def reduced(value: Any) -> tuple[Any, list[str]]:
    """Return a schema reduced, and the places of the losses."""
    made, losses = schema(value, "at")
    assert all((loss.what, loss.how) == ("schema", "approximated") for loss in losses)
    return made, [loss.path for loss in losses]


TEXT: Object = {"type": "string"}
SAID: list[tuple[Any, Any]] = [
    ({"type": "STRING", "$schema": "s", "$id": "i", "$comment": "c", "x-y": 1}, TEXT),
    ({"type": ["string", "null"], "description": "d", "default": None}, TEXT | {"description": "d", "nullable": True}),
    ({"anyOf": [{"type": "string"}, {"type": "null"}], "title": "t"}, TEXT | {"title": "t", "nullable": True}),
    ({"oneOf": [{"type": "string"}, {"const": None}]}, TEXT | {"nullable": True}),
    ({"const": "a"}, TEXT | {"enum": ["a"]}),
    ({"enum": ["a", "b", None]}, TEXT | {"enum": ["a", "b"], "nullable": True}),
    ({"enum": ["a"], "format": "enum"}, TEXT | {"enum": ["a"], "format": "enum"}),
    (
        {"anyOf": [{"const": "a"}, {"enum": ["b", "a"]}], "description": "d"},
        TEXT | {"description": "d", "enum": ["a", "b"]},
    ),
    (
        {"anyOf": [{"type": "string"}, {"anyOf": [{"type": "integer"}, {"type": "boolean"}]}], "description": "d"},
        {"anyOf": [{"type": kind, "description": "d"} for kind in ("string", "integer", "boolean")]},
    ),
    (
        {"type": ["string", "integer", "number", "null"], "minLength": 1, "minimum": 2},
        {"anyOf": [TEXT | {"minLength": 1, "nullable": True}, {"type": "number", "minimum": 2, "nullable": True}]},
    ),
    (
        {"type": "integer", "exclusiveMinimum": 2, "exclusiveMaximum": 9.5},
        {"type": "integer", "minimum": 3, "maximum": 9},
    ),
    ({"type": "integer", "exclusiveMinimum": True, "minimum": 2}, {"type": "integer", "minimum": 3}),
    ({"type": "number", "format": "double", "minLength": 3}, {"type": "number", "format": "double"}),
    ({"pattern": "^a", "examples": ["a", "b"]}, TEXT | {"pattern": "^a", "example": "a"}),
    ({"items": {"type": "string"}, "uniqueItems": False}, {"type": "array", "items": TEXT}),
    (
        {"properties": {"a": {"type": "string"}, "no": False}, "required": ["a"], "additionalProperties": False},
        {"type": "object", "properties": {"a": TEXT}, "required": ["a"]},
    ),
    (
        {
            "allOf": [{"$ref": "#/$defs/a"}, {"required": ["x"]}],
            "$defs": {"a": {"properties": {"x": {"type": "string"}}}},
        },
        {"type": "object", "properties": {"x": TEXT}, "required": ["x"]},
    ),
    (
        {"properties": {"a": {"type": "string"}, "b": {"$ref": "#/properties/a", "description": "d"}}},
        {"type": "object", "properties": {"a": TEXT, "b": TEXT | {"description": "d"}}},
    ),
]


@pytest.mark.parametrize(("value", "expected"), SAID)
def test_what_can_be_said_otherwise_is_no_loss(value: Any, expected: Any) -> None:
    before = copy.deepcopy(value)
    assert reduced(value) == (expected, [])
    assert value == before


NARROWED: list[tuple[Any, Any, list[str]]] = [
    (True, TEXT, ["at"]),
    (False, TEXT, ["at", "at"]),
    ({"description": "d"}, TEXT | {"description": "d"}, ["at"]),
    ({"type": "null"}, TEXT | {"nullable": True}, ["at"]),
    ({"enum": [1, 2]}, {"type": "integer", "description": "One of: 1, 2."}, ["at.enum"]),
    ({"const": True, "description": "d"}, {"type": "boolean", "description": "d One of: true."}, ["at.enum"]),
    ({"type": "string", "enum": ["", "a"]}, TEXT | {"description": 'One of: "", "a".'}, ["at.enum"]),
    ({"type": "string", "format": "uri"}, TEXT | {"description": "Format: uri."}, ["at.format"]),
    ({"exclusiveMinimum": 2, "minimum": 1}, {"type": "number", "minimum": 2}, ["at.exclusiveMinimum"]),
    ({"type": "array"}, {"type": "array", "items": TEXT}, ["at.items"]),
    (
        {"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]},
        {"type": "array", "items": {"anyOf": [TEXT, {"type": "integer"}]}},
        ["at.prefixItems"],
    ),
    ({"type": "array", "items": [{"type": "string"}]}, {"type": "array", "items": TEXT}, ["at.prefixItems"]),
    ({"properties": {"a": {"type": "string"}}, "required": ["a", "b"]}, {
        "type": "object", "properties": {"a": TEXT}, "required": ["a"],
    }, ["at.required"]),
    ({"type": "object", "additionalProperties": {"type": "string"}}, {"type": "object"}, ["at.additionalProperties"]),
    ({"type": "object", "patternProperties": {}}, {"type": "object"}, ["at.patternProperties"]),
    ({"type": "number", "multipleOf": 2, "not": {}}, {"type": "number"}, ["at.not", "at.multipleOf"]),
    ({"$ref": "https://schemas.example/x"}, {"type": "object"}, ["at"]),
    ({"allOf": [{"type": "string", "pattern": "a"}, {"pattern": "b"}]}, TEXT | {"pattern": "a"}, ["at.pattern"]),
    (
        {"properties": {"next": {"$ref": "#"}, "n": {"type": "string"}}},
        {"type": "object", "properties": {
            "next": {"type": "object", "properties": {"next": {"type": "object"}, "n": TEXT}}, "n": TEXT,
        }},
        ["at.properties.next.properties.next"],
    ),
]  # fmt: skip


@pytest.mark.parametrize(("value", "expected", "losses"), NARROWED)
def test_what_cannot_be_said_is_a_loss(value: Any, expected: Any, losses: list[str]) -> None:
    assert reduced(value) == (expected, losses)


@pytest.mark.parametrize("parameters", [None, {}, True, False, {"type": "object"}, {"type": ["object", "null"]}])
def test_a_tool_without_parameters_has_an_object(parameters: Any) -> None:
    mended, losses = tools([tool(parameters), {"type": "function", "function": {"name": "g"}}])
    assert [one["function"]["parameters"] for one in mended] == [NOTHING, NOTHING]
    assert losses == []


def test_parameters_are_one_object() -> None:
    either = [{"properties": {"a": TEXT, "b": TEXT}, "required": ["a", "b"]}, {"properties": {"b": TEXT, "c": TEXT}}]
    mended, losses = tools([tool({"anyOf": either, "description": "d"}), tool({"type": "string"})])
    assert [one["function"]["parameters"] for one in mended] == [
        {"type": "object", "description": "d", "properties": {"a": TEXT, "b": TEXT, "c": TEXT}},
        NOTHING,
    ]
    assert [loss.path for loss in losses] == [
        "tools[0].function.parameters.anyOf",
        "tools[1].function.parameters",
    ]


def test_what_all_alternatives_require_the_one_object_requires() -> None:
    either = [{"properties": {name: TEXT, "b": TEXT}, "required": [name, "b"]} for name in "ac"]
    mended, _ = tools([tool({"anyOf": either})])
    assert mended[0]["function"]["parameters"]["required"] == ["b"]


@pytest.mark.parametrize(
    "values",
    [
        None,
        {},
        [None, 3, {"type": "web_search"}, {"function": 3}, tool([]), tool("x")],
        [tool({"type": "object", "properties": {"a": {"anyOf": [TEXT, {"type": "integer"}]}}})],
    ],
)
def test_tools_that_need_nothing_stay_the_same_object(values: Any) -> None:
    mended, losses = tools(values)
    assert mended is values
    assert losses == []


def chain(key: str, length: int) -> Object:
    """Return a schema of references each of which leads to the next, twice."""
    defs: Object = {f"d{at}": {key: [{"$ref": f"#/$defs/d{at + 1}"}] * 2} for at in range(length)}
    return {"$ref": "#/$defs/d0", "$defs": defs | {f"d{length}": TEXT}}


def deep(levels: int) -> Object:
    value: Object = TEXT
    for _ in range(levels):
        value = {"type": "object", "properties": {"x": value}}
    return value


@pytest.mark.parametrize(
    "value",
    [
        chain("allOf", 40),
        chain("anyOf", 40),
        chain("oneOf", 150),
        deep(60),
        {"$ref": "#"},
        {"allOf": [{"$ref": "#"}]},
        {"anyOf": [{"$ref": "#"}, TEXT]},
        {"$ref": "#/$defs/d0", "$defs": {f"d{at}": {"anyOf": [{"$ref": f"#/$defs/d{at + 1}"}]} for at in range(2000)}},
        {"$ref": "#/$defs/d0", "$defs": {f"d{at}": {"$ref": f"#/$defs/d{at + 1}"} for at in range(2000)}},
    ],
)
def test_what_leads_on_and_on_comes_to_an_end(value: Object) -> None:
    mended, losses = tools([tool({"type": "object", "properties": {"x": value}, "$defs": value.get("$defs", {})})])
    assert losses
    assert len(json.dumps(mended)) < 100_000
    assert tools(mended) == (mended, [])


# ------------------------------------------------------------------------------------------------------ any schema

ODD = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from(["", "a", "b", 1.5]) | st.just([]) | st.just({})
KINDS = st.sampled_from(["string", "integer", "number", "boolean", "array", "object", "null", "any", "STRING"])
REFERENCES = st.sampled_from(["#", "#/$defs/a", "#/properties/a", "#/definitions/b", "http://x", "#/$defs/none"])


def keywords(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    lists = st.lists(inner, max_size=3) | ODD
    maps = st.dictionaries(st.sampled_from("ab"), inner, max_size=2) | ODD
    bound = st.integers(-3, 9) | st.floats(-3, 9) | ODD
    optional = {
        "type": KINDS | st.lists(KINDS, max_size=3) | ODD,
        "enum": st.lists(ODD, max_size=3) | ODD,
        "required": st.lists(st.sampled_from("abc") | ODD, max_size=3) | ODD,
        "propertyOrdering": st.lists(st.sampled_from("abc"), max_size=2) | ODD,
        "format": st.sampled_from(["enum", "date-time", "uri", "int32", "float"]) | ODD,
        "$ref": REFERENCES | ODD,
    }
    optional |= dict.fromkeys(("anyOf", "oneOf", "allOf", "prefixItems"), lists)
    optional |= dict.fromkeys(("properties", "$defs", "definitions", "patternProperties"), maps)
    optional |= dict.fromkeys(("items", "additionalProperties", "not", "if"), inner | ODD)
    optional |= dict.fromkeys(("minimum", "exclusiveMinimum", "exclusiveMaximum", "minItems", "maxLength"), bound)
    optional |= dict.fromkeys(("title", "description", "default", "example", "pattern", "const", "nullable"), ODD)
    return st.lists(st.sampled_from(sorted(optional)), max_size=5, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: optional[name] for name in names})
    )


SCHEMAS = st.recursive(ODD | keywords(ODD), keywords, max_leaves=6)
KNOWN = {
    "type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems", "properties", "required",
    "minProperties", "maxProperties", "minLength", "maxLength", "pattern", "example", "anyOf", "propertyOrdering",
    "default", "items", "minimum", "maximum",
}  # fmt: skip


def check(node: Any) -> None:
    """Hold a schema to Vertex's rules."""
    assert isinstance(node, dict)
    assert node.keys() <= KNOWN
    if "anyOf" in node:
        assert node.keys() == {"anyOf"}
        assert len(node["anyOf"]) > 1
        for one in node["anyOf"]:
            check(one)
        return
    assert node["type"] in ("string", "integer", "number", "boolean", "array", "object")
    assert node["type"] == "string" or not {"enum", "pattern", "minLength", "maxLength"} & node.keys()
    assert all(isinstance(one, str) and one for one in node.get("enum", []))
    assert (node["type"] == "array") == ("items" in node)
    assert node["type"] == "object" or not {"properties", "required", "propertyOrdering"} & node.keys()
    assert set(node.get("required", [])) <= node.get("properties", {}).keys()
    for one in [*node.get("properties", {}).values(), *([node["items"]] if "items" in node else [])]:
        check(one)


@UNTIMED
@given(SCHEMAS)
def test_whatever_the_schema_gemini_can_take_it_and_nothing_is_reduced_twice(value: Any) -> None:
    before = copy.deepcopy(value)
    made, _ = schema(value, "at")
    assert value == before
    check(made)
    again, losses = schema(made, "at")
    assert again is made
    assert losses == []


@UNTIMED
@given(SCHEMAS)
def test_whatever_the_parameters_they_are_an_object(value: Any) -> None:
    mended, losses = tools([tool(value)])
    parameters = mended[0]["function"]["parameters"]
    if not isinstance(value, dict | bool | None):
        assert (parameters, losses) == (value, [])
        return
    check(parameters)
    assert parameters["type"] == "object"
    assert tools(mended) == (mended, [])
