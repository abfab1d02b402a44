"""Names, patterns and candidates: what is taken and what is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.config import routing
from argo_relay.config.kinds import Kind
from argo_relay.config.schema import Step
from argo_relay.errors import ConfigError


def refusal(kind: Kind, value: object) -> str:
    with pytest.raises(ConfigError) as caught:
        kind.accept(value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("written", "step"),
    [
        ("main", Step(upstream="main")),
        ("vllm/llama-3", Step(upstream="vllm", model="llama-3")),
        ("alcf/meta-llama/Llama-3.3", Step(upstream="alcf", model="meta-llama/Llama-3.3")),
        ({"upstream": "a.b"}, Step(upstream="a.b")),
        ({"upstream": "a", "model": "b/c", "weight": 3}, Step(upstream="a", model="b/c", weight=3)),
        ({"upstream": "a", "model": None, "weight": 0.5}, Step(upstream="a", weight=0.5)),
    ],
)
def test_a_candidate(written: object, step: Step) -> None:
    assert routing.STEPS.accept(written) == step
    assert routing.STEPS.accept(routing.step_text(step)) == step


@pytest.mark.parametrize(
    ("written", "what"),
    [
        ("", "upstream: `` cannot be an upstream's name"),
        ("/a", "upstream: `` cannot be an upstream's name"),
        ("a b", "upstream: `a b` cannot be an upstream's name: it has letters, digits, `-`, `_` and `.` only"),
        ("a" * 65, "upstream: "),
        ("a/", "model: it is empty"),
        ("a/b ", "model: it begins or ends with white space"),
        (5, "it is a number"),
        (None, "it is null"),
        ([], "it is a list"),
        ({}, "it names no `upstream`"),
        ({"upstream": 5}, "upstream: it is a number (put it in quotes if you mean text)"),
        ({"upstream": "a", "modell": "b"}, "unknown key `modell`; known here are upstream, model, weight"),
        ({"upstream": "a", "weight": -1}, "weight: `-1` is less than 0"),
        ({"upstream": "a", "weight": "much"}, "weight: `much` is text"),
        ({"upstream": "a", "weight": True}, "weight: it is a boolean"),
        ({"upstream": "a", "model": ["b"]}, "model: it is a list"),
    ],
)
def test_what_is_no_candidate_is_told(written: object, what: str) -> None:
    assert refusal(routing.STEPS, written).startswith(what)


_names = st.text("abzAZ019._-", min_size=1, max_size=64)


@given(_names, st.none() | st.text("ab/-.:*", min_size=1, max_size=200), st.floats(0, 1e9))
def test_a_candidate_is_shown_as_it_is_written(upstream: str, model: str | None, weight: float) -> None:
    step = Step(upstream=upstream, model=model, weight=weight)
    assert routing.STEPS.accept(routing.step_text(step)) == step


@pytest.mark.parametrize("name", ["gpt-4o", "claude-*", "*", "gpt-?o", "argo:*", "opus[1m]", "GPT 4*", "a/b/*"])
def test_a_route_has_a_models_name_or_a_pattern(name: str) -> None:
    assert routing.ROUTE_NAME.accept(name) == name


@pytest.mark.parametrize("name", ["[ab]*", "*{a}", "gpt|*", "a*\\d", "^a*$"])
def test_other_signs_have_no_meaning_in_a_pattern(name: str) -> None:
    assert "has no meaning in a pattern: only `*` (any characters) and `?` (any one) have" in refusal(
        routing.ROUTE_NAME, name
    )


@pytest.mark.parametrize(
    ("written", "share"), [(0.05, 0.05), (1, 1.0), ("5%", 0.05), ("0.5 %", 0.005), ("100%", 1.0), (1e-3, 0.001)]
)
def test_a_share(written: object, share: float) -> None:
    assert routing.SHARE.accept(written) == pytest.approx(share)


@pytest.mark.parametrize("written", [0, "0%", -0.1, 1.5, "101%", "5", "half", True, None])
def test_what_is_no_share_is_refused(written: object) -> None:
    refusal(routing.SHARE, written)


def test_retries_are_few() -> None:
    assert [routing.RETRIES.accept(0), routing.RETRIES_OR_NONE.accept(None)] == [0, None]
    assert refusal(routing.RETRIES, 21) == "`21` is greater than 20"
