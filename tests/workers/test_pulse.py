"""Silence is counted in turns of one's own."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.workers.pulse import BEATS, Pulse

pytestmark = pytest.mark.looptime


def now() -> float:
    return asyncio.get_running_loop().time()


class Watched:
    """A pulse, and when it was found to be gone."""

    def __init__(self) -> None:
        self.found: list[tuple[float, float]] = []
        self.pulse = Pulse(lambda limit: self.found.append((limit, now())))


async def test_silence_is_told_of_once_and_not_before_its_limit() -> None:
    watched = Watched()
    watched.pulse.watch(30)
    await asyncio.sleep(4.9)
    watched.pulse.heard()
    await asyncio.sleep(500)
    ((limit, moment),) = watched.found
    assert limit == 30
    assert 34.9 <= moment <= 34.9 + 30 + 30 / BEATS


async def test_silence_since_right_before_a_turn_has_its_whole_limit() -> None:
    watched = Watched()
    watched.pulse.watch(30)
    await asyncio.sleep(4.999)
    watched.pulse.heard()
    await asyncio.sleep(30)
    assert watched.found == []


async def test_who_says_something_in_time_lives() -> None:
    watched = Watched()
    watched.pulse.watch(30)
    for _ in range(100):
        await asyncio.sleep(29)
        watched.pulse.heard()
    assert watched.found == []
    watched.pulse.stop()
    await asyncio.sleep(500)
    assert watched.found == []


async def test_another_limit_takes_the_place_of_the_one_before() -> None:
    watched = Watched()
    watched.pulse.watch(60)
    await asyncio.sleep(59)
    watched.pulse.watch(6)
    await asyncio.sleep(5)
    assert watched.found == []
    await asyncio.sleep(5)
    assert watched.found == [(6, 66)]
    watched.pulse.watch(60)
    watched.pulse.watch(None)
    await asyncio.sleep(500)
    assert len(watched.found) == 1


async def test_while_this_process_stands_still_nobody_is_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Watched()
    watched.pulse.watch(30)
    # The loop finds that its time has gone on by ten minutes, as after a stop, before it has read what waits.
    loop, time = asyncio.get_running_loop(), asyncio.get_running_loop().time
    monkeypatch.setattr(loop, "time", lambda: time() + 600)
    await asyncio.sleep(5)
    assert watched.found == []
    watched.pulse.heard()
    await asyncio.sleep(29)
    assert watched.found == []
    watched.pulse.stop()
