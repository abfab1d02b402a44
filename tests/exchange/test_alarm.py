"""Timers that outlive whom they serve."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import pytest

from argo_relay.exchange.alarm import Alarm
from support.guards import now
from support.stage import LoopClock

pytestmark = pytest.mark.looptime


def alarm(call: Callable[[], None] | None) -> Alarm:
    made = Alarm(LoopClock())
    made.call = call
    return made


async def test_it_rings_when_it_is_set_to_and_once() -> None:
    rung: list[float] = []
    made = alarm(lambda: rung.append(now()))
    made.set(5)
    assert made.rings_at == 5
    await asyncio.sleep(20)
    assert rung == [5]
    assert made.rings_at == math.inf


async def test_the_last_setting_holds() -> None:
    rung: list[float] = []
    made = alarm(lambda: rung.append(now()))
    for when in (5, 3, 9):
        made.set(when)
    await asyncio.sleep(20)
    assert rung == [9]


async def test_what_is_overdue_rings_a_millisecond_later() -> None:
    rung: list[float] = []
    await asyncio.sleep(5)
    alarm(lambda: rung.append(now())).set(2)
    await asyncio.sleep(1)
    assert rung == [5.001]


async def test_whoever_has_it_when_it_rings_hears_it_and_nobody_before() -> None:
    rung: list[str] = []
    made = alarm(lambda: rung.append("first"))
    made.set(5)
    made.call = lambda: rung.append("second")
    await asyncio.sleep(10)
    assert rung == ["second"]


async def test_one_that_nobody_has_rings_for_nobody_and_can_be_set_again() -> None:
    rung: list[float] = []
    made = alarm(None)
    made.set(5)
    await asyncio.sleep(10)
    made.call = lambda: rung.append(now())
    made.set(12)
    await asyncio.sleep(10)
    assert rung == [12]
