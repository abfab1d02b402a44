"""A timer that fired is told in a sentence: which one, its limit, who set it, when, and what had come."""

from __future__ import annotations

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from argo_relay.neutral.failure import FailureKind
from argo_relay.policy.deadline import Limit, Limits, Phase, Source, Timer
from argo_relay.policy.overrun import overrun
from argo_relay.policy.patience import Patience, within

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
FIELDS = {
    Source.BODY: "`timeout` in the request body",
    Source.HEADER: "the header `x-request-timeout`",
    Source.MODEL: "`models.gpt-4o.timeouts.total` in the relay's configuration",
    Source.CONFIG: "`timeouts.total` in the relay's configuration",
    Source.DEFAULT: "the relay's default",
}
PHASES = {
    Phase.RECEIVING: "being read",
    Phase.FETCHING: "while its images",
    Phase.QUEUED: "waited for a place",
    Phase.PAUSING: "before another attempt",
    Phase.CONNECTING: "while connecting",
    Phase.SENDING: "being sent",
    Phase.WAITING: "while waiting",
    Phase.STREAMING: "coming in",
    Phase.WRITING: "the client was reading",
}
FIRED = [timer for timer in Timer if timer is not Timer.BODY]


def limits(seconds: float = 1.5, source: Source = Source.DEFAULT, asked: float | None = None) -> Limits:
    limit = Limit(seconds=seconds, source=source, field=FIELDS.get(source, FIELDS[Source.BODY]), asked=asked)
    return Limits(body=limit, total=limit, connect=limit, first_event=limit, idle=limit)


@pytest.mark.parametrize("timer", FIRED)
@pytest.mark.parametrize("source", FIELDS)
@pytest.mark.parametrize("phase", PHASES)
def test_the_sentence_says_all_there_is_to_know(timer: Timer, source: Source, phase: Phase) -> None:
    message = overrun(timer, limits(source=source), phase, "3 events and 99 bytes had arrived").message
    named = {Timer.PATIENCE: "after 1.5 s", Timer.QUEUE: "total timeout of 1.5 s"}
    assert named.get(timer, f"{timer.value} timeout of 1.5 s") in message
    assert f"(set by {FIELDS[source]})" in message
    assert PHASES[phase] in message
    assert "; 3 events and 99 bytes had arrived. " in message
    assert_short(message)


def assert_short(message: str) -> None:
    """Assert that it is two sentences at most, in one line."""
    assert len(re.findall(r"\.(?: |$)", message)) <= 2
    assert message.endswith(".")
    assert "\n" not in message
    assert len(message) < 400


@pytest.mark.parametrize("timer", FIRED)
def test_a_timeout_is_a_504_that_names_its_timer(timer: Timer) -> None:
    failure = overrun(timer, limits(), Phase.WAITING, "nothing had arrived")
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.TIMEOUT, 504, "gateway")
    assert (failure.code, failure.param, failure.timer) == (f"timeout_{timer.value}", "timeout", timer.value)


@pytest.mark.parametrize("timer", [Timer.TOTAL, Timer.FIRST_EVENT, Timer.IDLE])
def test_the_advice_names_the_member_to_raise(timer: Timer) -> None:
    message = overrun(timer, limits(), Phase.STREAMING, "nothing had arrived").message
    assert message.endswith(f"Raise `timeout` in the request ({timer.value}) to allow more.")


def test_a_failed_connection_is_not_mended_by_waiting() -> None:
    message = overrun(Timer.CONNECT, limits(), Phase.CONNECTING, "nothing had arrived").message
    assert "Raise" not in message
    assert "can be reached" in message


def test_a_capped_total_names_the_cap_and_what_was_asked_for() -> None:
    capped = limits(3600, Source.CAPPED, asked=7200)
    message = overrun(Timer.TOTAL, capped, Phase.STREAMING, "9 events had arrived").message
    assert "total timeout of 3600 s" in message
    assert "`timeouts.max_total`, which caps the 7200 s of `timeout` in the request body" in message
    assert message.endswith("Raise `timeouts.max_total` in the configuration to allow more.")
    assert_short(message)


def test_a_clients_own_patience_is_told_with_what_it_cut_short() -> None:
    limited = within(limits(300, Source.BODY), Patience(seconds=130, header="x-stainless-read-timeout"))
    message = overrun(Timer.PATIENCE, limited, Phase.WAITING, "nothing had arrived").message
    assert "after 129.5 s" in message
    assert "the client's own timeout of 130 s (header `x-stainless-read-timeout`)" in message
    assert "before the 300 s asked for" in message
    assert "ask for a stream" in message
    assert_short(message)


def test_a_body_that_came_too_slowly_is_a_408() -> None:
    failure = overrun(Timer.BODY, limits(120, Source.CONFIG), Phase.RECEIVING, "nothing had arrived")
    assert (failure.kind, failure.status, failure.at_fault) == (FailureKind.SLOW_REQUEST, 408, "client")
    assert (failure.code, failure.param, failure.timer) == ("request_too_slow", None, None)
    assert "within 120 s" in failure.message
    assert FIELDS[Source.CONFIG] in failure.message
    assert_short(failure.message)


def test_a_timer_that_is_off_cannot_have_fired() -> None:
    limit = limits().total
    off = Limits(body=limit, total=limit, connect=limit, first_event=None, idle=None)
    with pytest.raises(KeyError):
        overrun(Timer.IDLE, off, Phase.STREAMING, "nothing had arrived")


@UNTIMED
@given(
    st.sampled_from(Timer),
    st.sampled_from(Phase),
    st.floats(min_value=0, exclude_min=True, allow_infinity=False),
    st.none() | st.floats(min_value=0, exclude_min=True, allow_infinity=False),
)
def test_no_limit_makes_it_long(timer: Timer, phase: Phase, seconds: float, asked: float | None) -> None:
    source = Source.DEFAULT if asked is None else Source.CAPPED
    assert_short(overrun(timer, limits(seconds, source, asked), phase, "nothing had arrived").message)
