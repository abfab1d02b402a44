"""Thought, as one Claude wants to be asked for it, asked for as another does.

https://platform.claude.com/docs/en/build-with-claude/adaptive-thinking
"""

from __future__ import annotations

from typing import Any, Final, cast, get_args

import msgspec

from argo_relay.neutral.request import Effort, ReasoningWish, budget_of, effort_of

_LEAST_BUDGET: Final = 1024
"""Tokens; https://platform.claude.com/docs/en/build-with-claude/extended-thinking"""
_ABOUT: Final = ("display",)
"""What both forms may say."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """The wish in other words: `thinking` None for none; `effort` where one is to be set."""

    thinking: dict[str, Any] | None
    effort: str | None = None


def as_adaptive(wish: dict[str, Any], effort: object, limit: object) -> Told | None:
    """Return a wish for models that take no budget; None where it may stay."""
    if wish.get("type") != "enabled":
        return without_budget(wish, effort, limit)
    budget = wish.get("budget_tokens")
    meant = effort_of(ReasoningWish(budget=budget)) if isinstance(budget, int) and effort is None else None
    return Told(thinking={"type": "adaptive", **_kept(wish)}, effort="low" if meant in ("none", "minimal") else meant)


def as_enabled(wish: dict[str, Any], effort: object, limit: object) -> Told | None:
    """Return a wish for models that take nothing but a budget, which stays below the `limit` of output tokens."""
    if wish.get("type") != "adaptive":
        return None
    known = effort if isinstance(effort, str) and effort in get_args(Effort) else "medium"
    budget = max(budget_of(ReasoningWish(effort=cast("Effort", known))) or 0, _LEAST_BUDGET)
    if isinstance(limit, int):
        # Half of what may be said, at most: thoughts count as output.
        budget = min(budget, max(limit // 2, _LEAST_BUDGET))
        if budget >= limit:
            return Told(thinking=None)
    return Told(thinking={"type": "enabled", "budget_tokens": budget, **_kept(wish)})


def without_budget(wish: dict[str, Any], _effort: object, _limit: object) -> Told | None:
    """Return a wish whose adaptive thinking has no budget; None where it may stay."""
    if wish.get("type") != "adaptive" or "budget_tokens" not in wish:
        return None
    return Told(thinking={name: value for name, value in wish.items() if name != "budget_tokens"})


def _kept(wish: dict[str, Any]) -> dict[str, Any]:
    return {name: wish[name] for name in _ABOUT if name in wish}
