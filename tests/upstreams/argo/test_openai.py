"""No role and no description reaches OpenAI's models on Argo that they would refuse."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.upstreams.argo.openai import LONGEST_DESCRIPTION, descriptions, roles, shortened


def test_a_developer_is_the_system() -> None:
    messages = [{"role": "developer", "content": "x", "name": "n"}, None, {"role": "user", "content": "y"}]
    mended, losses = roles(messages)
    assert mended == [{"role": "system", "content": "x", "name": "n"}, None, {"role": "user", "content": "y"}]
    assert losses == []
    assert messages[0] == {"role": "developer", "content": "x", "name": "n"}


@pytest.mark.parametrize("messages", [None, "x", [], [3, None, {"role": ["developer"]}, {"role": "system"}]])
def test_other_roles_stay_the_same_object(messages: Any) -> None:
    assert roles(messages)[0] is messages


LONG = "word " * 300


def test_long_descriptions_are_cut_between_words() -> None:
    tools: list[Any] = [
        {"type": "function", "function": {"name": "f", "description": LONG}},
        {"type": "custom", "custom": {"name": "c", "description": LONG}},
        {"type": "function", "name": "r", "description": LONG},
        {"type": "function", "name": "s", "description": "short"},
    ]
    mended, losses = descriptions(tools)
    cut = "word " * 203 + "word…"
    assert len(cut) <= LONGEST_DESCRIPTION
    assert mended == [
        {"type": "function", "function": {"name": "f", "description": cut}},
        {"type": "custom", "custom": {"name": "c", "description": cut}},
        {"type": "function", "name": "r", "description": cut},
        {"type": "function", "name": "s", "description": "short"},
    ]
    assert mended[3] is tools[3]
    assert [(loss.path, loss.what, loss.how) for loss in losses] == [
        ("tools[0].function.description", "description", "approximated"),
        ("tools[1].custom.description", "description", "approximated"),
        ("tools[2].description", "description", "approximated"),
    ]
    assert descriptions(mended) == (mended, [])
    assert tools[2]["description"] == LONG


@pytest.mark.parametrize(
    "tools", [None, {}, [], [None, 3, {"function": 3}, {"description": ["x"]}, {"description": "x" * 1024}]]
)
def test_other_tools_stay_the_same_object(tools: Any) -> None:
    mended, losses = descriptions(tools)
    assert mended is tools
    assert losses == []


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        ("one two three", "one two…"),
        ("one two. three", "one two.…"),
        ("onetwothreefour", "onetwothr…"),
        ("a bcdefghijklmno", "a bcdefgh…"),
        ("one two thr four", "one two…"),
    ],
)
def test_where_a_text_is_cut(text: str, cut: str) -> None:
    assert shortened(text, 10) == cut


@given(st.text(min_size=11), st.integers(2, 10))
def test_a_cut_text_is_the_beginning_and_short_enough(text: str, longest: int) -> None:
    cut = shortened(text, longest)
    assert len(cut) <= longest
    assert cut.endswith("…")
    assert text.startswith(cut[:-1])
