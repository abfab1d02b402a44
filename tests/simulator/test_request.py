from __future__ import annotations

import json
from typing import Any

import pytest

from argo_relay.simulator.request import Turn, cost, dicts, hear, images_in, positive, text_of


@pytest.mark.parametrize(
    ("raw", "status"), [(b"{", 422), (b"", 422), (b"\xff\xfe", 400), (b'{"a": NaN}', 400), (b"[" * 100_000, 400)]
)
def test_what_is_not_json_is_heard_with_its_refusal(raw: bytes, status: int) -> None:
    problem = hear(raw).problem
    assert problem is not None
    assert (problem.status, list(json.loads(problem.body))) == (status, ["detail"])


def test_what_was_heard_without_being_json_has_no_fields() -> None:
    assert hear(b"nonsense").field("model") is None
    assert hear(b"[]").field("model") is None
    assert hear(b'{"model": "gpt4o"}').field("model") == "gpt4o"


@pytest.mark.parametrize("content", [None, 7, {}, [7, {"type": "text", "text": 7}]])
def test_content_that_is_no_text_has_none(content: object) -> None:
    assert text_of({"content": content}) == ""


def test_the_text_of_a_message_in_each_dialect() -> None:
    parts = [{"type": kind, "text": kind} for kind in ("text", "input_text", "output_text", "refusal")]
    assert text_of({"content": parts}) == "text\ninput_text\noutput_text"
    assert text_of({"type": "function_call_output", "output": "done"}) == "done"


def test_images_are_counted_in_results_too() -> None:
    shown: list[dict[str, Any]] = [
        {"content": [{"type": "image_url"}, {"type": "image"}, {"type": "input_image"}, {"type": "text"}]},
        {"content": [{"type": "tool_result", "content": [{"type": "image"}]}]},
        {"output": [{"type": "input_image"}]},
        {"content": "image"},
    ]
    assert images_in(shown) == 5


@pytest.mark.parametrize(("value", "limit"), [(5, 5), (0, None), (True, None), ("5", None), (None, None)])
def test_a_limit_that_makes_sense(value: object, limit: int | None) -> None:
    assert positive(value) == limit


def test_odds_and_ends() -> None:
    assert [cost(text) for text in ("", "ping", "pings")] == [0, 1, 2]
    assert dicts([1, {}, "x"]) == [{}]
    assert dicts({"a": 1}) == []
    assert Turn(prompt="x").priced(7) == Turn(prompt="x", tokens=7)
