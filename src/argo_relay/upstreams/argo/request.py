"""The members of a request as Argo takes them: each route and maker has its steps, each step mends one thing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from argo_relay.framing import jsonx
from argo_relay.neutral.loss import Losses
from argo_relay.upstreams.argo import claude, gemini, images, openai, repairs, schemas, turns
from argo_relay.upstreams.base import Changes

Step = Callable[[Any], tuple[Any, Losses]]

_LATE_INSTRUCTIONS: Final = re.compile(r"claude(?:opus48|opus5|fable)")
"""Models that take instructions in the middle of a conversation."""


def _latest(most: int, member: str) -> Step:
    return lambda values: images.latest(values, most, member)


_STEPS: Final[dict[tuple[str, str], tuple[tuple[str, Step], ...]]] = {
    ("openai_chat", "openai"): (
        ("messages", openai.roles),
        ("messages", _latest(images.OPENAI_MOST, "messages")),
        ("messages", repairs.chat),
        ("tools", openai.descriptions),
    ),
    ("openai_chat", "google"): (
        ("messages", openai.roles),
        ("messages", repairs.chat),
        ("messages", gemini.conversation),
        ("tools", schemas.tools),
    ),
    ("openai_responses", "openai"): (
        ("input", _latest(images.OPENAI_MOST, "input")),
        ("tools", openai.descriptions),
    ),
    ("anthropic", "anthropic"): (
        ("messages", claude.conversation),
        ("messages", _latest(images.ANTHROPIC_MOST, "messages")),
        ("messages", turns.answered),
        ("tools", claude.tools),
    ),
}


def mended(dialect: str, owner: str, model: str, members: Mapping[str, Any]) -> Changes:
    """Return what changes of a body's members on a route, for a model of this maker, and what that loses."""
    work = _Work(members)
    if dialect == "anthropic" and not _LATE_INSTRUCTIONS.match(model):
        system, messages, losses = claude.instructions(work.get("system"), work.get("messages"))
        work.set("system", jsonx.REMOVED if system is None else system, losses)
        work.set("messages", messages, [])
    for member, step in _STEPS.get((dialect, owner), ()):
        work.take(member, step)
    if dialect == "anthropic":
        work.set("tool_choice", *claude.choice(work.get("tool_choice"), work.get("tools")))
    if dialect == "openai_responses":
        stored = bool(members.get("previous_response_id") or members.get("conversation"))
        work.set("input", *repairs.responses(work.get("input"), stored=stored))
    return Changes(work.changes, work.losses)


class _Work:
    """A body's members while steps are taken: what a step returns as it was is no change."""

    def __init__(self, members: Mapping[str, Any]) -> None:
        self.changes: dict[str, object] = {}
        self.losses: Losses = []
        self._members = members

    def get(self, name: str) -> Any:
        return self.changes.get(name, self._members.get(name))

    def take(self, name: str, step: Step) -> None:
        """Take one step with a member."""
        before = self.get(name)
        value, losses = step(before)
        if value is not before:
            self.set(name, value, losses)
        else:
            self.losses += losses

    def set(self, name: str, value: Any, losses: Losses) -> None:
        if value is not self.get(name) and not (value is jsonx.REMOVED and name not in self._members):
            self.changes[name] = value
        self.losses += losses
