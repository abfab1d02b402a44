"""Whether a candidate can answer in the time that is left."""

from __future__ import annotations

from argo_relay.policy.pace import Pace


def test_little_is_known_of_few_answers() -> None:
    pace = Pace()
    for _ in range(4):
        pace.saw(100, 0)
        assert pace.can_within(1, 0)
    pace.saw(100, 0)
    assert not pace.can_within(99, 0)
    assert pace.can_within(100, 0)


def test_the_quickest_answer_counts() -> None:
    pace = Pace()
    for seconds in (9, 3, 8, 7, 6):
        pace.saw(seconds, 0)
    assert pace.can_within(3, 0)
    assert not pace.can_within(2.9, 0)


def test_old_answers_are_forgotten() -> None:
    pace = Pace()
    pace.saw(1, 0)
    for _ in range(20):
        pace.saw(50, 0)
    assert not pace.can_within(49, 0)


def test_who_has_not_been_asked_for_a_while_gets_another_chance() -> None:
    pace = Pace()
    for now in range(5):
        pace.saw(50, now)
    assert not pace.can_within(10, 300)
    assert pace.can_within(10, 301)
