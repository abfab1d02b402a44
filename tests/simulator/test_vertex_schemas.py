from __future__ import annotations

from typing import Any

import pytest

from argo_relay.simulator.vertex_schemas import problems

UNKNOWN = """Invalid JSON payload received. Unknown name "{}" at '{}': Cannot find field."""


@pytest.mark.parametrize(
    ("schema", "unknown"),
    [
        ({"type": "object", "properties": {"a": {"type": "string", "enum": ["x"]}}, "required": ["a"]}, []),
        ({"type": "OBJECT", "properties": {"const": {"type": "array", "items": {"type": "number"}}}}, []),
        ({"type": "object", "additionalProperties": False}, [("additionalProperties", "P")]),
        ({"$defs": {"A": {"const": 1}}, "type": "object"}, [("$defs", "P")]),
        (
            {"properties": {"a": {"type": "string"}, "b": {"const": 1, "items": {"$ref": "#"}}}},
            [("const", "P.properties[1].value"), ("$ref", "P.properties[1].value.items")],
        ),
        ({"anyOf": [{"type": "null"}, {"oneOf": []}]}, [("oneOf", "P.any_of[1]")]),
        (True, []),
    ],
)
def test_unknown_keywords_and_where_they_stand(schema: Any, unknown: list[tuple[str, str]]) -> None:
    assert list(problems(schema, "P")) == [UNKNOWN.format(*one) for one in unknown]


def test_a_type_is_one() -> None:
    (said,) = problems({"properties": {"a": {"type": ["string", "null"]}}}, "P")
    assert said.startswith("Invalid JSON payload received. Unknown name \"type\" at 'P.properties[0].value': ")
    assert said.endswith("Proto field is not repeating, cannot start list.")
