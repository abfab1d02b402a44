"""What a model may call."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from argo_relay.neutral.content import CacheMark, Extras


class FunctionTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the client's that takes a JSON object; `schema` is JSON Schema (None: not given).

    `namespace` is the Responses API's group; dialects without groups call the tool by `wire_name`.
    """

    name: str
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    namespace: str | None = None
    deferred: bool = False
    cache: CacheMark | None = None
    extras: Extras = {}


class CustomTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool of the client's that takes free text; `format` is OpenAI's (`{"type": "grammar", ...}`)."""

    name: str
    description: str | None = None
    format: dict[str, Any] | None = None
    namespace: str | None = None
    extras: Extras = {}


class HostedTool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool that only `dialect`'s vendor runs or knows; it comes out whole for that dialect."""

    dialect: str
    payload: dict[str, Any]


Tool = FunctionTool | CustomTool | HostedTool


class ToolChoice(msgspec.Struct, frozen=True, kw_only=True):
    """Whether and what the model must call.

    `tool`: the one called `name` (of `kind`). `allowed` limits auto and required to some tools, by name. `hosted` holds
    a choice that only one dialect can say.
    """

    mode: Literal["auto", "none", "required", "tool", "hosted"]
    name: str | None = None
    kind: Literal["function", "custom"] = "function"
    namespace: str | None = None
    allowed: tuple[str, ...] | None = None
    extras: Extras = {}


def wire_name(tool: FunctionTool | CustomTool) -> str:
    """Return the name of a tool where there are no namespaces."""
    return flat_name(tool.name, tool.namespace)


def flat_name(name: str, namespace: str | None) -> str:
    """Return a call's name where there are no namespaces."""
    return f"{namespace}__{name}" if namespace else name


def find_tool(tools: tuple[Tool, ...], called: str) -> FunctionTool | CustomTool | None:
    """Return the client's tool that a model called by its wire name (or, in doubt, by its bare one)."""
    own = [tool for tool in tools if not isinstance(tool, HostedTool)]
    for tool in own:
        if wire_name(tool) == called:
            return tool
    return next((tool for tool in own if tool.name == called), None)
