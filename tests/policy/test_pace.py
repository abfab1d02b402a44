"""Whether a candidate can answer in the time that is left."""

from __future__ import annotations

from argo_relay.policy.pace import Pace


def test_little_is_known_of_few_answers() -> None:
    pace = Pace()
    for _ in range(4):
        pace.saw(100)
        assert pace.can_within(1)
    pace.saw(100)
    assert not pace.can_within(99)
    assert pace.can_within(100)


def test_the_quickest_answer_counts() -> None:
    pace = Pace()
    for seconds in (9, 3, 8, 7, 6):
        pace.saw(seconds)
    assert pace.can_within(3)
    assert not pace.can_within(2.9)


def test_old_answers_are_forgotten() -> None:
    pace = Pace()
    pace.saw(1)
    for _ in range(20):
        pace.saw(50)
    assert not pace.can_within(49)
