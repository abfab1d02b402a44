"""Tools and the choice among them, both ways: https://platform.openai.com/docs/guides/function-calling.

Functions as they were before there were tools (`functions`, `function_call`) are tools marked `legacy`.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal

from argo_relay.dialects.base import Target, passed_over
from argo_relay.dialects.openai_chat.content_decoder import decode_cache, encode_cache, extras_of, leftovers
from argo_relay.dialects.openai_chat.outline import DIALECT
from argo_relay.errors import Refused
from argo_relay.framing import jsonx
from argo_relay.neutral.content import CacheMark, ToolCall
from argo_relay.neutral.failure import bad_request
from argo_relay.neutral.loss import Loss, Losses
from argo_relay.neutral.request import Request
from argo_relay.neutral.tools import CustomTool, FunctionTool, HostedTool, Tool, ToolChoice, flat_name, wire_name

LEGACY: Final = "legacy"
"""Marks what stands in `functions`, `function_call` or a message of the role `function`."""

_FUNCTION: Final = frozenset({"name", "description", "parameters", "strict"})
_CUSTOM: Final = frozenset({"name", "description", "format"})
_OUTER: Final = frozenset({"type", "function", "custom"})
_MARKS: Final = frozenset({"inner", LEGACY})
_SIMPLE: Final[dict[str, Literal["auto", "none", "required"]]] = {
    "auto": "auto",
    "none": "none",
    "required": "required",
    # Mistral's word.
    "any": "required",
}
_TAKES_CUSTOM: Final = re.compile(r"gpt-?[5-9]", re.ASCII)


def takes_custom(target: Target, *, own: bool) -> bool:
    """Tell whether a model takes tools of free text: OpenAI's do from GPT-5 on."""
    return own or (target.owner == "openai" and _TAKES_CUSTOM.search(target.model) is not None)


def is_legacy(request: Request) -> bool:
    """Tell whether a client asked for functions as they were before there were tools."""
    return any(not isinstance(tool, HostedTool) and LEGACY in tool.extras.get(DIALECT, {}) for tool in request.tools)


# ---------------------------------------------------------------------------------------------------- wire to neutral


def decode_tools(values: dict[str, Any]) -> tuple[Tool, ...]:
    """Return the tools of a request; raise Refused, naming the tool, for what is none."""
    made = [_decode_tool(tool, f"tools[{index}]") for index, tool in enumerate(values.get("tools") or ())]
    for index, function in enumerate(values.get("functions") or ()):
        path = f"functions[{index}]"
        if not isinstance(function, dict):
            raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
        made.append(_decode_function({"function": function}, function, path, {LEGACY: True}))
    return tuple(made)


def _decode_tool(tool: Any, path: str) -> Tool:
    if not isinstance(tool, dict):
        raise Refused(bad_request(f"`{path}` must be an object.", path, "invalid_type"))
    function, custom = tool.get("function"), tool.get("custom")
    if tool.get("type") in ("function", None) and isinstance(function, dict):
        return _decode_function(tool, function, f"{path}.function", {})
    if tool.get("type") == "custom" and isinstance(custom, dict):
        form = custom.get("format")
        marks = passed_over(tool, _OUTER)
        if inner := passed_over(custom, _CUSTOM):
            marks["inner"] = inner
        return CustomTool(
            name=_name(custom, f"{path}.custom"),
            description=_text(custom, "description", f"{path}.custom"),
            format=_flat_format(form) if isinstance(form, dict) else None,
            extras=extras_of(marks),
        )
    if tool.get("type") in ("function", "custom"):
        kind = tool["type"]
        raise Refused(
            bad_request(f"`{path}.{kind}` must be an object.", f"{path}.{kind}", "missing_required_parameter")
        )
    return HostedTool(dialect=DIALECT, payload=tool)


def _decode_function(tool: dict[str, Any], function: dict[str, Any], path: str, marks: dict[str, Any]) -> FunctionTool:
    schema, strict = function.get("parameters"), function.get("strict")
    if not isinstance(schema, dict | None):
        raise Refused(bad_request(f"`{path}.parameters` must be an object.", f"{path}.parameters", "invalid_type"))
    marks = marks | leftovers(tool, _OUTER)
    if inner := passed_over(function, _FUNCTION if isinstance(strict, bool | None) else _FUNCTION - {"strict"}):
        marks["inner"] = inner
    return FunctionTool(
        name=_name(function, path),
        description=_text(function, "description", path),
        schema=schema,
        strict=strict if isinstance(strict, bool) else None,
        cache=decode_cache(tool.get("cache_control")),
        extras=extras_of(marks),
    )


