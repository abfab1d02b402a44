"""Tool calls: which tool, and arguments that its schema accepts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import msgspec

from argo_relay.simulator.directives import BadDirectiveError
from argo_relay.simulator.request import ChatRequest
from argo_relay.simulator.wire import encode

_DEEPEST = 12
"""A schema may refer to itself: below this depth there is only null."""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one tool."""

    id: str
    name: str


def _functions(request: ChatRequest) -> Iterator[dict[str, Any]]:
    tools = request.body.get("tools")
    for tool in tools if isinstance(tools, list) else ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            yield function


def _demanded(choice: object) -> str | None:
    """Return the tool that the client's `tool_choice` insists on."""
    if choice == "required":
        return "any"
    function = choice.get("function") if isinstance(choice, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return name if isinstance(name, str) else None


def _answered(request: ChatRequest) -> bool:
    """Whether a tool's result follows the last user message: calling again would never end."""
    roles = [message.get("role") for message in request.messages]
    return bool(roles) and roles[-1] == "tool"


def chosen(request: ChatRequest, ordered: str | None) -> dict[str, Any] | None:
    """Return the function to call, or None; raise BadDirectiveError for an ordered tool that is not offered."""
    choice = request.body.get("tool_choice")
    name = _demanded(choice)
    if ordered is not None and choice != "none" and not _answered(request):
        name = ordered
    if name is None:
        return None
    offered = {function["name"]: function for function in _functions(request)}
    function = next(iter(offered.values()), None) if name == "any" else offered.get(name)
    if function is None and ordered is not None:
        names = ", ".join(offered) or "none"
        raise BadDirectiveError(f"[tool={ordered}]: this request offers no such tool (offered: {names}).")
    return function


def arguments(schema: object) -> str:
    """Return, as JSON text, an object with the properties that `schema` requires."""
    value = _example(schema, schema, 0)
    return encode(value if isinstance(value, dict) else {}).decode()


def fragments(text: str, count: int) -> tuple[str, ...]:
    """Return `text` cut in `count` pieces, but in two at least, and none of them empty."""
    count = max(2, min(count, len(text)))
    bounds = [len(text) * index // count for index in range(count + 1)]
    return tuple(text[start:end] for start, end in pairwise(bounds))


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


def _object(schema: dict[str, Any], root: object, depth: int) -> dict[str, Any]:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _example(known.get(name, {}), root, depth) for name in names}


def _array(schema: dict[str, Any], root: object, depth: int) -> list[Any]:
    least = schema.get("minItems")
    count = min(max(least, 1), 100) if isinstance(least, int) else 1
    return [_example(schema.get("items", {}), root, depth)] * count


def _number(schema: dict[str, Any], _root: object, _depth: int) -> Any:
    for keyword in ("minimum", "maximum"):
        if isinstance(schema.get(keyword), (int, float)):
            return schema[keyword]
    return 1


_BY_TYPE: dict[str, Callable[[dict[str, Any], object, int], Any]] = {
    "object": _object,
    "array": _array,
    "number": _number,
    "integer": _number,
    "string": lambda _schema, _root, _depth: "simulated",
    "boolean": lambda _schema, _root, _depth: True,
    "null": lambda _schema, _root, _depth: None,
}


def _type(schema: dict[str, Any]) -> str:
    named = schema.get("type")
    if isinstance(named, list):
        named = next((name for name in named if name != "null"), "null")
    return named if isinstance(named, str) else "object" if "properties" in schema else "string"


def _example(schema: object, root: object, depth: int) -> Any:
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return None
    for keyword in ("const", "default"):
        if keyword in schema:
            return schema[keyword]
    if isinstance(schema.get("enum"), list) and schema["enum"]:
        return schema["enum"][0]
    inner = _resolved(schema, root) if "$ref" in schema else _alternative(schema)
    if inner is not None:
        return _example(inner, root, depth + 1)
    return _BY_TYPE.get(_type(schema), _BY_TYPE["null"])(schema, root, depth + 1)
