"""What ends a block early: which reason comes out, alone and with one guard inside another."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from argo_relay.errors import ClientLeft, ConnectionBroken, DeadlinePassed, Refused, RelayError
from argo_relay.exchange.alarm import Alarm
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.admission import stopping
from argo_relay.policy.deadline import Phase
from support.guards import dog, later, limits, now
from support.stage import FOREVER, LoopClock

pytestmark = pytest.mark.looptime


async def test_a_block_that_ends_in_time_is_left_alone() -> None:
    watchdog = dog(total=5)
    async with watchdog:
        await asyncio.sleep(4.9)
    assert watchdog.reason is None
    await asyncio.sleep(10)


@pytest.mark.parametrize("reason", [ClientLeft(), Refused(stopping()), DeadlinePassed("total")])
async def test_a_reason_comes_out_of_the_block_as_it_is(reason: RelayError) -> None:
    watchdog = dog()
    later(2, lambda: watchdog.interrupt(reason))
    with pytest.raises(RelayError) as raised:
        async with watchdog:
            await asyncio.sleep(FOREVER)
    assert raised.value is reason
    assert now() == 2
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0, "the task is as it was"


async def test_the_first_reason_counts() -> None:
    watchdog = dog(total=3)
    later(3, lambda: watchdog.interrupt(ClientLeft()))
    later(2, lambda: watchdog.interrupt(Refused(stopping())))
    later(2, lambda: watchdog.interrupt(ClientLeft()))
    with pytest.raises(Refused):
        async with watchdog:
            await asyncio.sleep(FOREVER)
    assert isinstance(watchdog.reason, Refused)


async def test_the_clean_up_after_a_reason_is_not_interrupted_again() -> None:
    watchdog = dog(total=3)
    later(2, lambda: watchdog.interrupt(ClientLeft()))

    async def run() -> None:
        async with watchdog:
            try:
                await asyncio.sleep(FOREVER)
            finally:
                await asyncio.sleep(10)
                watchdog.enter(Phase.WAITING)
                await asyncio.sleep(10)

    with pytest.raises(ClientLeft):
        await run()
    assert now() == 22


async def test_after_the_block_nothing_happens() -> None:
    watchdog = dog(total=5)
    async with watchdog:
        watchdog.beat(1, lambda: pytest.fail("a heartbeat after the end"))
    watchdog.interrupt(ClientLeft())
    watchdog.enter(Phase.WAITING)
    watchdog.written()
    await asyncio.sleep(10)
    assert watchdog.reason is None


async def test_before_the_block_nothing_happens() -> None:
    watchdog = dog()
    watchdog.interrupt(ClientLeft())
    async with watchdog:
        await asyncio.sleep(1)


async def test_a_cancellation_from_outside_stays_one() -> None:
    async def run() -> None:
        async with dog():
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()


@pytest.mark.parametrize("first", ["outside", "reason"])
async def test_a_cancellation_from_outside_wins_over_a_reason(first: str) -> None:
    watchdog = dog()

    async def run() -> None:
        async with watchdog:
            await asyncio.sleep(FOREVER)

    task = asyncio.create_task(run())
    await asyncio.sleep(1)
    both: list[Callable[[], object]] = [task.cancel, lambda: watchdog.interrupt(ClientLeft())]
    for one in both if first == "outside" else reversed(both):
        one()
    with pytest.raises(asyncio.CancelledError):
        await task


@pytest.mark.parametrize("last", [None, ConnectionBroken("it broke")])
async def test_a_cancellation_from_outside_is_not_lost_when_the_block_ends_at_that_very_moment(
    last: Exception | None,
) -> None:
    watchdog = dog()

    async def run() -> None:
        async with watchdog:
            task = asyncio.current_task()
            assert task is not None
            watchdog.interrupt(ClientLeft())
            task.cancel()
            if last is not None:
                raise last

    with pytest.raises(asyncio.CancelledError):
        await asyncio.create_task(run())


async def test_a_reason_at_the_very_end_of_the_block_still_comes_out() -> None:
    watchdog = dog()
    with pytest.raises(ClientLeft):
        async with watchdog:
            watchdog.interrupt(ClientLeft())
    await asyncio.sleep(1)


async def test_a_reason_comes_out_though_something_inside_swallowed_the_cancellation() -> None:
    watchdog = dog()
    later(1, lambda: watchdog.interrupt(ClientLeft()))

    async def run() -> None:
        async with watchdog:
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                await asyncio.sleep(5)

    with pytest.raises(ClientLeft):
        await run()
    assert now() == 6
    await asyncio.sleep(1)


async def test_a_reason_goes_before_the_error_that_it_caused() -> None:
    watchdog = dog()
    later(1, lambda: watchdog.interrupt(ClientLeft()))

    async def run() -> None:
        async with watchdog:
            try:
                await asyncio.sleep(FOREVER)
            except asyncio.CancelledError:
                raise ConnectionBroken("cut") from None

    with pytest.raises(ClientLeft):
        await run()


async def test_an_error_of_the_blocks_own_comes_out_as_it_is() -> None:
    error = ConnectionBroken("cut")
    with pytest.raises(ConnectionBroken) as raised:
        async with dog():
            raise error
    assert raised.value is error


@pytest.mark.parametrize("inner_first", [True, False])
async def test_of_two_guards_each_takes_its_own_reason(inner_first: bool) -> None:
    outer, inner = dog(), dog()
    first, second = (inner, outer) if inner_first else (outer, inner)
    later(1, lambda: first.interrupt(ClientLeft()))
    later(2, lambda: second.interrupt(DeadlinePassed("total")))
    seen: list[float] = []

    async def run() -> None:
        async with outer:
            try:
                async with inner:
                    await asyncio.sleep(FOREVER)
            except ClientLeft:
                seen.append(now())
            await asyncio.sleep(FOREVER)

    with pytest.raises(DeadlinePassed if inner_first else ClientLeft):
        await run()
    assert (seen, now()) == (([1], 2) if inner_first else ([], 1))


async def test_of_two_guards_that_are_interrupted_at_once_the_outer_one_wins() -> None:
    outer, inner = dog(), dog()
    later(1, lambda: inner.interrupt(DeadlinePassed("idle")))
    later(1, lambda: outer.interrupt(ClientLeft()))

    async def run() -> None:
        async with outer, inner:
            await asyncio.sleep(FOREVER)

    with pytest.raises(ClientLeft):
        await run()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_blocks_one_after_the_other_set_no_timer_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    times: list[float] = []
    real = Alarm.set

    def noted(alarm: Alarm, when: float) -> None:
        times.append(when)
        real(alarm, when)

    monkeypatch.setattr(Alarm, "set", noted)
    alarms: list[Alarm] = []
    for _ in range(100):
        async with Watchdog(LoopClock(), limits(body=10), alarms):
            await asyncio.sleep(1)
    # Once in each time that is allowed, about, and not once a block.
    assert 10 <= len(times) <= 12
    assert len(alarms) == 1


async def test_there_are_as_many_timers_as_blocks_at_one_time() -> None:
    alarms: list[Alarm] = []
    for _ in range(3):
        async with Watchdog(LoopClock(), limits(), alarms), Watchdog(LoopClock(), limits(), alarms):
            assert not alarms
    assert len(set(alarms)) == len(alarms) == 2
    assert [one.call for one in alarms] == [None, None]


async def test_a_timer_that_was_set_for_another_block_does_not_end_this_one_before_its_time() -> None:
    alarms: list[Alarm] = []
    async with Watchdog(LoopClock(), limits(body=3), alarms):
        await asyncio.sleep(1)
    with pytest.raises(DeadlinePassed, match="body"):
        async with Watchdog(LoopClock(), limits(body=50), alarms):
            await asyncio.sleep(FOREVER)
    assert now() == 51
