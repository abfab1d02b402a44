"""Tools and the choice among them, both ways: https://platform.openai.com/docs/api-reference/responses/create#tools.

The tools of an `additional_tools` item of the input may be called like any others, so they are tools of the request,
too, marked as `additional`; for this dialect the item itself goes out, as it came.
"""

from __future__ import annotations

from typing import Any, Final, cast

from argo_relay.dialects.base import passed_over
from argo_relay.dialects.openai_responses.outline import DIALECT, extras_of, text_of
from argo_relay.errors import Refused
from argo_relay.neutral import seals
from argo_relay.neutral.content import CacheMark, Seal, ToolCall
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice, find_tool

CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}
"""The items that are calls of the client's tools, and where their arguments stand."""

_OF_FUNCTION: Final = frozenset({"type", "name", "description", "parameters", "strict", "defer_loading"})
_OF_CUSTOM: Final = frozenset({"type", "name", "description", "format"})
_OF_CALL: Final = frozenset({"type", "id", "call_id", "name", "arguments", "input", "namespace"})
_OF_GROUP: Final = frozenset({"type", "name", "tools"})
_MARKS: Final = frozenset({"group", "additional"})
_SIMPLE: Final = frozenset({"auto", "none", "required"})


def decode_tools(values: list[Any], path: str = "tools", *, additional: bool = False) -> tuple[Tool, ...]:
    """Return the tools that a model may call."""
    marks: dict[str, Any] = {"additional": True} if additional else {}
    tools: list[Tool] = []
    for index, value in enumerate(values):
        if not isinstance(value, dict):
            raise Refused(bad_request(f"`{path}[{index}]` must be an object.", f"{path}[{index}]", "invalid_type"))
        if value.get("type") == "namespace":
            tools += _decode_group(value, f"{path}[{index}]", marks)
        else:
            tools.append(_decode_tool(value, f"{path}[{index}]", None, marks))
    return tuple(tools)


def _decode_group(value: dict[str, Any], path: str, marks: dict[str, Any]) -> list[Tool]:
    name, inner = value.get("name"), value.get("tools")
    plain = isinstance(inner, list) and all(isinstance(one, dict) for one in inner)
    if not isinstance(name, str) or not inner or not plain:
        return [HostedTool(dialect=DIALECT, payload=value)]
    members = cast("list[dict[str, Any]]", inner)
    if any(one.get("type") not in ("function", "custom") for one in members):
        return [HostedTool(dialect=DIALECT, payload=value)]
    tools: list[Tool] = []
    own = {**marks, "group": passed_over(value, _OF_GROUP)}
    for index, one in enumerate(members):
        tools.append(_decode_tool(one, f"{path}.tools[{index}]", name, own))
        own = marks
    return tools


def _decode_tool(value: dict[str, Any], path: str, namespace: str | None, marks: dict[str, Any]) -> Tool:
    kind = value.get("type")
    if kind not in ("function", "custom"):
        return HostedTool(dialect=DIALECT, payload=value)
    name, description = value.get("name"), value.get("description")
    if not isinstance(name, str) or not name:
        raise Refused(
            bad_request(f"`{path}.name` must be the tool's name.", f"{path}.name", "missing_required_parameter")
        )
    description = description if isinstance(description, str) else None
    if kind == "custom":
        form = value.get("format")
        return CustomTool(
            name=name,
            description=description,
            format=form if isinstance(form, dict) else None,
            namespace=namespace,
            extras=extras_of(marks | passed_over(value, _OF_CUSTOM)),
        )
    schema, strict = value.get("parameters"), value.get("strict")
    rest = passed_over(value, _OF_FUNCTION)
    if value.get("defer_loading") is False:
        rest["defer_loading"] = False
    return FunctionTool(
        name=name,
        description=description,
        schema=schema if isinstance(schema, dict) else None,
        strict=strict if isinstance(strict, bool) else None,
        namespace=namespace,
        deferred=value.get("defer_loading") is True,
        extras=extras_of(marks | rest),
    )


def encode_tools(tools: tuple[Tool, ...], losses: Losses, *, own: bool) -> list[dict[str, Any]]:
    """Return the tools of a request; `own` says that the client speaks this dialect, too."""
    made: list[dict[str, Any]] = []
    group: dict[str, Any] | None = None
    for index, tool in enumerate(tools):
        if isinstance(tool, HostedTool):
            group = None
            if tool.dialect == DIALECT:
                made.append(tool.payload)
            else:
                why = f"Only {tool.dialect} has this tool."
                losses.append(Loss(path=f"tools[{index}]", what=str(tool.payload.get("type") or "tool"), why=why))
            continue
        mine = tool.extras.get(DIALECT, {})
        if "additional" in mine:
            continue
        one = _encode_tool(tool, f"tools[{index}]", losses, own=own)
        if tool.namespace is None:
            group = None
            made.append(one)
            continue
        if group is None or "group" in mine or group["name"] != tool.namespace:
            said = mine.get("group", {"description": f"The tools of {tool.namespace}."})
            group = {"type": "namespace", "name": tool.namespace, **said, "tools": []}
            made.append(group)
        group["tools"].append(one)
    return made


