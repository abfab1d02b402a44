"""Which limits hold, and which timer is due next: the contract's sections 1 and 2."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from argo_relay.policy.deadline import Limit, Limits, Phase, Source, Stamps, Timer, as_seconds, next_due, settle, shown

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
    return {timer: limit(seconds, source) for timer in Timer}


@pytest.mark.parametrize("timer", Timer)
@pytest.mark.parametrize("depth", range(3))
def test_the_first_layer_that_mentions_a_timer_decides(timer: Timer, depth: int) -> None:
    above: dict[Timer, Limit | None] = {other: limit(1) for other in Timer if other is not timer}
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
    assert {timer: settled.of(timer).seconds for timer in Timer} == {
        **dict.fromkeys(Timer, 5000),
        Timer.TOTAL: 3600,
    }


def test_while_a_body_is_read_only_its_own_timer_runs() -> None:
    made = stamps(Phase.RECEIVING, connecting=0.0, sent=0.0, content=0.0)
    assert next_due(limits(total=1, first_event=1, idle=1), made) == (1120.0, Timer.BODY)


@pytest.mark.parametrize("phase", AFTER_READING)
def test_a_bodys_timer_does_not_run_when_it_has_been_read(phase: Phase) -> None:
    assert next_due(limits(total=5000), stamps(phase)) == (6000.0, Timer.TOTAL)


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        (Phase.CONNECTING, (1015.0, Timer.CONNECT)),
        (Phase.SENDING, (1600.0, Timer.TOTAL)),
        (Phase.WAITING, (1600.0, Timer.TOTAL)),
        (Phase.STREAMING, (1600.0, Timer.TOTAL)),
        (Phase.WRITING, (1600.0, Timer.TOTAL)),
    ],
)
def test_connect_runs_only_while_connecting(phase: Phase, expected: tuple[float, Timer]) -> None:
    assert next_due(limits(), stamps(phase, connecting=1005.0)) == expected


def test_connect_does_not_run_before_an_attempt() -> None:
    assert next_due(limits(), stamps(Phase.CONNECTING)) == (1600.0, Timer.TOTAL)


def test_each_attempt_to_connect_has_its_own_limit() -> None:
    assert next_due(limits(), stamps(Phase.CONNECTING, connecting=1300.0)) == (1310.0, Timer.CONNECT)


@pytest.mark.parametrize("phase", AFTER_READING)
def test_first_event_runs_from_the_request_sent_to_the_first_content(phase: Phase) -> None:
    limited = limits(first_event=30)
    assert next_due(limited, stamps(phase)) == (1600.0, Timer.TOTAL)
    assert next_due(limited, stamps(phase, sent=1005.0)) == (1035.0, Timer.FIRST_EVENT)
    assert next_due(limited, stamps(phase, sent=1005.0, content=1010.0)) == (1600.0, Timer.TOTAL)


@pytest.mark.parametrize("phase", AFTER_READING)
def test_idle_runs_from_content_on_but_not_while_the_client_is_written_to(phase: Phase) -> None:
    limited = limits(idle=30)
    assert next_due(limited, stamps(phase, sent=1005.0)) == (1600.0, Timer.TOTAL)
    due = (1600.0, Timer.TOTAL) if phase is Phase.WRITING else (1040.0, Timer.IDLE)
    assert next_due(limited, stamps(phase, sent=1005.0, content=1010.0)) == due


@pytest.mark.parametrize(
    ("limited", "made", "expected"),
    [
        (limits(total=10, first_event=30), stamps(Phase.WAITING, sent=1001.0), (1010.0, Timer.TOTAL)),
        (limits(total=10, idle=30), stamps(Phase.STREAMING, sent=1001.0, content=1002.0), (1010.0, Timer.TOTAL)),
        (limits(total=5), stamps(Phase.CONNECTING, connecting=1000.0), (1005.0, Timer.TOTAL)),
        (limits(first_event=1), stamps(Phase.CONNECTING, connecting=1000.0, sent=1000.0), (1001.0, Timer.FIRST_EVENT)),
        (limits(first_event=5, idle=30), stamps(Phase.STREAMING, sent=1000.0, content=1004.0), (1034.0, Timer.IDLE)),
        (limits(idle=30), stamps(Phase.STREAMING, sent=1000.0, content=1599.0), (1600.0, Timer.TOTAL)),
    ],
)
def test_the_smallest_of_what_is_left_counts(limited: Limits, made: Stamps, expected: tuple[float, Timer]) -> None:
    assert next_due(limited, made) == expected


SECONDS = st.floats(0.001, 10_000)
MOMENTS = st.none() | st.floats(0, 100_000)


@UNTIMED
@given(st.data(), st.sampled_from(AFTER_READING), st.floats(0, 100_000))
def test_nothing_is_due_later_than_the_total(data: st.DataObject, phase: Phase, started: float) -> None:
    limited = Limits(
        body=limit(data.draw(SECONDS)),
        total=limit(data.draw(SECONDS)),
        connect=limit(data.draw(SECONDS)),
        first_event=data.draw(st.none() | SECONDS.map(limit)),
        idle=data.draw(st.none() | SECONDS.map(limit)),
    )
    made = Stamps(started)
    made.phase = phase
    made.connecting, made.sent, made.content = (data.draw(MOMENTS) for _ in range(3))
    when, timer = next_due(limited, made)
    assert when <= started + limited.total.seconds
    assert timer is not Timer.BODY
    begun = {
        Timer.TOTAL: made.started,
        Timer.CONNECT: made.connecting,
        Timer.FIRST_EVENT: made.sent,
        Timer.IDLE: made.content,
    }[timer]
    assert begun is not None
    assert when == begun + limited.of(timer).seconds


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
