"""When a failing upstream rests, and how it comes back."""

from __future__ import annotations

import pytest

from argo_relay.policy.breaker import Breaker, State


def broken(failures: int = 3, rest: float = 30) -> Breaker:
    """Return a breaker that has opened at 0."""
    made = Breaker(failures, rest)
    assert [made.failed(0) for _ in range(failures)] == [*[False] * (failures - 1), True]
    return made


def test_it_rests_after_some_failures_in_a_row() -> None:
    made = Breaker(3, 30)
    for _ in range(2):
        made.failed(0)
    assert not made.rests(0)
    assert made.failed(0)
    assert made.rests(0)
    assert made.rests(29.9)
    assert made.state is State.RESTING


def test_an_answer_in_between_begins_the_count_anew() -> None:
    made = Breaker(3, 30)
    for _ in range(10):
        made.failed(0)
        made.failed(0)
        made.worked()
    assert not made.rests(0)
    assert made.state is State.CLOSED


def test_after_the_rest_one_request_is_the_probe() -> None:
    made = broken()
    assert not made.rests(30)
    made.began(30)
    states = [made.state]
    assert made.rests(31), "the others wait for what becomes of it"
    made.worked()
    assert not made.rests(31)
    assert [*states, made.state] == [State.PROBING, State.CLOSED]


def test_a_probe_that_fails_begins_another_rest() -> None:
    made = broken()
    made.began(30)
    assert not made.failed(32), "which is no news"
    assert made.rests(61.9)
    assert not made.rests(62)


def test_a_probe_that_has_begun_to_answer_ends_the_rest_but_not_the_doubt() -> None:
    made = broken()
    made.began(30)
    made.answers()
    assert (made.state, made.rests(31)) == (State.CLOSED, False)
    assert made.failed(32), "one failure is enough"
    assert made.rests(33)


def test_what_begins_to_answer_when_nothing_is_tried_changes_nothing() -> None:
    made = broken()
    made.answers()
    assert (made.state, made.rests(10)) == (State.RESTING, True)


def test_a_probe_that_tells_nothing_leaves_its_place_to_another() -> None:
    made = broken()
    made.began(30)
    made.ended()
    assert not made.rests(31)


def test_an_attempt_during_the_rest_is_no_probe() -> None:
    made = broken()
    made.began(10)
    states = [made.state]
    made.worked()
    assert [*states, made.state] == [State.RESTING, State.CLOSED]


@pytest.mark.parametrize("count", [1, 1000])
def test_with_no_failures_set_it_never_rests(count: int) -> None:
    made = Breaker(0, 30)
    assert not any(made.failed(0) for _ in range(count))
    assert not made.rests(0)


def test_while_it_is_clean_nothing_but_a_failure_tells_it_anything() -> None:
    made = Breaker(1, 30)
    made.began(0)
    made.answers()
    made.ended()
    made.worked()
    seen = [(made.clean, made.state)]
    made.failed(0)
    seen.append((made.clean, made.state))
    made.began(30)
    made.answers()
    seen.append((made.clean, made.state))
    made.worked()
    seen.append((made.clean, made.state))
    # When an answer has begun, the rest is over, and the whole of it still to come.
    assert seen == [(True, State.CLOSED), (False, State.RESTING), (False, State.CLOSED), (True, State.CLOSED)]