def _encode_tool(tool: FunctionTool | CustomTool, path: str, losses: Losses, *, own: bool) -> dict[str, Any]:
    rest = {name: value for name, value in tool.extras.get(DIALECT, {}).items() if name not in _MARKS}
    made: dict[str, Any] = {"type": "function", "name": tool.name}
    if tool.description is not None:
        made["description"] = tool.description
    if isinstance(tool, CustomTool):
        made["type"] = "custom"
        if tool.format is not None:
            made["format"] = tool.format
        return made | rest
    if tool.schema is not None:
        made["parameters"] = tool.schema
    elif not own:
        made["parameters"] = {"type": "object", "properties": {}}
    if tool.strict is not None:
        made["strict"] = tool.strict
    elif not own:
        # Left out, it would mean that OpenAI may make the schema strict.
        made["strict"] = False
    if tool.deferred:
        made["defer_loading"] = True
    if tool.cache is not None:
        lose_cache(tool.cache, f"{path}.cache", losses)
    return made | rest


def lose_cache(mark: CacheMark, path: str, losses: Losses) -> None:
    """Say that a wish for caching is lost, and how long it was to last where it says so."""
    for what in ("cache", "cache_ttl") if mark.ttl else ("cache",):
        losses.append(Loss(path=path, what=what, why="OpenAI decides by itself what it caches."))


def decode_tool_choice(value: Any) -> ToolChoice | None:
    """Return what the model must call; what cannot be read is for this dialect's upstream to judge."""
    if value is None:
        return None
    if isinstance(value, str) and value in _SIMPLE:
        return ToolChoice(mode="auto" if value == "auto" else "none" if value == "none" else "required")
    if not isinstance(value, dict):
        return ToolChoice(mode="hosted", extras={DIALECT: {"choice": value}})
    kind, name = value.get("type"), value.get("name")
    if kind in ("function", "custom") and isinstance(name, str):
        space = value.get("namespace")
        return ToolChoice(
            mode="tool",
            name=name,
            kind="custom" if kind == "custom" else "function",
            namespace=space if isinstance(space, str) else None,
            extras=extras_of(passed_over(value, frozenset({"type", "name"}))),
        )
    tools, mode = value.get("tools"), value.get("mode")
    if kind == "allowed_tools" and isinstance(tools, list) and mode in ("auto", "required"):
        names = [one["name"] for one in tools if isinstance(one, dict) and isinstance(one.get("name"), str)]
        return ToolChoice(
            mode="required" if mode == "required" else "auto",
            allowed=tuple(names),
            extras={DIALECT: {"choice": value}},
        )
    return ToolChoice(mode="hosted", extras={DIALECT: {"choice": value}})


def encode_tool_choice(choice: ToolChoice | None, tools: tuple[Tool, ...], losses: Losses) -> Any:
    """Return `tool_choice`; None when there is nothing to say."""
    if choice is None:
        return None
    mine = choice.extras.get(DIALECT, {})
    if "choice" in mine:
        return mine["choice"]
    if choice.mode == "hosted":
        why = "It names a tool that only another API has."
        losses.append(Loss(path="tool_choice", what="tool_choice", why=why))
        return None
    if choice.mode == "tool":
        if choice.namespace is not None and "namespace" not in mine:
            why = "A tool is chosen by its bare name."
            losses.append(Loss(path="tool_choice.namespace", what="namespace", why=why))
        return {"type": choice.kind, "name": choice.name, **mine}
    if choice.allowed is not None and choice.mode != "none":
        custom = {tool.name for tool in tools if isinstance(tool, CustomTool)}
        named = [{"type": "custom" if name in custom else "function", "name": name} for name in choice.allowed]
        return {"type": "allowed_tools", "mode": choice.mode, "tools": named}
    return choice.mode


def called_tool(call: ToolCall, tools: tuple[Tool, ...]) -> tuple[str, str | None, bool]:
    """Return the name and namespace by which a client knows the tool that was called, and whether it takes free text.

    Other dialects call a tool by its flat name, and give a free text as the member `input` of an object.
    """
    tool = None if call.namespace is not None else find_tool(tools, call.name)
    if tool is None:
        return call.name, call.namespace, False
    return tool.name, tool.namespace, isinstance(tool, CustomTool) and call.kind == "function"


def decode_call(item: dict[str, Any], number: int, *, client: bool) -> ToolCall | None:
    """Return a call of one of the client's tools; None while its name is not known.

    Its arguments are left for `CALLS` to find; `number` makes an id for a call that has none. Only a client's ids hold
    seals of ours, and only its items keep their status: in a reply that says how far an item had come.
    """
    name = item.get("name")
    if not isinstance(name, str):
        return None
    given = item.get("call_id") or item.get("id")
    identifier = given if isinstance(given, str) and given else f"call_{number}"
    seal = None
    rest = passed_over(item, _OF_CALL)
    if client:
        identifier, seal = seals.without_seal(identifier)
    else:
        rest.pop("status", None)
    return ToolCall(
        id=identifier,
        name=name,
        kind="custom" if item["type"] == "custom_tool_call" else "function",
        namespace=text_of(item.get("namespace")) or None,
        item=text_of(item.get("id")) or None,
        seal=seal,
        extras=extras_of(rest),
    )


def call_item(
    call: ToolCall, tools: tuple[Tool, ...], seal: Seal | None, identifier: str
) -> tuple[dict[str, Any], bool]:
    """Return a call for a client, without its arguments, and whether a free text must be taken out of those."""
    name, namespace, unwraps = called_tool(call, tools)
    kind = "custom_tool_call" if unwraps or call.kind == "custom" else "function_call"
    item: dict[str, Any] = {
        "id": identifier,
        "type": kind,
        "status": "in_progress",
        "call_id": seals.with_seal(call.id, seal),
        "name": name,
        CALLS[kind]: "",
    }
    if namespace is not None:
        item["namespace"] = namespace
    return item | call.extras.get(DIALECT, {}), unwraps
