"""The one thing that ends an exchange early: which reason comes out, and what it costs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from argo_relay.config.schema import Timeouts
from argo_relay.errors import ClientLeft, ConnectionBroken, DeadlinePassed, Refused, RelayError
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.admission import stopping
from argo_relay.policy.deadline import Limits, Phase, settle
from argo_relay.policy.defaults import default_layer
from support.stage import FOREVER, LoopClock

pytestmark = pytest.mark.looptime


def limits(**timeouts: Any) -> Limits:
    return settle([default_layer(Timeouts(**timeouts), frozenset())], 3600)


def dog(**timeouts: Any) -> Watchdog:
    """Return a watchdog of an exchange whose body has been read."""
    made = Watchdog(LoopClock(), limits(**timeouts))
    made.received()
    return made


def now() -> float:
    return asyncio.get_running_loop().time()


def later(seconds: float, call: Callable[[], object]) -> None:
    asyncio.get_running_loop().call_later(seconds, call)


async def play(watchdog: Watchdog, *steps: float | Callable[[], object]) -> None:
    """Run a block that sleeps for each number and calls each function."""
    async with watchdog:
        for step in steps:
            if callable(step):
                step()
            else:
                await asyncio.sleep(step)


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


async def test_the_timers_in_their_phases() -> None:
    watchdog = Watchdog(LoopClock(), limits(body=7, total=50, connect=5, first_event=20, idle=9))
    with pytest.raises(DeadlinePassed, match="body"):
        await play(watchdog, FOREVER)
    assert now() == 7

    watchdog, start = dog(total=50, connect=5), now()
    with pytest.raises(DeadlinePassed, match="connect"):
        await play(watchdog, 3, lambda: watchdog.enter(Phase.CONNECTING), FOREVER)
    assert now() - start == 8

    watchdog, start = dog(total=50, connect=5, first_event=20), now()
    connecting = (lambda: watchdog.enter(Phase.CONNECTING), 1, watchdog.connected, 10, watchdog.sent)
    with pytest.raises(DeadlinePassed, match="first_event"):
        await play(watchdog, *connecting, FOREVER)
    assert now() - start == 31


@pytest.mark.parametrize(("at_first", "then"), [(50, 4), (4, 50)])
async def test_a_limit_that_changes_on_the_way_holds(at_first: float, then: float) -> None:
    watchdog = dog(total=at_first, connect=100)

    def change() -> None:
        watchdog.limits = limits(total=then, connect=100)
        watchdog.enter(Phase.CONNECTING)

    with pytest.raises(DeadlinePassed, match="total"):
        await play(watchdog, 1, change, FOREVER)
    assert now() == then


async def test_while_the_client_is_written_to_the_upstream_is_not_silent() -> None:
    watchdog = dog(total=500, idle=10)
    with pytest.raises(DeadlinePassed, match="idle"):
        await play(watchdog, watchdog.content, watchdog.writing, 100, watchdog.written, FOREVER)
    assert now() == 110


async def test_but_the_total_goes_on() -> None:
    watchdog = dog(total=50, idle=10)
    with pytest.raises(DeadlinePassed, match="total"):
        await play(watchdog, watchdog.content, watchdog.writing, FOREVER)
    assert now() == 50
    assert (watchdog.left(), watchdog.elapsed()) == (0, 50)


async def test_reading_arms_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()
    watchdog = dog(total=500, idle=10)
    armed = 0
    real = loop.call_later

    def counting(delay: float, call: Callable[..., object], *rest: Any, **more: Any) -> asyncio.TimerHandle:
        nonlocal armed
        armed += call == watchdog._fire
        return real(delay, call, *rest, **more)

    monkeypatch.setattr(loop, "call_later", counting)
    async with watchdog:
        watchdog.enter(Phase.CONNECTING)
        watchdog.connected()
        watchdog.sent()
        watchdog.beat(15, lambda: pytest.fail("it was never silent for so long"))
        before = armed
        for _ in range(1000):
            await asyncio.sleep(0.1)
            watchdog.content()
            watchdog.writing()
            watchdog.written()
        # 100 seconds: the timer wakes up about once in each time of silence that is allowed, not once a read.
        assert armed - before <= 12
    assert before <= 4


async def test_heartbeats_keep_their_distance_from_whatever_was_written() -> None:
    watchdog = dog(total=500, idle=None)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    await play(watchdog, watchdog.sent, 50, watchdog.writing, watchdog.written, 40)
    assert beats == [15, 30, 45, 65, 80]


async def test_no_heartbeat_falls_into_a_write() -> None:
    watchdog = dog(total=500, idle=None)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    await play(watchdog, watchdog.sent, 10, watchdog.writing, 100, watchdog.written, 20)
    assert beats == [125]


async def test_a_heartbeat_is_no_sign_of_the_upstreams() -> None:
    watchdog = dog(total=500, idle=40)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    with pytest.raises(DeadlinePassed, match="idle"):
        await play(watchdog, watchdog.content, FOREVER)
    assert now() == 40
    assert beats == [15, 30]
