"""What a client asks for, in no vendor's words."""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from argo_relay.neutral.content import CacheMark, Extras, Part
from argo_relay.neutral.tools import Tool, ToolChoice

Role = Literal["system", "developer", "user", "assistant"]
Effort = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

BUDGETS: Final[dict[str, int]] = {
    "minimal": 1024,
    "low": 2048,
    "medium": 8192,
    "high": 16384,
    "xhigh": 24576,
    "max": 32768,
}
"""Tokens of thought that stand for an effort where a dialect knows budgets only: the one place that says so."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One turn. Results of tools are parts of a user's message; results that follow each other are in one message.

    A system or developer message may stand anywhere; a vendor's top-level instructions are the first message.
    """

    role: Role
    parts: tuple[Part, ...]
    name: str | None = None
    extras: Extras = {}


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How tokens are drawn; None: not said. `top_logprobs` counts alternatives a token."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | float | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    logprobs: bool | None = None
    top_logprobs: int | None = None


class ReasoningWish(msgspec.Struct, frozen=True, kw_only=True):
    """How much a model should think, and what is shown of it; None: not said.

    `mode` is Anthropic's (`off` for disabled), `budget` is in tokens (Google: -1 lets the model choose), `summary` is
    OpenAI's auto | concise | detailed, `visible` says whether thoughts are wanted in the reply.
    """

    mode: Literal["off", "on", "adaptive"] | None = None
    effort: Effort | None = None
    budget: int | None = None
    summary: str | None = None
    visible: bool | None = None
    extras: Extras = {}


class OutputFormat(msgspec.Struct, frozen=True, kw_only=True):
    """What form the answer takes: `json` is any JSON object, `schema` is JSON that fits `schema`."""

    kind: Literal["text", "json", "schema"]
    schema: dict[str, Any] | None = None
    name: str | None = None
    description: str | None = None
    strict: bool | None = None
    extras: Extras = {}


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request for one reply.

    `continues` is the id of a reply that the upstream keeps (`previous_response_id`). `include_usage` says that a chat
    stream's client asked for the usage chunk. `dialect` is the client's. `received` is when the request came (Unix
    seconds): a reply is given this time where its upstream tells none.
    """

    dialect: str
    model: str
    messages: tuple[Message, ...]
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tools: bool | None = None
    sampling: Sampling = Sampling()
    max_output: int | None = None
    reasoning: ReasoningWish | None = None
    output: OutputFormat | None = None
    verbosity: str | None = None
    cache: CacheMark | None = None
    cache_key: str | None = None
    stream: bool = False
    include_usage: bool = False
    end_user: str | None = None
    metadata: dict[str, Any] | None = None
    continues: str | None = None
    store: bool | None = None
    service_tier: str | None = None
    received: int | None = None
    extras: Extras = {}


def budget_of(wish: ReasoningWish) -> int | None:
    """Return the tokens of thought that a wish stands for; None when it names no amount."""
    if wish.budget is not None:
        return wish.budget
    return BUDGETS.get(wish.effort) if wish.effort else None


def effort_of(wish: ReasoningWish) -> Effort | None:
    """Return the effort that a wish stands for; None when it names none."""
    if wish.effort is not None:
        return wish.effort
    if wish.mode == "off" or wish.budget == 0:
        return "none"
    if wish.budget is None or wish.budget < 0:
        return None
    if wish.budget <= BUDGETS["low"]:
        return "low"
    return "medium" if wish.budget <= BUDGETS["medium"] else "high"
