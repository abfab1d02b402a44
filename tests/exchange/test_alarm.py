"""Timers that outlive whom they serve."""

from __future__ import annotations

import asyncio
import math

import pytest

from argo_relay.exchange.alarm import Alarms
from support.guards import now
from support.stage import LoopClock

pytestmark = pytest.mark.looptime


async def test_it_rings_when_it_is_set_to_and_once() -> None:
    rung: list[float] = []
    alarm = Alarms(LoopClock()).take(lambda: rung.append(now()))
    alarm.set(5)
    await asyncio.sleep(20)
    assert rung == [5]
    assert alarm.rings_at == math.inf


async def test_the_last_setting_holds() -> None:
    rung: list[float] = []
    alarm = Alarms(LoopClock()).take(lambda: rung.append(now()))
    for when in (5, 3, 9):
        alarm.set(when)
    await asyncio.sleep(20)
    assert rung == [9]


async def test_what_is_overdue_rings_a_millisecond_later() -> None:
    rung: list[float] = []
    await asyncio.sleep(5)
    Alarms(LoopClock()).take(lambda: rung.append(now())).set(2)
    await asyncio.sleep(1)
    assert rung == [5.001]


async def test_the_next_to_take_it_finds_it_set_and_nobody_before_hears_it() -> None:
    alarms, rung = Alarms(LoopClock()), list[str]()
    first = alarms.take(lambda: rung.append("first"))
    first.set(5)
    alarms.give(first)
    second = alarms.take(lambda: rung.append("second"))
    assert second is first
    assert second.rings_at == 5
    await asyncio.sleep(10)
    assert rung == ["second"]


async def test_one_that_nobody_has_rings_for_nobody() -> None:
    alarms = Alarms(LoopClock())
    alarm = alarms.take(lambda: pytest.fail("it is nobody's"))
    alarm.set(5)
    alarms.give(alarm)
    await asyncio.sleep(10)
    assert alarms.take(lambda: None).rings_at == math.inf


async def test_as_many_as_are_had_at_one_time() -> None:
    alarms = Alarms(LoopClock())
    one, other = alarms.take(lambda: None), alarms.take(lambda: None)
    assert one is not other
    alarms.give(one)
    alarms.give(other)
    assert [alarms.take(lambda: None), alarms.take(lambda: None)] == [other, one]
