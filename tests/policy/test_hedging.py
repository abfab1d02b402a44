"""How many requests may be hedged."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.policy.hedging import HedgeShare


def test_one_in_twenty() -> None:
    share = HedgeShare(0.05)
    granted = []
    for _ in range(100):
        share.asked()
        granted.append(share.take())
    assert sum(granted) == 5
    assert [index for index, yes in enumerate(granted, 1) if yes] == [20, 40, 60, 80, 100]


def test_all() -> None:
    share = HedgeShare(1)
    for _ in range(10):
        share.asked()
        assert share.take()
        assert not share.take()


def test_a_quiet_time_saves_up_a_few() -> None:
    share = HedgeShare(0.5)
    for _ in range(1000):
        share.asked()
    assert sum(share.take() for _ in range(100)) == 10


@given(st.floats(0.001, 1), st.lists(st.booleans(), max_size=300))
def test_never_more_than_the_share(share: float, wishes: list[bool]) -> None:
    made = HedgeShare(share)
    granted = 0
    for number, wish in enumerate(wishes, 1):
        made.asked()
        granted += wish and made.take()
        assert granted <= share * number + 1e-6


@pytest.mark.parametrize("share", [0.05, 1])
def test_none_before_the_first_request(share: float) -> None:
    assert not HedgeShare(share).take()
