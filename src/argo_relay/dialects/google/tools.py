"""What Gemini may call, both ways: https://ai.google.dev/api/caching#Tool.

A declaration's `parameters` are a subset of OpenAPI's schemas with types in capitals; `parametersJsonSchema` is plain
JSON Schema. Here every schema is JSON Schema, and the original goes back as it came.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any, Final

from argo_relay.dialects.base import passed_over
from argo_relay.dialects.google.content_encoder import lose_mark
from argo_relay.dialects.google.outline import in_list
from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice, wire_name

_DECLARED: Final = frozenset({"name", "description", "parametersJsonSchema"})
_CONFIGURED: Final = frozenset({"functionCallingConfig"})
_RENAMED: Final = {
    "any_of": "anyOf",
    "prefix_items": "prefixItems",
    "additional_properties": "additionalProperties",
    "defs": "$defs",
    "ref": "$ref",
}
_NESTED: Final = frozenset({"items", "additionalProperties", "not"})
_LISTS: Final = frozenset({"anyOf", "oneOf", "allOf", "prefixItems"})
_MAPS: Final = frozenset({"properties", "$defs"})
# 64-bit integers are strings in protobuf's JSON.
_COUNTS: Final = {
    name: camel
    for camel in ("minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties")
    for name in (camel, camel[:3] + "_" + camel[3:].lower())
}
_DROPPED: Final = frozenset({"nullable", "propertyOrdering", "property_ordering", "example", "type"})


def decode_tools(value: Any) -> tuple[Tool, ...]:
    """Return the tools of a request; each member of a Tool that is no function is a hosted tool of its own."""
    tools: list[Tool] = []
    for entry in in_list(value):
        for field, member in entry.items():
            if field == "functionDeclarations":
                tools += [_function(one) for one in in_list(member) if isinstance(one, dict)]
            elif member is not None:
                tools.append(HostedTool(dialect="google", payload={field: member}))
    return tuple(tools)


def _function(declaration: dict[str, Any]) -> FunctionTool:
    schema, parameters = declaration.get("parametersJsonSchema"), declaration.get("parameters")
    if schema is None and isinstance(parameters, dict):
        schema = json_schema(parameters)
    kept = passed_over(declaration, _DECLARED)
    if not isinstance(schema, dict | None):
        kept["parametersJsonSchema"], schema = schema, None
    return FunctionTool(
        name=str(declaration.get("name") or ""),
        description=declaration.get("description"),
        schema=schema,
        extras={"google": kept} if kept else {},
    )


def json_schema(schema: Any) -> Any:
    """Return a schema of Google's OpenAPI subset as JSON Schema; what is JSON Schema already stays so."""
    if not isinstance(schema, dict):
        return schema
    plain: dict[str, Any] = {}
    kind = schema.get("type")
    if isinstance(kind, str) and kind.upper() != "TYPE_UNSPECIFIED":
        plain["type"] = kind.lower()
    elif isinstance(kind, list):
        plain["type"] = [one.lower() if isinstance(one, str) else one for one in kind]
    for key, value in schema.items():
        if key not in _DROPPED:
            name = _RENAMED.get(key) or _COUNTS.get(key) or key
            plain[name] = _member(name, value)
    return _nullable(plain) if schema.get("nullable") is True else plain


def _member(name: str, value: Any) -> Any:
    if name in _NESTED:
        return json_schema(value)
    if name in _LISTS and isinstance(value, list):
        return [json_schema(one) for one in value]
    if name in _MAPS and isinstance(value, dict):
        return {key: json_schema(one) for key, one in value.items()}
    if name in _COUNTS and isinstance(value, str) and value.isdecimal():
        return int(value)
    return value


def _nullable(plain: dict[str, Any]) -> dict[str, Any]:
    if isinstance(plain.get("enum"), list):
        plain["enum"] = [*plain["enum"], None]
    if isinstance(plain.get("type"), str):
        plain["type"] = [plain["type"], "null"]
    elif isinstance(plain.get("anyOf"), list):
        plain["anyOf"] = [*plain["anyOf"], {"type": "null"}]
    return plain


def encode_tools(tools: tuple[Tool, ...], losses: Losses) -> list[dict[str, Any]]:
    """Return tools as Gemini's: functions that follow each other in one list, each hosted tool by itself."""
    encoded: list[dict[str, Any]] = []
    for index, tool in enumerate(tools):
        path = f"tools[{index}]"
        if isinstance(tool, HostedTool):
            if tool.dialect == "google":
                encoded.append(tool.payload)
            else:
                why = f"Only the dialect {tool.dialect} has this tool."
                losses.append(Loss(path=path, what=f"tool_{tool.payload.get('type', 'hosted')}", why=why))
            continue
        declaration = _declaration(tool, path, losses)
        if encoded and "functionDeclarations" in encoded[-1]:
            encoded[-1]["functionDeclarations"].append(declaration)
        else:
            encoded.append({"functionDeclarations": [declaration]})
    return encoded


