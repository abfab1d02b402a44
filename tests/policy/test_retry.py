"""What becomes of an exchange after an attempt has failed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from argo_relay.policy.retry import Broke, Trouble, may_go_elsewhere, pause_before, retry_after_of

NOW = 1_800_000_000.0


def status(number: int, retry_after: float | None = None) -> Trouble:
    return Trouble(broke=Broke.STATUS, status=number, retry_after=retry_after)


@pytest.mark.parametrize("number", [400, 401, 403, 404, 408, 413, 422])
def test_what_is_wrong_with_the_request_is_wrong_everywhere(number: int) -> None:
    assert not may_go_elsewhere(status(number))
    assert pause_before(1, status(number), 0.5) is None
    assert pause_before(1, status(number, retry_after=1), 0.5) is None


@pytest.mark.parametrize("number", [429, 500, 502, 503, 504, 529])
def test_what_is_wrong_with_an_upstream_may_be_right_elsewhere(number: int) -> None:
    assert may_go_elsewhere(status(number))


@pytest.mark.parametrize("broke", [Broke.CONNECTION, Broke.TIMER, Broke.REPLY])
def test_so_is_all_that_is_no_answer(broke: Broke) -> None:
    assert may_go_elsewhere(Trouble(broke=broke))


@pytest.mark.parametrize("trouble", [Trouble(broke=Broke.CONNECTION), status(502), status(503), status(529)])
def test_what_is_gone_in_a_moment_is_tried_again_after_a_pause(trouble: Trouble) -> None:
    assert [pause_before(round_, trouble, 1.0) for round_ in range(1, 7)] == [0.5, 1, 2, 4, 8, 8]
    assert pause_before(3, trouble, 0.25) == 0.5
    assert pause_before(1, trouble, 0.0) == 0


@pytest.mark.parametrize(
    "trouble", [status(429), status(500), status(504), Trouble(broke=Broke.TIMER), Trouble(broke=Broke.REPLY)]
)
def test_the_same_upstream_is_not_asked_again_where_that_would_cost_more_than_it_brings(trouble: Trouble) -> None:
    assert pause_before(1, trouble, 0.5) is None


@pytest.mark.parametrize("number", [429, 500, 502, 503, 504, 529])
def test_an_upstream_that_says_when_is_taken_at_its_word(number: int) -> None:
    assert pause_before(1, status(number, retry_after=7.5), 0.1) == 7.5


def test_what_is_final_is_not_tried_again() -> None:
    final = Trouble(broke=Broke.STATUS, status=503, retry_after=1, final=True)
    assert pause_before(1, final, 0.5) is None
    assert may_go_elsewhere(final)


@given(st.integers(1, 1000), st.floats(0, 1))
def test_no_pause_is_longer_than_eight_seconds(round_: int, chance: float) -> None:
    pause = pause_before(round_, Trouble(broke=Broke.CONNECTION), chance)
    assert pause is not None
    assert 0 <= pause <= 8


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0"}, 0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": " 3 "}, 3),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after-ms": "soon", "retry-after": "1"}, 1),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30 GMT"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 08:00:30"}, 30),
        ({"retry-after": "Fri, 15 Jan 2027 07:59:00 GMT"}, 0),
    ],
)
def test_retry_after_is_read_in_all_its_forms(headers: dict[str, str], expected: float | None) -> None:
    assert retry_after_of(headers, NOW) == expected


@given(st.text())
def test_no_retry_after_is_too_odd_to_be_read(text: str) -> None:
    found = retry_after_of({"retry-after": text}, NOW)
    assert found is None or found >= 0
