"""Which JSON Schema Vertex takes for a function of Gemini's, and how it says that it does not.

Vertex reads a schema into a message of its own (https://cloud.google.com/vertex-ai/docs/reference/rest/v1/Schema), in
which a keyword that it does not know is an unknown field. The words are Google's.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_KNOWN = frozenset(
    {
        "type", "format", "title", "description", "nullable", "default", "example", "enum", "items", "minItems",
        "maxItems", "properties", "required", "propertyOrdering", "minProperties", "maxProperties", "minimum",
        "maximum", "minLength", "maxLength", "pattern", "anyOf",
    }
)  # fmt: skip


def problems(schema: object, where: str) -> Iterator[str]:
    """Yield what is wrong with a schema at a place such as `tools[0].function_declarations[0].parameters`."""
    if not isinstance(schema, dict):
        return
    for keyword in schema:
        if keyword not in _KNOWN:
            yield f"Invalid JSON payload received. Unknown name \"{keyword}\" at '{where}': Cannot find field."
    if isinstance(schema.get("type"), list):
        yield (
            f"Invalid JSON payload received. Unknown name \"type\" at '{where}': "
            "Proto field is not repeating, cannot start list."
        )
    for place, inner in _inner(schema):
        yield from problems(inner, f"{where}.{place}")


def _inner(schema: dict[str, Any]) -> Iterator[tuple[str, object]]:
    properties, alternatives = schema.get("properties"), schema.get("anyOf")
    if isinstance(properties, dict):
        for index, inner in enumerate(properties.values()):
            yield f"properties[{index}].value", inner
    if "items" in schema:
        yield "items", schema["items"]
    if isinstance(alternatives, list):
        for index, inner in enumerate(alternatives):
            yield f"any_of[{index}]", inner