def _name(said: dict[str, Any], path: str) -> str:
    name = said.get("name")
    if not isinstance(name, str) or not name:
        raise Refused(
            bad_request(f"`{path}.name` must be the tool's name.", f"{path}.name", "missing_required_parameter")
        )
    return name


def _text(said: dict[str, Any], member: str, path: str) -> str | None:
    text = said.get(member)
    if not isinstance(text, str | None):
        raise Refused(bad_request(f"`{path}.{member}` must be a string.", f"{path}.{member}", "invalid_type"))
    return text


def _flat_format(form: dict[str, Any]) -> dict[str, Any]:
    """Return a format as the Responses API writes it: here a grammar stands in an object of its own."""
    grammar = form.get("grammar")
    return {"type": "grammar", **grammar} if form.get("type") == "grammar" and isinstance(grammar, dict) else form


def decode_choice(values: dict[str, Any]) -> ToolChoice | None:
    """Return what the model must call; what cannot be read is for this dialect's upstream to judge."""
    value, marks = values.get("tool_choice"), {}
    if value is None and values.get("function_call") is not None:
        value, marks = values["function_call"], {LEGACY: True}
        if isinstance(value, dict):
            value = {"type": "function", "function": value}
    if value is None:
        return None
    if isinstance(value, str) and value in _SIMPLE:
        raw = {"choice": value} if _SIMPLE[value] != value else {}
        return ToolChoice(mode=_SIMPLE[value], extras=extras_of(marks | raw))
    named = _named_choice(value, marks) if isinstance(value, dict) else None
    return named or ToolChoice(mode="hosted", extras={DIALECT: {"choice": value, **marks}})


def _named_choice(value: dict[str, Any], marks: dict[str, Any]) -> ToolChoice | None:
    kind = value.get("type")
    said = value.get(kind) if isinstance(kind, str) else None
    if not isinstance(said, dict):
        return None
    if kind in ("function", "custom") and isinstance(said.get("name"), str):
        return ToolChoice(
            mode="tool", name=said["name"], kind="custom" if kind == "custom" else "function", extras=extras_of(marks)
        )
    tools, mode = said.get("tools"), said.get("mode")
    if kind != "allowed_tools" or not isinstance(tools, list) or mode not in ("auto", "required"):
        return None
    names = [name for tool in tools if (name := _allowed_name(tool)) is not None]
    return ToolChoice(mode=mode, allowed=tuple(names), extras={DIALECT: {"choice": value}})


def _allowed_name(tool: Any) -> str | None:
    said = tool.get(tool.get("type")) if isinstance(tool, dict) and isinstance(tool.get("type"), str) else None
    name = said.get("name") if isinstance(said, dict) else None
    return name if isinstance(name, str) else None


# ---------------------------------------------------------------------------------------------------- neutral to wire


def lose_cache(mark: CacheMark, path: str, losses: Losses) -> None:
    """Say that a wish for caching is lost, and how long it was to last where it says so."""
    for what in ("cache", "cache_ttl") if mark.ttl else ("cache",):
        losses.append(Loss(path=path, what=what, why="OpenAI decides by itself what it caches."))


