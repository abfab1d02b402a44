"""Which route is meant, and in which order its candidates are tried."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.config.schema import Route, Step
from argo_relay.policy.routing import order, route_for

A, B, C = (Step(upstream=name) for name in "abc")
ROUTES = {name: Route(to=(A,)) for name in ("gpt-4o", "gpt-*", "*", "claude-*-4?", "odd[1]*")}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["gpt-4o"], "gpt-4o"),
        (["GPT-4o"], "gpt-4o"),
        (["argo:gpt-4o", "gpt-4o"], "gpt-4o"),
        (["gpt-5"], "gpt-*"),
        (["claude-opus-48"], "claude-*-4?"),
        (["llama"], "*"),
        (["odd[1]x"], "odd[1]*"),
        (["odd1x"], "*"),
    ],
)
def test_a_name_goes_before_patterns_and_the_longest_of_these_first(names: list[str], expected: str) -> None:
    found = route_for(ROUTES, names)
    assert found is not None
    assert found[0] == expected


def test_without_a_route_there_is_none() -> None:
    assert route_for({"gpt-4o": ROUTES["gpt-4o"]}, ["gpt-4", "gpt-4o-mini"]) is None


@pytest.mark.parametrize("chance", [0.0, 0.5, 1.0])
def test_without_weights_the_list_is_the_order(chance: float) -> None:
    assert order([A, B, C], chance) == [A, B, C]


def test_weights_draw_the_first_and_leave_the_others_as_they_stand() -> None:
    light, heavy = Step(upstream="light", weight=1), Step(upstream="heavy", weight=3)
    orders = [[step.upstream for step in order([A, light, heavy, C], n / 1000)] for n in range(1, 1001)]
    assert Counter(map(tuple, orders)) == {("light", "a", "heavy", "c"): 250, ("heavy", "a", "light", "c"): 750}


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6), st.floats(0, 1))
def test_whatever_is_drawn_all_are_there_once(weights: list[float], chance: float) -> None:
    steps = [Step(upstream=str(number), weight=weight) for number, weight in enumerate(weights)]
    assert sorted(step.upstream for step in order(steps, chance)) == [step.upstream for step in steps]
