from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.sample import COMMAND, sample


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
def test_a_sample_has_what_the_schema_requires(schema: object, expected: dict[str, Any]) -> None:
    assert sample(schema) == expected


def test_a_schema_that_holds_itself_comes_to_an_end() -> None:
    schema = {"type": "object", "required": ["next"], "properties": {"next": {"$ref": "#"}}}
    assert list(sample(schema)["next"]["next"]) == ["next"]


KEYWORDS = st.sampled_from(["type", "$ref", "properties", "required", "items", "anyOf", "enum", "minItems"])


@given(
    schema=st.recursive(
        st.none() | st.integers() | st.sampled_from(["object", "array", "#", "#/items", "x"]),
        lambda inner: st.dictionaries(KEYWORDS, inner, max_size=3) | st.lists(inner, max_size=2),
        max_leaves=8,
    )
)
def test_any_schema_gives_an_object(schema: object) -> None:
    assert isinstance(sample(schema), dict)


@pytest.mark.parametrize(
    ("name", "schema", "value"),
    [
        ("cmd", {"type": "string"}, COMMAND),
        ("command", {"type": "string", "description": "The command"}, COMMAND),
        ("command", {"type": "array", "items": {"type": "string"}}, ["echo", "argo-relay-works"]),
        ("command", {"type": "array"}, ["echo", "argo-relay-works"]),
        ("command", {"type": "array", "items": {"type": "integer"}}, [1]),
        ("command", {"anyOf": [{"type": "null"}, {"type": "string"}]}, COMMAND),
        ("command", {"type": "string", "enum": ["view"]}, "view"),
        ("command", {"type": "STRING"}, COMMAND),
        ("description", {"type": "string"}, "Show that tools work"),
        ("path", {"type": "string", "minLength": 12}, "simulated..."),
        ("path", {"type": "string", "maxLength": 3}, "sim"),
        ("day", {"type": "string", "format": "date"}, "2026-01-31"),
        ("day", {"type": "string", "format": ["date"]}, "simulated"),
    ],
)
def test_a_property_gets_what_its_name_promises(name: str, schema: dict[str, Any], value: object) -> None:
    assert sample({"type": "object", "properties": {name: schema}, "required": [name]}) == {name: value}
