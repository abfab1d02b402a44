from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.simulator.calls import arguments, chosen, fragments
from argo_relay.simulator.directives import BadDirectiveError, parse
from argo_relay.simulator.request import Choice, Tool, Turn
from argo_relay.simulator.sample import COMMAND


def turn(names: str, *, answered: bool = False, choice: Choice | None = None) -> Turn:
    return Turn(tools=tuple(Tool(name=name) for name in names), answered=answered, choice=choice or Choice())


def called(prompt: str, names: str = "ab", *, answered: bool = False, choice: Choice | None = None) -> str:
    return "".join(tool.name for tool in chosen(turn(names, answered=answered, choice=choice), parse(prompt)))


@pytest.mark.parametrize(
    ("prompt", "choice", "names"),
    [
        ("", Choice(), ""),
        ("[tool=b]", Choice(), "b"),
        ("[tool=any]", Choice(), "a"),
        ("[tool=b,a]", Choice(), "ba"),
        ("[tool=b,a]", Choice(parallel=False), "b"),
        ("", Choice(demanded="any"), "a"),
        ("", Choice(demanded="b"), "b"),
        ("", Choice(demanded="z"), ""),
        ("[tool=a]", Choice(demanded="b"), "a"),
        ("[tool=a]", Choice(forbidden=True), ""),
        ("STUBTOOL:b go", Choice(), "b"),
        ("STUBTOOL", Choice(), "a"),
        ("STUBTOOL:z", Choice(), ""),
        ("STUBTOOL:a", Choice(demanded="b"), "b"),
    ],
)
def test_which_tools_are_called(prompt: str, choice: Choice, names: str) -> None:
    assert called(prompt, choice=choice) == names


def test_an_order_ends_with_the_tools_result_but_a_demand_does_not() -> None:
    assert called("[tool=a]", answered=True) == ""
    assert called("STUBTOOL:a", answered=True) == ""
    assert called("[tool=a]", answered=True, choice=Choice(demanded="b")) == "b"


@pytest.mark.parametrize(("names", "listed"), [("ab", "a, b"), ("", "none")])
def test_an_order_for_a_tool_that_is_not_offered_is_refused(names: str, listed: str) -> None:
    with pytest.raises(BadDirectiveError, match=rf"\[tool=c\]: .* offers no such tool \(offered: {listed}\)"):
        called("[tool=c]", names)


def test_a_side_request_without_tools_gets_an_answer() -> None:
    assert called("STUBTOOL:a", "") == ""


def test_arguments() -> None:
    schema = {"type": "object", "properties": {"cmd": {"type": "string"}}, "required": ["cmd"]}
    assert json.loads(arguments(Tool(name="exec_command", schema=schema))) == {"cmd": COMMAND}
    assert arguments(Tool(name="f")) == "{}"
    assert arguments(Tool(name="apply_patch", free=True)) == COMMAND


@given(text=st.text(min_size=2), count=st.integers(1, 50))
def test_fragments_are_two_at_least_and_none_is_empty(text: str, count: int) -> None:
    cut = fragments(text, count)
    assert "".join(cut) == text
    assert all(cut)
    assert 2 <= len(cut) <= max(2, count)
