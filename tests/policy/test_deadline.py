"""Which limits hold, and which timer is due next: the contract's sections 1 and 2."""

from __future__ import annotations

import math
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from argo_relay.policy.deadline import (
    SETTABLE,
    Limit,
    Limits,
    Phase,
    Source,
    Stamps,
    Timer,
    as_seconds,
    attempt_due,
    budget_due,
    settle,
    shown,
)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
AFTER_READING = [phase for phase in Phase if phase is not Phase.RECEIVING]
REQUIRED = [Timer.BODY, Timer.TOTAL, Timer.CONNECT]
OPTIONAL = [Timer.FIRST_EVENT, Timer.IDLE]


def limit(seconds: float, source: Source = Source.DEFAULT) -> Limit:
    return Limit(seconds=seconds, source=source, field=f"the {source.value}")


def limits(total: float = 600, first_event: float | None = None, idle: float | None = None) -> Limits:
    return Limits(
        body=limit(120),
        total=limit(total),
        connect=limit(10),
        first_event=None if first_event is None else limit(first_event),
        idle=None if idle is None else limit(idle),
    )


def stamps(phase: Phase, **when: float) -> Stamps:
    made = Stamps(when.pop("started", 1000.0))
    made.phase = phase
    for name, moment in when.items():
        setattr(made, name, moment)
    return made


def layer(seconds: float, source: Source) -> dict[Timer, Limit | None]:
    return {timer: limit(seconds, source) for timer in SETTABLE}


@pytest.mark.parametrize("timer", SETTABLE)
@pytest.mark.parametrize("depth", range(3))
def test_the_first_layer_that_mentions_a_timer_decides(timer: Timer, depth: int) -> None:
    above: dict[Timer, Limit | None] = {other: limit(1) for other in SETTABLE if other is not timer}
    deciding: dict[Timer, Limit | None] = {timer: limit(42, Source.MODEL)}
    layers = [*([above] * depth), deciding, layer(7, Source.CONFIG), layer(8, Source.DEFAULT)]
    assert settle([*layers], 3600).of(timer) == limit(42, Source.MODEL)


def test_timers_are_settled_one_by_one() -> None:
    asked: dict[Timer, Limit | None] = {Timer.TOTAL: limit(1, Source.BODY)}
    model: dict[Timer, Limit | None] = {Timer.TOTAL: limit(2, Source.MODEL), Timer.IDLE: limit(3, Source.MODEL)}
    settled = settle([asked, model, layer(9, Source.DEFAULT)], 3600)
    assert settled == Limits(
        body=limit(9), total=limit(1, Source.BODY), connect=limit(9), first_event=limit(9), idle=limit(3, Source.MODEL)
    )


@pytest.mark.parametrize("timer", OPTIONAL)
def test_a_layer_can_turn_a_timer_off(timer: Timer) -> None:
    settled = settle([{}, {timer: None}, layer(9, Source.DEFAULT)], 3600)
    assert getattr(settled, timer.value) is None
    with pytest.raises(KeyError):
        settled.of(timer)


@pytest.mark.parametrize("timer", REQUIRED)
def test_some_timers_are_never_off(timer: Timer) -> None:
    with pytest.raises(ValueError, match="cannot be off"):
        settle([{timer: None}, layer(9, Source.DEFAULT)], 3600)


@pytest.mark.parametrize("source", [Source.BODY, Source.HEADER, Source.MODEL, Source.CONFIG, Source.DEFAULT])
def test_no_total_is_above_the_cap(source: Source) -> None:
    settled = settle([{Timer.TOTAL: limit(3600.5, source)}, layer(9, Source.DEFAULT)], 3600)
    assert settled.total == Limit(seconds=3600, source=Source.CAPPED, field=f"the {source.value}", asked=3600.5)


@pytest.mark.parametrize("seconds", [0.001, 1, 3599.9, 3600])
def test_a_total_within_the_cap_is_left_alone(seconds: float) -> None:
    settled = settle([{Timer.TOTAL: limit(seconds, Source.BODY)}, layer(9, Source.DEFAULT)], 3600)
    assert settled.total == limit(seconds, Source.BODY)


def test_only_the_total_is_capped() -> None:
    settled = settle([layer(5000, Source.CONFIG)], 3600)
    assert {timer: settled.of(timer).seconds for timer in SETTABLE} == {
        **dict.fromkeys(SETTABLE, 5000),
        Timer.TOTAL: 3600,
    }


def test_while_a_body_is_read_its_own_timer_runs() -> None:
    assert budget_due(limits(total=1), stamps(Phase.RECEIVING)) == (1120.0, Timer.BODY)


