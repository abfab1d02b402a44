"""A wish for thought in the words of each Claude."""

from __future__ import annotations

from typing import Any

import pytest

from argo_relay.policy.thinking import Told, as_adaptive, as_enabled, without_budget

ADAPTIVE = {"type": "adaptive"}


def enabled(budget: Any, **more: Any) -> dict[str, Any]:
    return {"type": "enabled", "budget_tokens": budget, **more}


@pytest.mark.parametrize(
    ("wish", "effort", "expected"),
    [
        (enabled(1024), None, Told(thinking=ADAPTIVE, effort="low")),
        (enabled(16_000, display="omitted"), None, Told(thinking=ADAPTIVE | {"display": "omitted"}, effort="high")),
        (enabled(1024), "max", Told(thinking=ADAPTIVE)),
        (enabled(None), None, Told(thinking=ADAPTIVE)),
        (ADAPTIVE, None, None),
        (ADAPTIVE | {"budget_tokens": 5}, None, Told(thinking=ADAPTIVE)),
        ({"type": "disabled"}, None, None),
        ({"type": 5}, None, None),
    ],
)
def test_adaptive(wish: dict[str, Any], effort: str | None, expected: Told | None) -> None:
    assert as_adaptive(wish, effort, 4096) == expected


@pytest.mark.parametrize(
    ("effort", "limit", "budget"),
    [("low", 100_000, 2048), (None, 100_000, 8192), ("medium", 4000, 2000), ("high", 1500, 1024), ("odd", None, 8192)],
)
def test_enabled(effort: str | None, limit: int | None, budget: int) -> None:
    told = as_enabled(ADAPTIVE | {"display": "omitted"}, effort, limit)
    assert told is not None
    assert told.thinking is not None
    assert told.thinking["type"] == "enabled"
    assert told.thinking["display"] == "omitted"
    assert told.thinking["budget_tokens"] == budget


def test_no_room_for_thought_means_none() -> None:
    assert as_enabled(ADAPTIVE, "high", 1024) == Told(thinking=None)
    assert as_enabled(enabled(2048), None, 64) is None, "what the client asked for so is the client's"
    assert without_budget(enabled(5), None, None) is None