def _declaration(tool: FunctionTool | CustomTool, path: str, losses: Losses) -> dict[str, Any]:
    if isinstance(tool, CustomTool):
        return _custom(tool, path, losses)
    declaration: dict[str, Any] = {"name": wire_name(tool)}
    if tool.description is not None:
        declaration["description"] = tool.description
    own = tool.extras.get("google", {})
    if tool.schema is not None and "parameters" not in own:
        declaration["parametersJsonSchema"] = tool.schema
    if tool.strict:
        losses.append(Loss(path=path, what="strict", why="Gemini holds no single function to its schema."))
    if tool.deferred:
        why = "Gemini sees every tool from the beginning."
        losses.append(Loss(path=path, what="deferred", why=why, how="approximated"))
    if tool.cache is not None:
        lose_mark(tool.cache, path, losses)
    return {**declaration, **own}


def _custom(tool: CustomTool, path: str, losses: Losses) -> dict[str, Any]:
    why = "Gemini's functions take objects; the text is the member `input` of one."
    losses.append(Loss(path=path, what="custom_tool", why=why, how="approximated"))
    text = "The whole input as text."
    if tool.format is not None and tool.format.get("type") != "text":
        text += f" It must fit this format: {jsonx.encode(tool.format).decode()}"
    return {
        "name": wire_name(tool),
        "description": tool.description or "",
        "parametersJsonSchema": {
            "type": "object",
            "properties": {"input": {"type": "string", "description": text}},
            "required": ["input"],
        },
    }


def decode_tool_choice(config: Any) -> tuple[ToolChoice | None, dict[str, Any]]:
    """Return what `toolConfig` says of calling functions, and the rest of it."""
    if not isinstance(config, dict):
        return None, {}
    rest = passed_over(config, _CONFIGURED)
    calling = config.get("functionCallingConfig")
    if not isinstance(calling, dict) or not calling:
        return None, rest
    names = calling.get("allowedFunctionNames")
    allowed = tuple(str(name) for name in names) if isinstance(names, list) else None
    mode = str(calling.get("mode")).upper()
    extras = {"google": calling}
    if mode == "ANY" and allowed and len(allowed) == 1:
        return ToolChoice(mode="tool", name=allowed[0], extras=extras), rest
    if mode == "ANY":
        return ToolChoice(mode="required", allowed=allowed or None, extras=extras), rest
    if mode == "NONE":
        return ToolChoice(mode="none", extras=extras), rest
    return ToolChoice(mode="auto", allowed=allowed or None, extras=extras), rest


def encode_tool_choice(choice: ToolChoice, losses: Losses) -> dict[str, Any] | None:
    """Return a choice as a `functionCallingConfig`; Gemini's own as it came."""
    if "google" in choice.extras:
        return dict(choice.extras["google"])
    if choice.mode == "hosted":
        losses.append(Loss(path="tool_choice", what="tool_choice", why="Gemini cannot be told to use a hosted tool."))
        return None
    if choice.mode == "none":
        return {"mode": "NONE"}
    if choice.mode == "tool":
        name = f"{choice.namespace}__{choice.name}" if choice.namespace else choice.name
        return {"mode": "ANY", "allowedFunctionNames": [name]}
    if choice.allowed is None:
        return {"mode": "ANY" if choice.mode == "required" else "AUTO"}
    # Names limit ANY and VALIDATED only; VALIDATED leaves it to the model whether it calls one.
    mode = "ANY" if choice.mode == "required" else "VALIDATED"
    return {"mode": mode, "allowedFunctionNames": list(choice.allowed)}


_STEP = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]|\[(['\"])(.*?)\3\]")
_VALUES: Final = ("stringValue", "numberValue", "boolValue", "nullValue")


class PartialArguments:
    """Arguments that arrive in pieces, each with its place: `{"jsonPath": "$.items[0].name", "stringValue": "a"}`.

    A text goes on in the next piece while `willContinue` says so:
    https://cloud.google.com/vertex-ai/generative-ai/docs/multimodal/function-calling#streaming-fc
    """

    def __init__(self, begun: Any = None) -> None:
        self._root: dict[str, Any] = dict(begun) if isinstance(begun, dict) else {}
        self._continued: str | None = None

    def add(self, piece: Any) -> None:
        """Put a piece in its place; what has none is passed over."""
        path = piece.get("jsonPath") if isinstance(piece, dict) else None
        field = next((name for name in _VALUES if name in piece), None) if isinstance(path, str) else None
        if not isinstance(path, str) or field is None:
            return
        value = None if field == "nullValue" else piece[field]
        steps = [int(index) if index else name or quoted for name, index, _, quoted in _STEP.findall(path)]
        if steps:
            self._put(steps, value, goes_on=self._continued == path)
        self._continued = path if piece.get("willContinue") is True else None

    def text(self) -> str:
        """Return the arguments as JSON."""
        return jsonx.encode(self._root).decode()

    def _put(self, steps: list[str | int], value: Any, *, goes_on: bool) -> None:
        place: Any = self._root
        for step, following in pairwise(steps):
            place = _inside(place, step, [] if isinstance(following, int) else {})
            if place is None:
                return
        last = steps[-1]
        before = _inside(place, last, value)
        if goes_on and isinstance(before, str) and isinstance(value, str):
            value = before + value
        if isinstance(place, dict):
            place[str(last)] = value
        elif isinstance(place, list) and isinstance(last, int) and last < len(place):
            place[last] = value


def _inside(place: Any, step: str | int, new: Any) -> Any:
    """Return what stands in a place, after putting `new` where nothing does; a list grows by one at most."""
    if isinstance(place, dict):
        return place.setdefault(str(step), new)
    if isinstance(place, list) and isinstance(step, int):
        if step >= len(place):
            place.append(new)
            return new
        return place[step]
    return None
