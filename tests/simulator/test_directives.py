from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.directives import MOST_TEXT, TABLE, BadDirectiveError, Directives, explained, parse


def test_the_table_and_the_values_have_the_same_names() -> None:
    assert (*TABLE, "stub") == Directives.__struct_fields__


def test_a_prompt_without_orders_gets_the_defaults() -> None:
    orders = parse("Explain [1], [status], [citation needed], [a=b], and x[0] = y[gap].")
    assert orders == parse("")
    assert (orders.first_token, orders.headers, orders.chunks, orders.gap) == (0.05, 0.05, 12, 0.01)
    assert (orders.status, orders.tool, orders.pieces, orders.no_done) == (None, None, None, False)


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (
            "[first_token=2] hello [chunks=40][gap=0.25]",
            {"first_token": 2.0, "chunks": 40, "gap": 0.25, "headers": 2.0},
        ),
        ("[headers=0][first_token=1]", {"headers": 0.0, "first_token": 1.0}),
        ("[first_token=5] [comments=0.5]", {"comments": 0.5, "headers": 0.0}),
        ("[ chunks = 3 ]", {"chunks": 3}),
        ("[chunks=3] [chunks=4]", {"chunks": 4}),
        ("[status=503] [retry_after=3]", {"status": 503, "retry_after": 3.0}),
        ("[drop_after=0] [stall_after=2] [error_after=3]", {"drop_after": 0, "stall_after": 2, "error_after": 3}),
        ("[tool=get_weather]", {"tool": ("get_weather",)}),
        ("[tool=a, b:c] [think=3]", {"tool": ("a", "b:c"), "think": 3, "stub": None}),
        ("STUBTOOL:exec_command run", {"stub": "exec_command", "tool": None}),
        ("Try STUBTOOL.", {"stub": "any"}),
        ("Try STUBTOOL:Bash.", {"stub": "Bash"}),
        ("MYSTUBTOOL:x [hidden_error]", {"stub": None, "hidden_error": True}),
        (
            "[error_kind=overloaded] [notice=denied] [crash] [openai_shape]",
            {"error_kind": "overloaded", "notice": "denied", "crash": True, "openai_shape": True},
        ),
        ("[pieces=1] [size=100]", {"pieces": 1, "size": 100}),
        ("[no_finish] [no_done] [usage=null]", {"no_finish": True, "no_done": True, "usage": "null"}),
    ],
)
def test_orders(prompt: str, expected: dict[str, Any]) -> None:
    orders = parse(prompt)
    assert {name: getattr(orders, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("prompt", "complaint"),
    [
        ("[chunks=many]", "[chunks=many]: chunks takes a whole number, 1 to 100000."),
        ("[chunks=0]", "chunks takes a whole number"),
        ("[chunks=1.5]", "chunks takes a whole number"),
        ("[chunks=]", "[chunks=]: chunks takes a whole number"),
        ("[gap=-1]", "gap takes seconds, 0 to 86400"),
        ("[gap=nan]", "gap takes seconds"),
        ("[first_token=inf]", "first_token takes seconds"),
        ("[comments=0]", "comments takes seconds, 0.001 to"),
        ("[status=200]", "status takes a whole number, 400 to 599"),
        ("[tool=get weather]", "tool takes a tool's name, or any"),
        ("[usage=none]", "usage takes null"),
        ("[no_done=yes]", "[no_done=yes]: no_done takes no value; write [no_done]."),
        ("[headers=2]", "the status line cannot come after the first content (first_token=0.05)"),
        ("[chunks=100000] [size=1000000]", f"chunks times size is at most {MOST_TEXT}"),
    ],
)
def test_a_known_name_with_a_value_that_makes_no_sense_is_refused(prompt: str, complaint: str) -> None:
    with pytest.raises(BadDirectiveError) as caught:
        parse(f"please {prompt} now")
    assert complaint in str(caught.value)


@given(first=st.floats(0, 86400), gap=st.floats(0, 86400), chunks=st.integers(1, 100_000))
def test_numbers_are_read_as_they_were_written(first: float, gap: float, chunks: int) -> None:
    orders = parse(f"[first_token={first!r}] text [gap={gap!r}] [chunks={chunks}]")
    assert (orders.first_token, orders.gap, orders.chunks) == (first, gap, chunks)
    assert orders.time_of(0) == first
    assert orders.time_of(3) == first + 3 * gap


@given(prompt=st.text())
def test_any_text_is_a_prompt(prompt: str) -> None:
    assert isinstance(parse(prompt), Directives)


def test_the_help_names_each_order_and_its_default() -> None:
    listed = dict(explained())
    assert listed["[first_token=S]"] == "seconds until the first content (default 0.05)"
    assert listed["[no_done]"] == "leave out what ends the stream: data: [DONE], message_stop, response.completed"
    assert len(listed) == len(TABLE)
