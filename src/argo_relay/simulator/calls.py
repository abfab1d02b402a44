"""Tool calls: which tools, and arguments that their schemas accept."""

from __future__ import annotations

from itertools import pairwise

import msgspec

from argo_relay.simulator.directives import BadDirectiveError, Directives
from argo_relay.simulator.request import Tool, Turn
from argo_relay.simulator.sample import COMMAND, sample
from argo_relay.simulator.wire import encode


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One call of one tool."""

    id: str
    name: str
    free: bool = False
    """Whether the tool takes text as it comes instead of JSON."""
    namespace: str | None = None


def _found(turn: Turn, name: str) -> Tool | None:
    if name == "any":
        return next(iter(turn.tools), None)
    return next((tool for tool in turn.tools if tool.name == name), None)


def _ordered(turn: Turn, names: tuple[str, ...]) -> list[Tool]:
    found = []
    for name in names:
        tool = _found(turn, name)
        if tool is None:
            offered = ", ".join(tool.name for tool in turn.tools) or "none"
            raise BadDirectiveError(f"[tool={name}]: this request offers no such tool (offered: {offered}).")
        found.append(tool)
    return found


def chosen(turn: Turn, orders: Directives) -> list[Tool]:
    """Return the tools to call, often none; raise BadDirectiveError for an ordered tool that is not offered.

    What a prompt orders is done once: where a tool's result came last, calling again would never end. What the
    client's `tool_choice` demands is done every time, as every vendor does.
    """
    if turn.choice.forbidden:
        return []
    tools: list[Tool] = []
    if orders.tool and not turn.answered:
        tools = _ordered(turn, orders.tool)
    elif turn.choice.demanded:
        tools = _offered(turn, turn.choice.demanded)
    elif orders.stub and not turn.answered:
        # Agents repeat the prompt in side requests of their own, without tools: those get an answer.
        tools = _offered(turn, orders.stub)
    return tools if turn.choice.parallel else tools[:1]


def _offered(turn: Turn, name: str) -> list[Tool]:
    tool = _found(turn, name)
    return [] if tool is None else [tool]


def arguments(tool: Tool) -> str:
    """Return, as JSON text, an object with the properties that the tool requires; or text for one that is free."""
    return COMMAND if tool.free else encode(sample(tool.schema)).decode()


def fragments(text: str, count: int) -> tuple[str, ...]:
    """Return `text` cut in `count` pieces, but in two at least, and none of them empty."""
    count = max(2, min(count, len(text)))
    bounds = [len(text) * index // count for index in range(count + 1)]
    return tuple(text[start:end] for start, end in pairwise(bounds))
