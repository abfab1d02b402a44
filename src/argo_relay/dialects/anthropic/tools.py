"""Tools and the choice among them, both ways: https://platform.claude.com/docs/en/agents-and-tools/tool-use."""

from __future__ import annotations

from typing import Any, Final

from argo_relay.dialects.anthropic.content_decoder import decode_cache, encode_cache, leftovers
from argo_relay.dialects.anthropic.outline import DIALECT
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import (
    CustomTool,
    FunctionTool,
    HostedTool,
    Tool,
    ToolChoice,
    flat_name,
    wire_name,
)

_FUNCTION: Final = frozenset({"type", "name", "description", "input_schema", "strict", "defer_loading"})
_CHOICE: Final = frozenset({"type", "name", "disable_parallel_tool_use"})
_CHOICES: Final = {"auto": "auto", "any": "required", "tool": "tool", "none": "none"}
FORCED: Final = frozenset({"any", "tool"})
"""Types of a tool_choice that leave the model no choice; they exclude thinking."""
# https://platform.claude.com/docs/en/build-with-claude/structured-outputs#json-schema-limitations
_UNKNOWN_KEYWORDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength", "maxLength"}
    | {"maxItems", "uniqueItems", "minProperties", "maxProperties"}
)
_SCHEMA_MAPS: Final = frozenset({"properties", "$defs", "definitions"})
_SCHEMA_LISTS: Final = frozenset({"anyOf", "allOf", "oneOf", "prefixItems"})


def decode_tools(value: Any) -> tuple[Tool, ...]:
    """Return the tools of a request; raise Refused, naming the tool, for what is none."""
    return tuple(_decode_tool(tool, f"tools[{index}]") for index, tool in enumerate(value or ()))


def _decode_tool(tool: Any, path: str) -> Tool:
    if not isinstance(tool, dict):
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
    if tool.get("type") not in (None, "custom"):
        return HostedTool(dialect=DIALECT, payload=tool)
    name, description, schema = tool.get("name"), tool.get("description"), tool.get("input_schema")
    if not isinstance(name, str):
        raise Refused(bad_request(f"`{path}.name` must be a string.", f"{path}.name", "invalid_type"))
    if not isinstance(description, str | None):
        raise Refused(bad_request(f"`{path}.description` must be a string.", f"{path}.description", "invalid_type"))
    if not isinstance(schema, dict | None):
        raise Refused(bad_request(f"`{path}.input_schema` must be an object.", f"{path}.input_schema", "invalid_type"))
    strict = tool.get("strict")
    return FunctionTool(
        name=name,
        description=description,
        schema=schema,
        strict=strict if isinstance(strict, bool) else None,
        deferred=tool.get("defer_loading") is True,
        cache=decode_cache(tool.get("cache_control")),
        extras=leftovers(tool, _FUNCTION),
    )


def decode_choice(value: Any) -> tuple[ToolChoice | None, bool | None]:
    """Return the choice of a request, and whether several calls at once are welcome."""
    if not isinstance(value, dict):
        return None, None
    kind, name, single = value.get("type"), value.get("name"), value.get("disable_parallel_tool_use")
    parallel = not single if isinstance(single, bool) else None
    mode = _CHOICES.get(kind) if isinstance(kind, str) else None
    if mode is None or (mode == "tool" and not isinstance(name, str)):
        return ToolChoice(mode="hosted", extras={DIALECT: value}), None
    extras = leftovers(value, _CHOICE)
    return ToolChoice(mode=mode, name=name if mode == "tool" else None, extras=extras), parallel  # type: ignore[arg-type]


def encode_tools(request: Request, losses: Losses) -> list[dict[str, Any]]:
    """Return the tools of a request, those alone that its choice allows."""
    choice = request.tool_choice
    allowed = choice.allowed if choice is not None else None
    if allowed is not None:
        why = "Anthropic cannot allow some of the tools: only these are sent."
        losses.append(Loss(path="tool_choice.allowed", what="allowed_tools", why=why, how="approximated"))
    own = request.dialect == DIALECT
    made = []
    for index, tool in enumerate(request.tools):
        path = f"tools[{index}]"
        if isinstance(tool, HostedTool):
            if tool.dialect == DIALECT:
                made.append(tool.payload)
            else:
                why = f"Only {tool.dialect} knows this tool."
                losses.append(Loss(path=path, what=str(tool.payload.get("type") or "hosted_tool"), why=why))
        elif allowed is None or tool.name in allowed or wire_name(tool) in allowed:
            made.append(
                _encode_custom(tool, path, losses)
                if isinstance(tool, CustomTool)
                else _encode_function(tool, path, own, losses)
            )
    return made


