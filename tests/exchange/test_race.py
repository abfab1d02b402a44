"""Two attempts side by side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from argo_relay.errors import ConnectionBroken, UpstreamError
from argo_relay.exchange.race import Race
from support.stage import FOREVER

pytestmark = pytest.mark.looptime


class Course:
    """Runs races, and notes what happened when."""

    def __init__(self) -> None:
        self.race = Race()
        self.seen: list[tuple[str, float]] = []

    def note(self, what: str) -> None:
        self.seen.append((what, asyncio.get_running_loop().time()))

    def runner(
        self, name: str, wins: float | None = None, ends: float = 0.0, error: UpstreamError | None = None
    ) -> Callable[[], Coroutine[Any, Any, None]]:
        """Return one that may win after so many seconds, and ends so many later."""

        async def run() -> None:
            self.note(f"{name} begins")
            try:
                if wins is not None:
                    await asyncio.sleep(wins)
                    self.race.win()
                    self.note(f"{name} wins")
                await asyncio.sleep(ends)
            except asyncio.CancelledError:
                self.note(f"{name} is cancelled")
                raise
            if error is not None:
                raise error
            self.note(f"{name} ends")

        return run

    async def run(self, first: Any, second: Any, after: float = 5, granted: bool = True) -> list[tuple[str, float]]:
        await self.race.run(first, second, after, lambda: granted)
        return self.seen


async def test_a_quick_first_one_runs_alone() -> None:
    course = Course()
    seen = await course.run(course.runner("a", wins=4, ends=10), course.runner("b", wins=1))
    assert seen == [("a begins", 0), ("a wins", 4), ("a ends", 14)]


async def test_a_slow_one_is_overtaken_and_cancelled_at_once() -> None:
    course = Course()
    seen = await course.run(course.runner("a", wins=60), course.runner("b", wins=1, ends=10))
    assert seen == [("a begins", 0), ("b begins", 5), ("b wins", 6), ("a is cancelled", 6), ("b ends", 16)]


async def test_a_late_first_one_still_wins() -> None:
    course = Course()
    seen = await course.run(course.runner("a", wins=6, ends=10), course.runner("b", wins=3))
    assert seen == [("a begins", 0), ("b begins", 5), ("a wins", 6), ("b is cancelled", 6), ("a ends", 16)]


async def test_both_at_the_same_moment_are_one_winner() -> None:
    course = Course()
    seen = await course.run(course.runner("a", wins=6), course.runner("b", wins=1))
    assert [what for what, _ in seen if what.endswith("wins")] in (["a wins"], ["b wins"])


async def test_without_leave_there_is_no_second() -> None:
    course = Course()
    seen = await course.run(course.runner("a", wins=60), course.runner("b", wins=1), granted=False)
    assert seen == [("a begins", 0), ("a wins", 60), ("a ends", 60)]


async def test_a_first_one_that_fails_early_is_the_callers_to_replace() -> None:
    course = Course()
    with pytest.raises(ConnectionBroken):
        await course.run(course.runner("a", ends=2, error=ConnectionBroken("cut")), course.runner("b"))
    assert course.seen == [("a begins", 0)]


async def test_when_one_fails_the_other_goes_on() -> None:
    course = Course()
    seen = await course.run(
        course.runner("a", ends=7, error=ConnectionBroken("cut")), course.runner("b", wins=10, ends=1)
    )
    assert seen == [("a begins", 0), ("b begins", 5), ("b wins", 15), ("b ends", 16)]


async def test_when_both_fail_the_last_error_comes_out() -> None:
    course = Course()
    last = ConnectionBroken("last")
    with pytest.raises(ConnectionBroken) as raised:
        await course.run(
            course.runner("a", ends=7, error=ConnectionBroken("first")), course.runner("b", ends=9, error=last)
        )
    assert raised.value is last


async def test_a_winner_that_fails_is_not_replaced() -> None:
    course = Course()
    with pytest.raises(ConnectionBroken):
        await course.run(course.runner("a", wins=6, ends=1, error=ConnectionBroken("cut")), course.runner("b", wins=60))
    assert ("b is cancelled", 6) in course.seen


async def test_who_cancels_the_race_cancels_both() -> None:
    course = Course()
    task = asyncio.create_task(course.run(course.runner("a", ends=FOREVER), course.runner("b", ends=FOREVER)))
    await asyncio.sleep(9)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert course.seen[2:] == [("a is cancelled", 9), ("b is cancelled", 9)]


async def test_the_second_runs_aside_until_the_first_has_ended() -> None:
    race, seen = Race(), list[bool]()

    async def first() -> None:
        await asyncio.sleep(3)
        seen.append(race.aside)
        raise ConnectionBroken("cut")

    async def second() -> None:
        seen.append(race.aside)
        await asyncio.sleep(5)
        seen.append(race.aside)

    await race.run(first, second, 1, lambda: True)
    assert seen == [True, False, False]
