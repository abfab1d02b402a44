"""A small value that a JSON schema accepts: a tool's arguments, or a structured answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_DEEPEST = 12
"""A schema may refer to itself: below this depth there is only null."""

COMMAND = "echo argo-relay-works"
"""What an agent that believes the simulator runs on its machine: harmless, and easy to find in its next request."""

_FORMATS = {
    "date": "2026-01-31",
    "date-time": "2026-01-31T12:00:00Z",
    "time": "12:00:00Z",
    "email": "simulated@example.org",
    "uri": "https://example.org/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_STRINGS = {"cmd": COMMAND, "command": COMMAND, "description": "Show that tools work"}
_ARRAYS = {"cmd": COMMAND.split(), "command": COMMAND.split()}


def sample(schema: object) -> dict[str, Any]:
    """Return an object with the properties that `schema` requires, and no others."""
    value = _example(schema, schema, 0, "")
    return value if isinstance(value, dict) else {}


def _resolved(schema: dict[str, Any], root: object) -> object:
    found: object = root
    for step in filter(None, str(schema["$ref"]).removeprefix("#").split("/")):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _alternative(schema: dict[str, Any]) -> object:
    """Return the first of the schema's alternatives that is more than null, or None."""
    for keyword in ("anyOf", "oneOf", "allOf"):
        options = schema.get(keyword)
        if isinstance(options, list):
            return next((option for option in options if option != {"type": "null"}), None)
    return None


def _object(schema: dict[str, Any], root: object, depth: int, _name: str) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _example(known.get(name, {}), root, depth, name) for name in names}


def _array(schema: dict[str, Any], root: object, depth: int, name: str) -> list[Any]:
    items = schema.get("items", {})
    if name in _ARRAYS and isinstance(items, dict) and _type(items) == "string":
        return list(_ARRAYS[name])
    least = schema.get("minItems")
    count = min(max(least, 1), 100) if isinstance(least, int) else 1
    return [_example(items, root, depth, "")] * count


def _number(schema: dict[str, Any], _root: object, _depth: int, _name: str) -> Any:
    for keyword in ("minimum", "maximum"):
        if isinstance(schema.get(keyword), (int, float)):
            return schema[keyword]
    return 1


def _string(schema: dict[str, Any], _root: object, _depth: int, name: str) -> str:
    format_ = schema.get("format")
    text = _FORMATS.get(format_) if isinstance(format_, str) else None
    if text is not None:
        return text
    text = _STRINGS.get(name, "simulated")
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int):
        text = text.ljust(min(least, 1000), ".")
    return text[: max(most, 0)] if isinstance(most, int) else text


_BY_TYPE: dict[str, Callable[[dict[str, Any], object, int, str], Any]] = {
    "object": _object,
    "array": _array,
    "number": _number,
    "integer": _number,
    "string": _string,
    "boolean": lambda _schema, _root, _depth, _name: True,
    "null": lambda _schema, _root, _depth, _name: None,
}


def _type(schema: dict[str, Any]) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        named = next((name for name in named if name != "null"), "null")
    # Google's schemas, and what is made of them, write their types in capitals.
    return named.lower() if isinstance(named, str) else "object" if "properties" in schema else "string"


def _example(schema: object, root: object, depth: int, name: str) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    inner = _resolved(schema, root) if "$ref" in schema else _alternative(schema)
    if inner is not None:
        return _example(inner, root, depth + 1, name)
    return _BY_TYPE.get(_type(schema), _BY_TYPE["null"])(schema, root, depth + 1, name)
