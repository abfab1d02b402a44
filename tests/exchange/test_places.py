"""Places: in order, given back, and refused at once to who would wait in vain."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.errors import Refused
from argo_relay.exchange.places import Places

pytestmark = pytest.mark.looptime


async def hold(places: Places, seconds: float, left: float = 1000.0) -> None:
    await places.take(left)
    await asyncio.sleep(seconds)
    places.give(seconds)


def now() -> float:
    return asyncio.get_running_loop().time()


async def test_a_place_is_taken_now_only_where_nobody_waits() -> None:
    places = Places(1, "there")
    assert places.take_now()
    assert not places.take_now()
    waiting = asyncio.create_task(places.take(1000))
    await asyncio.sleep(0)
    places.give(1)
    assert not places.take_now()
    await waiting
    places.give(1)
    assert (places.take_now(), places.in_use, places.waiting) == (True, 1, 0)


async def test_without_a_limit_nobody_waits() -> None:
    places = Places(None, "there")
    await asyncio.gather(*(hold(places, 1) for _ in range(100)))
    assert (now(), places.in_use, places.waiting) == (1, 0, 0)


async def test_places_are_given_in_the_order_in_which_they_are_asked_for() -> None:
    places, order = Places(2, "there"), list[tuple[int, float]]()

    async def one(number: int) -> None:
        await places.take(1000)
        order.append((number, now()))
        await asyncio.sleep(10)
        places.give(10)

    tasks = [asyncio.create_task(one(number)) for number in range(6)]
    await asyncio.sleep(1)
    assert (places.in_use, places.waiting, places.full) == (2, 4, True)
    await asyncio.gather(*tasks)
    assert order == [(0, 0), (1, 0), (2, 10), (3, 10), (4, 20), (5, 20)]
    assert (places.in_use, places.waiting, places.full) == (0, 0, False)


async def test_who_cannot_wait_that_long_is_refused_at_once() -> None:
    places = Places(1, "at the upstream `main`")
    await hold(places, 10)
    first = asyncio.create_task(hold(places, 10))
    await asyncio.sleep(0)
    waiting = asyncio.create_task(hold(places, 10, left=11))
    await asyncio.sleep(0)
    with pytest.raises(Refused) as refused:
        await places.take(15)
    assert (refused.value.failure.status, refused.value.failure.retry_after) == (503, 5)
    assert "at the upstream `main`" in refused.value.failure.message
    await asyncio.gather(first, waiting)


async def test_as_long_as_nothing_is_known_of_the_wait_one_waits() -> None:
    places = Places(1, "there")
    tasks = [asyncio.create_task(hold(places, 10, left=0.1)) for _ in range(3)]
    await asyncio.gather(*tasks)
    assert now() == 30


@pytest.mark.parametrize("same_moment", [False, True])
async def test_who_leaves_the_line_gives_the_turn_to_the_next(same_moment: bool) -> None:
    places = Places(1, "there")
    first = asyncio.create_task(hold(places, 10))
    await asyncio.sleep(0)
    leaver, last = (asyncio.create_task(hold(places, 5)) for _ in range(2))
    await asyncio.sleep(5)
    if same_moment:
        await asyncio.sleep(5)
    leaver.cancel()
    await asyncio.gather(first, leaver, last, return_exceptions=True)
    assert leaver.cancelled()
    assert (now(), places.in_use, places.waiting) == (15, 0, 0)


async def test_a_place_given_back_in_the_moment_in_which_the_next_one_leaves_is_given_back_once() -> None:
    places = Places(2, "there")
    for _ in range(2):
        await places.take(1000)
    leaver = asyncio.create_task(hold(places, 5))
    await asyncio.sleep(0)
    # The leaver's task learns of it only after the place has been given back.
    leaver.cancel()
    places.give(5)
    await asyncio.gather(leaver, return_exceptions=True)
    assert (places.in_use, places.waiting) == (1, 0)
