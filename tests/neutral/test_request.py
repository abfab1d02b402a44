from __future__ import annotations

import pytest

from argo_relay.neutral.content import Text
from argo_relay.neutral.request import BUDGETS, Message, ReasoningWish, Request, Sampling, budget_of, effort_of


@pytest.mark.parametrize(
    ("wish", "budget"),
    [
        (ReasoningWish(), None),
        (ReasoningWish(mode="on"), None),
        (ReasoningWish(effort="none"), None),
        (ReasoningWish(effort="low"), BUDGETS["low"]),
        (ReasoningWish(effort="max"), BUDGETS["max"]),
        (ReasoningWish(budget=7), 7),
        (ReasoningWish(budget=0, effort="high"), 0),
        (ReasoningWish(budget=-1), -1),
    ],
)
def test_an_effort_stands_for_tokens_unless_tokens_are_named(wish: ReasoningWish, budget: int | None) -> None:
    assert budget_of(wish) == budget


@pytest.mark.parametrize(
    ("wish", "effort"),
    [
        (ReasoningWish(), None),
        (ReasoningWish(mode="on"), None),
        (ReasoningWish(mode="adaptive"), None),
        (ReasoningWish(mode="off"), "none"),
        (ReasoningWish(budget=0), "none"),
        (ReasoningWish(budget=-1), None),
        (ReasoningWish(budget=1), "low"),
        (ReasoningWish(budget=2048), "low"),
        (ReasoningWish(budget=2049), "medium"),
        (ReasoningWish(budget=8192), "medium"),
        (ReasoningWish(budget=8193), "high"),
        (ReasoningWish(budget=1, effort="xhigh"), "xhigh"),
        (ReasoningWish(mode="off", effort="minimal"), "minimal"),
    ],
)
def test_tokens_stand_for_an_effort_unless_one_is_named(wish: ReasoningWish, effort: str | None) -> None:
    assert effort_of(wish) == effort


def test_more_effort_is_more_tokens() -> None:
    assert list(BUDGETS.values()) == sorted(BUDGETS.values())


@pytest.mark.parametrize("effort", ["low", "medium", "high"])
def test_the_tokens_of_an_effort_stand_for_it(effort: str) -> None:
    assert effort_of(ReasoningWish(budget=BUDGETS[effort])) == effort


def test_a_request_says_nothing_but_what_it_was_told() -> None:
    request = Request(dialect="google", model="m", messages=(Message(role="user", parts=(Text(text="Hi."),)),))
    silent = {
        name: getattr(request, name)
        for name in request.__struct_fields__
        if name not in {"dialect", "model", "messages", "tools", "stream", "include_usage", "extras", "sampling"}
    }
    assert set(silent.values()) == {None}
    assert request.sampling == Sampling()
    with pytest.raises(AttributeError, match="immutable"):
        request.model = "other"  # type: ignore[misc]
