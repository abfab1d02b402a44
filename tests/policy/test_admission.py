from __future__ import annotations

import pytest

from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.admission import Admission, Held, crowded, expected_wait, stopping


def refused(admission: Admission) -> Failure:
    with pytest.raises(Refused) as caught:
        admission.enter()
    return caught.value.failure


def test_places_are_given_up_to_the_limit() -> None:
    admission = Admission(1, 1)
    admission.enter()
    admission.enter()
    failure = refused(admission)
    assert (failure.kind, failure.status, failure.code) == (FailureKind.OVERLOADED, 503, "max_in_flight")
    assert failure.retry_after == 1.0
    assert "2 requests" in failure.message
    assert "`max_in_flight`" in failure.message


def test_a_place_that_was_refused_is_not_taken() -> None:
    admission = Admission(1, 0)
    admission.enter()
    refused(admission)
    assert admission.in_flight == 1
    admission.leave()
    assert admission.in_flight == 0
    admission.enter()


def test_one_place_is_given_back_at_a_time() -> None:
    admission = Admission(3, 0)
    for _ in range(3):
        admission.enter()
    admission.leave()
    assert admission.in_flight == 2


def test_nobody_enters_while_the_process_stops() -> None:
    admission = Admission(1, 1)
    admission.enter()
    admission.stopping = True
    assert refused(admission) == stopping()
    assert admission.in_flight == 1
    admission.leave()
    assert admission.in_flight == 0


def test_a_process_that_stops_asks_to_try_again() -> None:
    failure = stopping()
    assert (failure.kind, failure.status, failure.code) == (FailureKind.OVERLOADED, 503, "shutting_down")
    assert failure.retry_after == 1.0
    assert failure.at_fault == "gateway"


def test_the_wait_is_the_time_for_all_that_come_before() -> None:
    assert expected_wait(0, 1, 10) == 10
    assert expected_wait(3, 2, 10) == 20
    assert expected_wait(3, 2, None) is None


def test_the_newest_times_count_most() -> None:
    held = Held()
    held.saw(10)
    assert held.mean == 10
    for _ in range(50):
        held.saw(2)
    assert held.mean == pytest.approx(2, abs=0.01)


def test_who_would_wait_too_long_is_told_when_to_come_back() -> None:
    failure = crowded("of the relay", 7, 42.2, 30)
    assert (failure.status, failure.code, failure.retry_after) == (503, "queue_too_long", 13)
    assert "7 requests wait before this one, about 43 s; this request has 30 s" in failure.message


async def test_to_be_admitted_is_to_enter() -> None:
    admission = Admission(1, 0)
    await admission.admit()
    assert admission.in_flight == admission.most == 1
    with pytest.raises(Refused):
        await admission.admit()