def _encode_function(tool: FunctionTool, path: str, own: bool, losses: Losses) -> dict[str, Any]:
    made: dict[str, Any] = {"name": wire_name(tool)}
    if tool.description is not None:
        made["description"] = tool.description
    schema = tool.schema
    if own:
        if schema is not None:
            made["input_schema"] = schema
        if tool.strict is not None:
            made["strict"] = tool.strict
    else:
        # The type is required here, and left out by some who think it goes without saying.
        made["input_schema"] = {"type": "object", "properties": {}} if not schema else {"type": "object", **schema}
        if tool.strict:
            why = "A strict tool is limited to few keywords of JSON Schema here, and a request to few such tools."
            losses.append(Loss(path=f"{path}.strict", what="strict", why=why))
    if tool.deferred:
        made["defer_loading"] = True
    if tool.cache is not None:
        made["cache_control"] = encode_cache(tool.cache)
    return made | tool.extras.get(DIALECT, {})


def _encode_custom(tool: CustomTool, path: str, losses: Losses) -> dict[str, Any]:
    why = "Anthropic's tools take objects: the text is their member `input`."
    losses.append(Loss(path=path, what="custom_tool", why=why, how="approximated"))
    described = tool.description or ""
    if tool.format is not None and tool.format.get("type") != "text":
        form = tool.format.get("definition")
        form = form if isinstance(form, str) else jsonx.encode(tool.format).decode()
        described = f"{described}\n\n`input` must fit this {tool.format.get('syntax') or 'format'}:\n{form}".lstrip()
    made: dict[str, Any] = {"name": wire_name(tool)}
    if described:
        made["description"] = described
    text = {"type": "string", "description": "The text that the tool takes."}
    made["input_schema"] = {"type": "object", "properties": {"input": text}, "required": ["input"]}
    return made


def encode_choice(request: Request, losses: Losses) -> dict[str, Any] | None:
    """Return the choice of a request; None when nothing is to be said."""
    choice, parallel = request.tool_choice, request.parallel_tools
    if choice is None:
        return None if parallel is not False else {"type": "auto", "disable_parallel_tool_use": True}
    if choice.mode == "hosted":
        if raw := choice.extras.get(DIALECT):
            return raw
        losses.append(Loss(path="tool_choice", what="tool_choice", why="Anthropic cannot make this choice."))
        return None
    made: dict[str, Any] = {"type": {"required": "any"}.get(choice.mode, choice.mode)}
    if choice.mode == "tool":
        made["name"] = flat_name(choice.name or "", choice.namespace)
    if parallel is not None and (choice.mode != "none" or request.dialect == DIALECT):
        made["disable_parallel_tool_use"] = not parallel
    return made | choice.extras.get(DIALECT, {})


def closed_schema(schema: dict[str, Any], moved: set[str]) -> dict[str, Any]:
    """Return a schema whose objects take no other members, with the keywords that are refused put into words."""
    made: dict[str, Any] = {}
    said = {}
    for word, value in schema.items():
        if word in _UNKNOWN_KEYWORDS or (word == "minItems" and value not in (0, 1)):
            said[word] = value
        elif word in _SCHEMA_MAPS and isinstance(value, dict):
            made[word] = {name: _closed(one, moved) for name, one in value.items()}
        elif word in _SCHEMA_LISTS and isinstance(value, list):
            made[word] = [_closed(one, moved) for one in value]
        elif word == "items":
            made[word] = _closed(value, moved)
        else:
            made[word] = value
    kind = made.get("type")
    if kind == "object" or (isinstance(kind, list) and "object" in kind) or "properties" in made:
        if made.get("additionalProperties", False) is not False:
            moved.add("additionalProperties")
        made["additionalProperties"] = False
    if said:
        moved.update(said)
        words = ", ".join(f"{word}: {jsonx.encode(value).decode()}" for word, value in said.items())
        made["description"] = f"{made.get('description') or ''} ({words})".strip()
    return made


def _closed(schema: Any, moved: set[str]) -> Any:
    return closed_schema(schema, moved) if isinstance(schema, dict) else schema
