"""Rules at work on a body's members, and as a configuration writes them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.framing.jsonx import REMOVED
from argo_relay.models.catalogue import catalogue
from argo_relay.models.rules import Rule, known_rules
from argo_relay.policy.rules import apply_rules, own_rules, shown, written


def applied(rules: Any, members: dict[str, Any], dialect: str = "anthropic") -> tuple[dict[str, Any], list[str]]:
    changes, losses = apply_rules(rules, dialect, members)
    left = {name: value for name, value in {**members, **changes}.items() if value is not REMOVED}
    return left, [f"{loss.path} {loss.how}" for loss in losses]


def known(model: str, members: dict[str, Any], dialect: str = "anthropic") -> tuple[dict[str, Any], list[str]]:
    return applied(known_rules(model), members, dialect)


CHAT, RESPONSES = "openai_chat", "openai_responses"


@pytest.mark.parametrize(
    ("model", "dialect", "members", "left", "lost"),
    [
        ("gpt5", CHAT, {"temperature": 0.5, "top_p": 0.9}, {}, ["temperature dropped", "top_p dropped"]),
        ("gpt5", CHAT, {"temperature": 1}, {"temperature": 1}, []),
        ("gpt5", CHAT, {"temperature": None}, {"temperature": None}, []),
        ("gpt4o", CHAT, {"max_tokens": 5, "temperature": 2}, {"temperature": 2, "max_completion_tokens": 5}, []),
        ("gpt4o", CHAT, {"max_tokens": 5, "max_completion_tokens": 6}, {"max_completion_tokens": 6}, []),
        (
            "gpto3",
            CHAT,
            {"reasoning_effort": "xhigh"},
            {"reasoning_effort": "high"},
            ["reasoning_effort approximated"],
        ),
        (
            "gpto3",
            RESPONSES,
            {"reasoning": {"effort": "none", "summary": "auto"}},
            {"reasoning": {"effort": "low", "summary": "auto"}},
            ["reasoning.effort approximated"],
        ),
        ("gpto3", RESPONSES, {"reasoning": "odd"}, {"reasoning": "odd"}, []),
        ("claudeopus47", "anthropic", {"max_tokens": 9, "top_k": 5}, {"max_tokens": 9}, ["top_k dropped"]),
        ("claudeopus45", "anthropic", {}, {"max_tokens": 16384}, []),
        (
            "claudeopus45",
            "anthropic",
            {"max_tokens": 9, "temperature": 1, "top_p": 0.5},
            {"max_tokens": 9, "temperature": 1},
            ["top_p dropped"],
        ),
        ("claudeopus45", "anthropic", {"max_tokens": 9, "top_p": 0.5}, {"max_tokens": 9, "top_p": 0.5}, []),
        (
            "claudeopus47",
            "anthropic",
            {"max_tokens": 9, "thinking": {"type": "enabled", "budget_tokens": 1024}},
            {"max_tokens": 9, "thinking": {"type": "adaptive"}, "output_config": {"effort": "low"}},
            ["thinking approximated"],
        ),
        (
            "claudeopus47",
            "anthropic",
            {"max_tokens": 9, "output_config": {"effort": "none", "format": {}}},
            {"max_tokens": 9, "output_config": {"effort": "low", "format": {}}},
            ["output_config.effort approximated"],
        ),
        (
            "claudehaiku45",
            "anthropic",
            {"max_tokens": 900, "thinking": {"type": "adaptive"}},
            {"max_tokens": 900},
            ["thinking dropped"],
        ),
        (
            "claudeopus46",
            "anthropic",
            {"max_tokens": 9, "thinking": {"type": "adaptive", "budget_tokens": 7}},
            {"max_tokens": 9, "thinking": {"type": "adaptive"}},
            ["thinking approximated"],
        ),
    ],
)
def test_packaged(model: str, dialect: str, members: dict[str, Any], left: dict[str, Any], lost: list[str]) -> None:
    assert known(model, members, dialect) == (left, lost)


def test_a_rule_is_for_its_dialects_only() -> None:
    assert known("gpt5", {"temperature": 0.5}, "google") == ({"temperature": 0.5}, [])


@pytest.mark.parametrize(
    ("deed", "left"),
    [
        ("keep", {"a": 5, "b": {"c": "low"}}),
        ("drop", {"b": {"c": "low"}}),
        ("drop unless 5", {"a": 5, "b": {"c": "low"}}),
        ("drop unless 6", {"b": {"c": "low"}}),
        ("drop beside b", {"b": {"c": "low"}}),
        ("drop beside x", {"a": 5, "b": {"c": "low"}}),
        ("rename z", {"b": {"c": "low"}, "z": 5}),
        ("default 7", {"a": 5, "b": {"c": "low"}}),
    ],
)
def test_the_users_own_words_win(deed: str, left: dict[str, Any]) -> None:
    built_in = Rule(parameter="a", do="drop", source="x")
    assert applied([*own_rules({"a": deed}), built_in], {"a": 5, "b": {"c": "low"}})[0] == left


def test_a_member_of_a_member() -> None:
    assert applied(own_rules({"b.c": "drop"}), {"b": {"c": 1}})[0] == {}
    assert applied(own_rules({"b.c": "drop"}), {"b": {"c": 1, "d": 2}})[0] == {"b": {"d": 2}}
    assert applied(own_rules({"b.c": "default 3"}), {})[0] == {"b": {"c": 3}}
    assert applied(own_rules({"b.c": "nearest low high"}), {"b": {"c": "max"}})[0] == {"b": {"c": "high"}}


def test_what_is_shown_is_what_holds() -> None:
    rules = [*own_rules({"temperature": "keep", "seed": "drop"}), *known_rules("gpt5")]
    told = {(row["parameter"], row["rule"], row["from"]) for row in shown(rules)}
    assert ("temperature", "keep", "configuration") in told
    assert ("seed", "drop", "configuration") in told
    assert ("top_p", "drop", "catalogue") in told
    assert len([row for row in told if row[0] in ("temperature", "seed")]) == 2


def test_what_was_learned_works_on_what_the_packaged_rules_have_left() -> None:
    def learned(**deed: Any) -> Rule:
        return Rule(origin="learned", source="x", **deed)

    wish = {"max_tokens": 4096, "thinking": {"type": "enabled", "budget_tokens": 2000}}
    back = learned(parameter="thinking", do="thinking", to="enabled")
    assert applied([back, *known_rules("claudeopus47")], wish)[0]["thinking"]["type"] == "enabled"
    gone = learned(parameter="max_completion_tokens", do="rename", to="max_output")
    assert applied([gone, *known_rules("gpt4o")], {"max_tokens": 5}, CHAT)[0] == {"max_output": 5}


def test_every_rule_can_be_written_down_and_read_back() -> None:
    for profile in catalogue():
        for rule in known_rules(profile.internal_id):
            again = next(own_rules({rule.parameter: written(rule)}))
            for name in ("parameter", "do", "unless", "beside", "to", "value", "values"):
                assert getattr(again, name) == getattr(rule, name)


ANY = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 40_000) | st.sampled_from(["low", "max", "adaptive", "enabled", "x"]),
    lambda inner: st.dictionaries(st.sampled_from(["type", "budget_tokens", "effort", "display"]), inner, max_size=3),
    max_leaves=6,
)
NAMES = ("temperature", "top_p", "top_k", "thinking", "output_config", "max_tokens", "reasoning", "reasoning_effort")


@given(
    st.sampled_from([profile.internal_id for profile in catalogue()]),
    st.sampled_from(["anthropic", CHAT, RESPONSES]),
    st.dictionaries(st.sampled_from(NAMES), ANY),
)
def test_whatever_a_client_says_is_left_legible_and_once_is_enough(
    model: str, dialect: str, members: dict[str, Any]
) -> None:
    before = repr(members)
    left, _ = known(model, members, dialect)
    assert repr(members) == before, "the client's own values are never changed"
    assert known(model, left, dialect)[0] == left
