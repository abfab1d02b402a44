from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.models.names import MAX_NAME, forms, key, readings, slug, stem


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GPT-4o", ["gpt4o"]),
        ("  Claude Opus 4.7\n", ["claudeopus47"]),
        ("openai/argo:gpt_4o", ["gpt4o"]),
        ("Argo: GPT-4o", ["gpt4o"]),
        ("models/gemini-2.5-pro", ["gemini25pro"]),
        ("gpt\u20114o", ["gpt4o"]),
        ("gpt-4o-2024-08-06", ["gpt4o20240806", "gpt4o"]),
        ("claude-haiku-4-5@20251001", ["claudehaiku45@20251001", "claudehaiku45"]),
        ("claude-opus-4-20250514", ["claudeopus420250514", "claudeopus4"]),
        ("gpt-4-0613", ["gpt40613", "gpt4"]),
        ("gpt-4o-latest", ["gpt4olatest", "gpt4o"]),
        ("gpt-4o:latest", ["gpt4o:latest", "gpt4o"]),
        ("claude-sonnet-4-6[1m]", ["claudesonnet46[1m]", "claudesonnet46"]),
        (
            "claude-sonnet-4-5-20250929 [1M]",
            ["claudesonnet4520250929[1m]", "claudesonnet4520250929", "claudesonnet45"],
        ),
        ("argo:", [""]),
        ("", [""]),
    ],
)
def test_a_name_is_read_literally_first_and_then_without_its_suffixes(name: str, expected: list[str]) -> None:
    assert list(readings(name)) == expected


@pytest.mark.parametrize(
    "name",
    [
        "gpt-4o-2024-13-06",  # no such month
        "gpt-4o-2024-08-32",  # no such day
        "gpt-4o-1234567",
        "gpt-4o-19990101",  # before there were models
        "gpt-4-1306",
        "gpt-4o20240806",  # nothing says where the name ends
        "gpt-4.1-preview",
        "gpt-4o[2m]",
        "gpt-4o[1m]x",
        "mygpt/gpt-4o",
    ],
)
def test_what_only_looks_like_a_suffix_or_a_prefix_stays(name: str) -> None:
    assert list(readings(name)) == [key(name)]


@pytest.mark.parametrize("name", ["gpt-4o+", "gpt-4ö", "gpt-4o!", "gpt-4o (new)", "gpt-4o/x"])
def test_only_separators_are_dropped(name: str) -> None:
    assert key(name) != "gpt4o"


def test_a_name_longer_than_any_model_has_no_reading() -> None:
    assert list(readings("x" * MAX_NAME)) == ["x" * MAX_NAME]
    assert list(readings("x" * (MAX_NAME + 1))) == []
    assert list(readings(" " * 1_000_000 + "gpt-4o")) == []


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Claude Opus 4.7", "claude-opus-4.7"),
        ("GPT-5.6 Sol", "gpt-5.6-sol"),
        ("Qwen/Qwen2.5 (Coder)", "qwen-qwen2.5-coder"),
        ("argo:gpt-4o", "gpt-4o"),
        ("...", ""),
        ("模型", ""),
    ],
)
def test_a_slug_has_only_the_characters_of_a_public_id(name: str, expected: str) -> None:
    assert slug(name) == expected


@pytest.mark.parametrize(
    ("slugged", "others"),
    [
        ("claude-opus-4.7", {"claude-4.7-opus"}),
        ("claude-4.7-opus", {"claude-opus-4.7"}),
        ("claude-sonnet-5", {"claude-5-sonnet"}),
        ("claude-3-5-sonnet", {"claude-sonnet-3-5"}),
        ("claude-sonnet-3.5-v2", {"claude-3.5-sonnet-v2"}),
        ("o3-mini", {"gpt-o3-mini"}),
        ("gpt-o3-mini", {"o3-mini"}),
        ("gpt-4o", set()),
        ("gemini-2.5-pro", set()),
        ("claude-opus", set()),
        ("omni-1", set()),
        ("", set()),
    ],
)
def test_two_families_are_written_in_two_orders(slugged: str, others: set[str]) -> None:
    assert set(forms(slugged)) == {slugged} | others


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("argo:claude-3-5-haiku-20241022[1m]", "claude-3-5-haiku"),
        ("  GPT 4o ", "gpt-4o"),
        ("x" * 1_000_000, "x" * MAX_NAME),
    ],
)
def test_the_stem_is_what_is_worth_comparing(name: str, expected: str) -> None:
    assert stem(name) == expected


@settings(deadline=None)
@given(st.text())
def test_no_text_upsets_the_rule(name: str) -> None:
    found = list(readings(name))
    assert found[:1] == ([key(name)] if len(name) <= MAX_NAME else [])
    assert len(found) <= 3
    assert set(slug(name) + stem(name)) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-")
    assert forms(slug(name))[0] == slug(name)
