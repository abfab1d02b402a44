from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.models.catalogue import catalogue
from argo_relay.models.nearest import nearest

PUBLIC = [profile.public_id for profile in catalogue() if not profile.retired]


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("gtp-4o", "argo:gpt-4o"),
        ("gpt-9000", "argo:gpt-5"),
        ("gemini-pro", "argo:gemini-2.5-pro"),
        ("claude-3-5-haiku-20241022", "argo:claude-haiku-4.5"),
        ("argo:claude-3-opus", "argo:claude-opus-5"),
        ("claude-sonnet-9[1m]", "argo:claude-sonnet-5"),
        ("opus-4.7", "argo:claude-opus-4.7"),
        ("sonnet", "argo:claude-sonnet-5"),
        ("o1-pro", "argo:o1"),
        ("gpt5.5x", "argo:gpt-5.5"),
        ("gpt-4", "argo:gpt-4o"),
        ("text-embedding-4-small", "argo:text-embedding-3-small"),
    ],
)
def test_a_slip_or_an_old_name_finds_what_was_meant(name: str, first: str) -> None:
    found = nearest(name, PUBLIC, 3)
    assert found[0] == first
    assert len(found) == len(set(found)) <= 3


@pytest.mark.parametrize("name", ["llama-3-70b", "mistral-large", "", "argo:", "-", "x" * 1_000_000, "模型", "\ud800"])
def test_nothing_alike_suggests_nothing(name: str) -> None:
    assert nearest(name, PUBLIC, 3) == []


def test_only_the_start_of_a_long_name_is_compared() -> None:
    assert nearest("gpt-4.1-nano-" + "z" * 1_000_000, PUBLIC, 1) == ["argo:gpt-4.1-nano"]


def test_no_models_and_no_wish_suggest_nothing() -> None:
    assert nearest("gpt-4o", [], 3) == []
    assert nearest("gpt-4o", PUBLIC, 0) == []


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=300), st.integers(0, 5))
def test_any_text_gets_at_most_n_offered_names(name: str, n: int) -> None:
    found = nearest(name, PUBLIC, n)
    assert len(found) <= n
    assert set(found) <= set(PUBLIC)
