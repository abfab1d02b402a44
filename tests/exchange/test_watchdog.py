"""An exchange's budget and its signs of life."""

from __future__ import annotations

import pytest

from argo_relay.errors import DeadlinePassed
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.deadline import Phase, Stamps
from support.guards import dog, limits, now, play
from support.stage import FOREVER, LoopClock

pytestmark = pytest.mark.looptime


async def test_the_budget_runs_from_the_body_on_and_before_that_the_bodys_own_timer() -> None:
    watchdog = Watchdog(LoopClock(), limits(body=7, total=50))
    with pytest.raises(DeadlinePassed, match="body"):
        await play(watchdog, FOREVER)
    assert now() == 7
    watchdog, start = dog(total=50), now()
    with pytest.raises(DeadlinePassed, match="total"):
        await play(watchdog, 3, lambda: watchdog.enter(Phase.PAUSING), FOREVER)
    assert now() - start == 50
    assert (watchdog.left(), watchdog.elapsed()) == (0, 50)


async def test_a_budget_that_is_spent_waiting_for_a_place_says_so() -> None:
    watchdog = dog(total=5)
    with pytest.raises(DeadlinePassed, match="queue"):
        await play(watchdog, lambda: watchdog.enter(Phase.QUEUED), FOREVER)
    assert now() == 5


@pytest.mark.parametrize(("at_first", "then"), [(50, 4), (4, 50)])
async def test_a_limit_that_changes_on_the_way_holds(at_first: float, then: float) -> None:
    watchdog = dog(total=at_first)
    with pytest.raises(DeadlinePassed, match="total"):
        await play(watchdog, 1, lambda: watchdog.settle(limits(total=then)), FOREVER)
    assert now() == then


async def test_its_phase_is_the_newest_attempts_until_it_does_something_itself() -> None:
    watchdog, attempt = dog(), Stamps(0.0, Phase.CONNECTING)
    seen = [watchdog.phase]
    watchdog.follow(attempt)
    attempt.phase = Phase.STREAMING
    seen.append(watchdog.phase)
    watchdog.enter(Phase.PAUSING)
    assert [*seen, watchdog.phase] == [Phase.PREPARING, Phase.STREAMING, Phase.PAUSING]


async def test_heartbeats_keep_their_distance_from_whatever_was_written() -> None:
    watchdog = dog(total=500, idle=None)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    await play(watchdog, 50, watchdog.writing, watchdog.written, 40)
    assert beats == [15, 30, 45, 65, 80]


async def test_no_heartbeat_falls_into_a_write() -> None:
    watchdog = dog(total=500, idle=None)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    await play(watchdog, 10, watchdog.writing, 100, watchdog.written, 20)
    assert beats == [125]


async def test_another_speaker_keeps_the_count_of_the_silence() -> None:
    watchdog = dog(total=500)
    first: list[float] = []
    second: list[float] = []
    watchdog.beat(15, lambda: first.append(now()))
    await play(watchdog, 20, lambda: watchdog.beat(15, lambda: second.append(now())), 20)
    assert (first, second) == ([15], [30])


async def test_what_is_taken_at_once_puts_off_the_next_heartbeat() -> None:
    watchdog = dog(total=500, idle=None)
    beats: list[float] = []
    watchdog.beat(15, lambda: beats.append(now()))
    await play(watchdog, 50, lambda: watchdog.passed(now()), 40)
    assert beats == [15, 30, 45, 65, 80]
