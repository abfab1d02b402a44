"""One attempt's own timers, beside the budget of its exchange."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from argo_relay.errors import DeadlinePassed
from argo_relay.exchange.alarm import Alarm
from argo_relay.exchange.attempt import Attempt
from argo_relay.policy.deadline import Phase
from support.guards import dog, now, play
from support.stage import FOREVER, LoopClock

pytestmark = pytest.mark.looptime


def attempt(**timeouts: Any) -> Attempt:
    """Return an attempt of an exchange with these limits, which nobody else watches."""
    return Attempt(LoopClock(), dog(**timeouts))


async def test_connect_runs_while_it_connects() -> None:
    made = attempt(connect=5)
    with pytest.raises(DeadlinePassed, match="connect"):
        await play(made, 3, made.connect, FOREVER)
    assert now() == 8


async def test_connect_runs_anew_for_a_connection_in_place_of_one_that_was_closed() -> None:
    made = attempt(connect=5, first_event=20)
    with pytest.raises(DeadlinePassed, match="connect"):
        await play(made, made.connect, made.connected, made.sent, 2, made.connecting, FOREVER)
    assert now() == 7
    assert made.elapsed() == 7


async def test_first_event_runs_from_the_request_sent() -> None:
    made = attempt(connect=5, first_event=20)
    with pytest.raises(DeadlinePassed, match="first_event"):
        await play(made, made.connect, 1, made.connected, 10, made.sent, FOREVER)
    assert now() == 31
    assert made.elapsed() == 31


async def test_without_limits_it_has_no_end_of_its_own() -> None:
    made = attempt(connect=5, first_event=None, idle=None)
    await play(made, made.connect, made.connected, made.sent, 10_000, made.content, 10_000)
    assert made.reason is None


async def test_while_the_client_is_written_to_the_upstream_is_not_silent() -> None:
    made = attempt(idle=10)
    with pytest.raises(DeadlinePassed, match="idle"):
        await play(made, made.content, made.writing, 100, made.written, FOREVER)
    assert now() == 110
    assert made.stamps.phase is Phase.STREAMING


async def test_reading_arms_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    made = attempt(idle=10)
    armed = 0
    real = loop.call_later

    def counting(delay: float, call: Callable[..., object], *rest: Any, **more: Any) -> asyncio.TimerHandle:
        nonlocal armed
        armed += getattr(call, "__func__", None) is Alarm._ring
        return real(delay, call, *rest, **more)

    monkeypatch.setattr(loop, "call_later", counting)
    async with made:
        made.connect()
        made.connected()
        made.sent()
        before = armed
        for _ in range(1000):
            await asyncio.sleep(0.1)
            made.content()
            made.writing()
            made.written()
        # 100 seconds: the timer wakes up about once in each time of silence that is allowed, not once a read.
        assert armed - before <= 12
    assert before <= 4


async def test_idle_runs_from_the_first_content_though_nothing_is_written() -> None:
    made = attempt(connect=10, idle=3)
    with pytest.raises(DeadlinePassed, match="idle"):
        await play(made, made.connect, made.connected, made.sent, 1, made.content, 2, made.content, FOREVER)
    assert now() == 6


async def test_a_call_that_the_transport_repeats_is_counted_and_has_its_own_time_to_connect() -> None:
    again: list[float] = []
    counted = Attempt(LoopClock(), dog(connect=5), lambda: again.append(now()))
    with pytest.raises(DeadlinePassed, match="connect"):
        await play(counted, counted.connect, counted.connected, counted.sent, 3, counted.connecting, FOREVER)
    assert (again, now()) == ([3], 8)
    counted.rest()
    counted.connecting()
    assert again == [3]


async def test_what_the_client_takes_at_once_moves_what_is_due() -> None:
    made = attempt(first_event=20, idle=10)
    content, silent = (lambda: made.passed(content=True)), (lambda: made.passed(content=False))
    with pytest.raises(DeadlinePassed, match="idle"):
        await play(made, made.connect, made.connected, made.sent, 15, content, 8, content, 6, silent, FOREVER)
    assert now() == 33


async def test_what_carries_no_content_is_not_the_first_event() -> None:
    made = attempt(first_event=20, idle=10)
    with pytest.raises(DeadlinePassed, match="first_event"):
        await play(made, made.connect, made.connected, made.sent, 15, lambda: made.passed(content=False), FOREVER)
    assert now() == 20