@pytest.mark.parametrize("phase", [phase for phase in AFTER_READING if phase is not Phase.QUEUED])
def test_after_it_has_been_read_the_total_runs(phase: Phase) -> None:
    assert budget_due(limits(total=5000), stamps(phase)) == (6000.0, Timer.TOTAL)


def test_the_total_has_other_names_in_the_queue_and_where_the_client_sets_it() -> None:
    patient = limits(total=30)
    impatient = msgspec.structs.replace(patient, total=limit(30, Source.PATIENCE))
    assert budget_due(patient, stamps(Phase.QUEUED)) == (1030.0, Timer.QUEUE)
    assert budget_due(impatient, stamps(Phase.QUEUED)) == (1030.0, Timer.PATIENCE)
    assert budget_due(impatient, stamps(Phase.WAITING)) == (1030.0, Timer.PATIENCE)
    assert impatient.of(Timer.PATIENCE) == impatient.of(Timer.QUEUE) == impatient.total


@pytest.mark.parametrize("phase", AFTER_READING)
def test_connect_runs_only_while_connecting(phase: Phase) -> None:
    due = (1015.0, Timer.CONNECT) if phase is Phase.CONNECTING else None
    assert attempt_due(limits(), stamps(phase, connecting=1005.0)) == due


def test_connect_does_not_run_before_an_attempt() -> None:
    assert attempt_due(limits(), stamps(Phase.CONNECTING)) is None


@pytest.mark.parametrize("phase", AFTER_READING)
def test_first_event_runs_from_the_request_sent_to_the_first_content(phase: Phase) -> None:
    limited = limits(first_event=30)
    assert attempt_due(limited, stamps(phase)) is None
    assert attempt_due(limited, stamps(phase, sent=1005.0)) == (1035.0, Timer.FIRST_EVENT)
    assert attempt_due(limited, stamps(phase, sent=1005.0, content=1010.0)) is None


@pytest.mark.parametrize("phase", AFTER_READING)
def test_idle_runs_from_content_on_but_not_while_the_client_is_written_to(phase: Phase) -> None:
    limited = limits(first_event=5, idle=30)
    due = None if phase is Phase.WRITING else (1040.0, Timer.IDLE)
    assert attempt_due(limited, stamps(phase, sent=1005.0, content=1010.0)) == due


def test_an_exchange_begins_by_receiving() -> None:
    made = Stamps(5.0)
    assert (made.phase, made.started) == (Phase.RECEIVING, 5.0)
    assert (made.connecting, made.sent, made.content) == (None, None, None)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (120, 120.0),
        (0.5, 0.5),
        (1e-9, 1e-9),
        ("120", 120.0),
        ("0.5", 0.5),
        (" 30 ", 30.0),
        ("1e2", 100.0),
        ("+5", 5.0),
        (10**300, 1e300),
        (0, None),
        (-0.0, None),
        (-1, None),
        ("0", None),
        ("-1", None),
        (math.nan, None),
        (math.inf, None),
        (-math.inf, None),
        ("nan", None),
        ("inf", None),
        ("Infinity", None),
        ("1e400", None),
        (10**400, None),
        (True, None),
        (False, None),
        ("true", None),
        ("soon", None),
        ("", None),
        ("5 s", None),
        ("5s", None),
        ("0x10", None),
        ("NOT_GIVEN", None),
        (None, None),
        ([], None),
        ([5], None),
        ({}, None),
        (b"5", None),
    ],
)
def test_a_limit_is_a_number_of_seconds_above_zero(value: object, expected: float | None) -> None:
    assert as_seconds(value) == expected


@UNTIMED
@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans(), st.lists(st.integers()), st.none()))
def test_whatever_is_given_is_a_finite_limit_or_none(value: Any) -> None:
    seconds = as_seconds(value)
    assert seconds is None or (math.isfinite(seconds) and seconds > 0)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (120, "120"),
        (120.0, "120"),
        (0.5, "0.5"),
        (1.0, "1"),
        (3600.25, "3600.25"),
        (1234567.0, "1234567"),
        (0.1 + 0.2, "0.3"),
        (1 / 3, "0.333"),
        (0.0001, "0.0001"),
        (1e-7, "1e-07"),
        (1e308, "1e+308"),
        (0.0, "0"),
    ],
)
def test_seconds_are_shown_as_people_write_them(seconds: float, expected: str) -> None:
    assert shown(seconds) == expected


@UNTIMED
@given(st.floats(0, 1e300, exclude_min=True))
@example(5e-324)
def test_seconds_are_shown_short_and_never_as_nothing(seconds: float) -> None:
    assert len(shown(seconds)) <= 22
    assert float(shown(seconds)) == pytest.approx(seconds, abs=0.0005, rel=1e-9)
    assert float(shown(seconds)) > 0
