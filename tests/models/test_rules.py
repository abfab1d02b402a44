"""The packaged rows: what they say of whom, each with its source."""

from __future__ import annotations

import re

import pytest

from argo_relay.models.catalogue import catalogue
from argo_relay.models.profile import Profile
from argo_relay.models.rules import known_rules

DIALECTS = {"openai_chat", "openai_responses", "anthropic"}


def rows(model: str, parameter: str) -> list[str]:
    return [rule.do for rule in known_rules(model) if rule.parameter == parameter]


@pytest.mark.parametrize("profile", catalogue(), ids=lambda profile: profile.internal_id)
def test_every_row_says_what_it_needs_and_who_says_so(profile: Profile) -> None:
    for rule in known_rules(profile.internal_id):
        assert re.search(r"20\d\d-\d\d|20\d\d:", rule.source), rule
        assert set(rule.dialects) <= DIALECTS
        assert (rule.do == "rename") == (rule.to is not None and rule.do != "thinking")
        assert (rule.do == "nearest") == bool(rule.values)
        assert (rule.do == "default") == (rule.value is not None)


def test_the_rows_are_those_of_the_probe() -> None:
    for model in ("gpt5", "gpt5mini", "gpt55", "gpt56sol"):
        assert rows(model, "temperature") == rows(model, "top_p") == ["drop"]
    for model in ("gpt4o", "gpto3", "gemini25pro", "claudeopus45"):
        assert not rows(model, "temperature")
    assert rows("claudeopus47", "temperature") == rows("claudesonnet5", "top_k") == ["drop"]
    assert [rule.to for rule in known_rules("claudeopus47") if rule.do == "thinking"] == ["adaptive"]
    assert [rule.to for rule in known_rules("claudehaiku45") if rule.do == "thinking"] == ["enabled"]
    assert [rule.to for rule in known_rules("claudeopus46") if rule.do == "thinking"] == [None]
    assert rows("gpt4o", "max_tokens") == ["rename"]
    assert not known_rules("gemini25pro")
    assert not known_rules("v3small")
