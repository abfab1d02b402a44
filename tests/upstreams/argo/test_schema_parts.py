"""References are found where they point, and two schemas together allow what both allow."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.upstreams.argo.schema_parts import MISSING, found, merged

ROOT: dict[str, Any] = {"$defs": {"a/b": 1, "c d": 2, "e~": {"f": [10, 11]}}, "": 3}


@pytest.mark.parametrize(
    ("reference", "target"),
    [
        ("#", ROOT),
        ("#/", 3),
        ("#/$defs/a~1b", 1),
        ("#/$defs/c%20d", 2),
        ("#/$defs/e~0/f/1", 11),
        ("#/$defs/e~0/f/2", MISSING),
        ("#/$defs/e~0/f/01", MISSING),
        ("#/$defs/none", MISSING),
        ("#anchor", MISSING),
        ("https://schemas.example/a.json", MISSING),
        ("", MISSING),
    ],
)
def test_what_a_reference_refers_to(reference: str, target: Any) -> None:
    assert found(ROOT, reference) is target or found(ROOT, reference) == target


@pytest.mark.parametrize(
    ("first", "second", "whole", "clashes"),
    [
        ({"a": 1}, {"b": 2}, {"a": 1, "b": 2}, []),
        ({"description": "x"}, {"description": "y"}, {"description": "x"}, []),
        ({"required": ["a"]}, {"required": ["b", "a"]}, {"required": ["a", "b"]}, []),
        ({"minimum": 1, "maxLength": 5}, {"minimum": 3, "maxLength": 2}, {"minimum": 3, "maxLength": 2}, []),
        ({"enum": ["a", "b"]}, {"enum": ["b", "c"]}, {"enum": ["b"]}, []),
        ({"enum": ["a"]}, {"enum": ["b"]}, {"enum": ["a"]}, ["enum"]),
        ({"type": "number"}, {"type": "integer"}, {"type": "integer"}, []),
        ({"type": "integer"}, {"type": ["number", "null"]}, {"type": "integer"}, []),
        ({"type": ["string", "null"]}, {"type": ["null", "string"]}, {"type": ["string", "null"]}, []),
        ({"type": "string"}, {"type": "array"}, {"type": "string"}, ["type"]),
        ({"type": 3}, {"type": "array"}, {"type": 3}, ["type"]),
        (
            {"properties": {"a": {}, "b": {"x": 1}}},
            {"properties": {"b": {"x": 2}, "c": {}}},
            {"properties": {"a": {}, "b": {"allOf": [{"x": 1}, {"x": 2}]}, "c": {}}},
            [],
        ),
        ({"items": {"x": 1}}, {"items": {"x": 2}}, {"items": {"allOf": [{"x": 1}, {"x": 2}]}}, []),
        ({"$defs": {"a": 1}}, {"$defs": {"b": 1}}, {"$defs": {"a": 1}}, []),
        ({"nullable": True}, {"nullable": False}, {"nullable": True}, []),
        ({"pattern": "a"}, {"pattern": "b"}, {"pattern": "a"}, ["pattern"]),
        ({"anyOf": [{}]}, {"anyOf": []}, {"anyOf": [{}]}, ["anyOf"]),
    ],
)
def test_two_schemas_as_one(
    first: dict[str, Any], second: dict[str, Any], whole: dict[str, Any], clashes: list[str]
) -> None:
    assert merged(first, second) == (whole, clashes)
