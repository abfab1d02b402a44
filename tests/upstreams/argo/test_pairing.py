"""The first result after a call is its own, until a later turn calls under the same id."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.upstreams.argo.pairing import Answered, Called, moved, pair, retold, stray, unanswered

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])


def events(script: str) -> list[Called | Answered]:
    """Read `1a` as a call of turn 1 under the id a, and `-a` as a result."""
    read: list[Called | Answered] = []
    for index, word in enumerate(script.split()):
        turn, name = word[0], word[1]
        read.append(Answered(name, (index,)) if turn == "-" else Called(name, (index,), int(turn)))
    return read


@pytest.mark.parametrize(
    ("script", "answers", "strays"),
    [
        ("1a -a", {0: 1}, []),
        ("1a 1b -b -a", {0: 3, 1: 2}, []),
        ("1a", {0: None}, []),
        ("-a 1a", {1: None}, [0]),
        ("1a -a -a", {0: 1}, [2]),
        ("1a 1a -a -a", {0: 2, 1: 3}, []),
        ("1a 2a -a -a", {0: None, 1: 2}, [3]),
        ("1a -a 2a -a", {0: 1, 2: 3}, []),
        ("1a 2b -a -b", {0: 2, 1: 3}, []),
    ],
)
def test_what_answers_what(script: str, answers: dict[int, int | None], strays: list[int]) -> None:
    pairs = pair(events(script))
    assert pairs.answers == {(call,): None if result is None else (result,) for call, result in answers.items()}
    assert pairs.strays == [(one,) for one in strays]


@UNTIMED
@given(st.lists(st.sampled_from(["1a", "1b", "2a", "2b", "-a", "-b", "-c"]), max_size=12).map(" ".join))
def test_every_result_answers_one_call_before_it_or_none(script: str) -> None:
    pairs = pair(events(script))
    answered = [result for result in pairs.answers.values() if result is not None]
    assert sorted([*answered, *pairs.strays]) == [one.place for one in events(script) if isinstance(one, Answered)]
    assert all(result is None or result > call for call, result in pairs.answers.items())


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", []),
        (" \n", []),
        (None, []),
        ([], []),
        ({}, []),
        ("done", [{"type": "text", "text": "The result of the tool call c:\ndone"}]),
        (
            [{"type": "text", "text": "a"}, 3, {"type": "output_text", "text": "b"}, {"type": "text", "text": None}],
            [{"type": "text", "text": "The result of the tool call c:\na\nb"}],
        ),
        (
            [{"type": "image", "text": "alt"}],
            [{"type": "text", "text": "The result of the tool call c:"}, {"type": "image", "text": "alt"}],
        ),
        ([{"stdout": "x"}], [{"type": "text", "text": 'The result of the tool call c:\n[{"stdout":"x"}]'}]),
        ({"n": 1}, [{"type": "text", "text": 'The result of the tool call c:\n{"n":1}'}]),
    ],
)
def test_a_result_told_again(content: Any, parts: list[dict[str, Any]]) -> None:
    assert retold("c", content, "text", ("image",)) == parts


def test_each_loss_says_what_became_of_it() -> None:
    assert [unanswered("p").how, moved("p").how] == ["approximated", "moved"]
    assert [stray("p", empty=True).how, stray("p", empty=False).how] == ["dropped", "approximated"]