class ToolEncoder:
    """Writes the tools of one request; `own` says that the client speaks this dialect, too."""

    def __init__(self, request: Request, target: Target, losses: Losses) -> None:
        self._request = request
        self._own = request.dialect == DIALECT
        self._custom = takes_custom(target, own=self._own)
        self._narrows = target.owner != "openai" and not self._own
        self._losses = losses

    def add_to(self, body: dict[str, Any]) -> None:
        """Add the members that are about tools."""
        tools = self._tools()
        legacy = [tool for tool in tools if LEGACY in tool]
        if own := [tool for tool in tools if LEGACY not in tool]:
            body["tools"] = own
        if legacy:
            body["functions"] = [tool["function"] for tool in legacy]
        choice = self._request.tool_choice
        if choice is not None:
            mine = choice.extras.get(DIALECT, {})
            if (said := self._choice(choice, mine)) is not None and (tools or self._own):
                body["function_call" if LEGACY in mine else "tool_choice"] = said
        parallel = self._request.parallel_tools
        if parallel is not None and (tools or self._own):
            body["parallel_tool_calls"] = parallel

    def _lose(self, path: str, what: str, why: str, *, approximated: bool = False) -> None:
        self._losses.append(Loss(path=path, what=what, why=why, how="approximated" if approximated else "dropped"))

    def _tools(self) -> list[dict[str, Any]]:
        choice = self._request.tool_choice
        allowed = choice.allowed if choice is not None and self._narrows else None
        if allowed is not None:
            why = "A server of unknown make may not know how to allow some of the tools: only these are sent."
            self._lose("tool_choice.allowed", "allowed_tools", why, approximated=True)
        made = []
        for index, tool in enumerate(self._request.tools):
            path = f"tools[{index}]"
            if isinstance(tool, HostedTool):
                if tool.dialect == DIALECT:
                    made.append(tool.payload)
                else:
                    self._lose(path, str(tool.payload.get("type") or "tool"), f"Only {tool.dialect} has this tool.")
            elif allowed is None or tool.name in allowed or wire_name(tool) in allowed:
                made.append(self._tool(tool, path))
        return made

    def _tool(self, tool: FunctionTool | CustomTool, path: str) -> dict[str, Any]:
        mine = tool.extras.get(DIALECT, {})
        made: dict[str, Any] = {"name": wire_name(tool)}
        if tool.description is not None:
            made["description"] = tool.description
        if isinstance(tool, FunctionTool):
            kind = "function"
            self._function(tool, made, path)
        elif self._custom:
            kind = "custom"
            if tool.format is not None:
                made["format"] = _nested_format(tool.format)
        else:
            kind = "function"
            self._lose(
                path,
                "custom_tool",
                "This model's tools take objects: the text is their member `input`.",
                approximated=True,
            )
            made |= _text_tool(tool)
        outer = {name: value for name, value in mine.items() if name not in _MARKS}
        if isinstance(tool, FunctionTool) and tool.cache is not None and self._own:
            outer["cache_control"] = encode_cache(tool.cache)
        made |= mine.get("inner", {})
        legacy = {LEGACY: True} if LEGACY in mine else {}
        return {"type": kind, kind: made, **outer, **legacy}

    def _function(self, tool: FunctionTool, made: dict[str, Any], path: str) -> None:
        if tool.schema is not None:
            made["parameters"] = tool.schema
        elif not self._own:
            made["parameters"] = {"type": "object", "properties": {}}
        if tool.strict is not None:
            made["strict"] = tool.strict
        if tool.deferred:
            why = "Chat Completions knows no tools that are looked up later: it is sent with the others."
            self._lose(path, "deferred", why, approximated=True)
        if tool.cache is not None and not self._own:
            lose_cache(tool.cache, f"{path}.cache", self._losses)

    def _choice(self, choice: ToolChoice, mine: dict[str, Any]) -> Any:
        if "choice" in mine:
            return mine["choice"]
        if choice.mode == "hosted":
            self._lose("tool_choice", "tool_choice", "It names a tool that only another API has.")
            return None
        if choice.mode == "tool":
            name = flat_name(choice.name or "", choice.namespace)
            kind = choice.kind if self._custom else "function"
            return {"name": name} if LEGACY in mine else {"type": kind, kind: {"name": name}}
        if choice.allowed is not None and choice.mode != "none" and not self._narrows:
            return {"type": "allowed_tools", "allowed_tools": {"mode": choice.mode, "tools": self._allowed(choice)}}
        return choice.mode

    def _allowed(self, choice: ToolChoice) -> list[dict[str, Any]]:
        named = {}
        for tool in self._request.tools:
            if not isinstance(tool, HostedTool):
                kind = "custom" if isinstance(tool, CustomTool) and self._custom else "function"
                named[tool.name] = {"type": kind, kind: {"name": wire_name(tool)}}
        return [named.get(name, {"type": "function", "function": {"name": name}}) for name in choice.allowed or ()]


def _nested_format(form: dict[str, Any]) -> dict[str, Any]:
    if form.get("type") != "grammar" or "grammar" in form:
        return form
    return {"type": "grammar", "grammar": {name: value for name, value in form.items() if name != "type"}}


def _text_tool(tool: CustomTool) -> dict[str, Any]:
    """Return the members of a function that stands for a tool of free text."""
    described = tool.description or ""
    if tool.format is not None and tool.format.get("type") != "text":
        form = tool.format.get("definition")
        form = form if isinstance(form, str) else jsonx.encode(tool.format).decode()
        described = f"{described}\n\n`input` must fit this {tool.format.get('syntax') or 'format'}:\n{form}".lstrip()
    text = {"type": "string", "description": "The text that the tool takes."}
    made: dict[str, Any] = {"description": described} if described else {}
    made["parameters"] = {"type": "object", "properties": {"input": text}, "required": ["input"]}
    return made


def encode_call(call: ToolCall, *, custom: bool) -> dict[str, Any]:
    """Return a call as a model's turn holds it; `custom`: the model takes tools of free text."""
    name = flat_name(call.name, call.namespace)
    made: dict[str, Any] = {"id": call.id}
    if call.kind == "custom" and custom:
        return made | {"type": "custom", "custom": {"name": name, "input": call.arguments}}
    if call.kind == "custom":
        arguments = jsonx.encode({"input": call.arguments}).decode("utf-8", "replace")
    else:
        arguments = call.arguments
    return made | {"type": "function", "function": {"name": name, "arguments": arguments}}
