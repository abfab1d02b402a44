"""Places at a worker, with the pool that they come from; messages take their time, as between processes."""

from __future__ import annotations

import asyncio
import random

import msgspec
import pytest

from argo_relay.errors import Refused
from argo_relay.policy.admission import Admission, stopping
from argo_relay.workers.leases import Leases, SharedAdmission
from argo_relay.workers.link import Send
from argo_relay.workers.messages import Ask, Cancel, Declined, Give, Granted, Loose, Tight
from argo_relay.workers.pool import Pool

pytestmark = pytest.mark.looptime


class House:
    """A pool, and workers that are some messages away from it."""

    def __init__(self, most: int, workers: int, lines: bool = True, chance: random.Random | None = None) -> None:
        self.most = most
        self.messages = 0
        self.used = 0
        """The most that were in use at once."""
        self._chance = chance
        self._last: dict[tuple[int, bool], float] = {}
        self.pool: Pool[int] = Pool("p", most, lines, self._down)
        self.leases = {number: Leases("p", most, "here", self._up(number)) for number in range(workers)}
        self.ever = dict(self.leases)
        """Those of workers that have died, too."""
        for number in self.leases:
            self.pool.join(number)

    def note(self) -> None:
        self.used = max(self.used, sum(leases.in_use for leases in self.leases.values()))

    def _later(self, line: tuple[int, bool], work: object, *args: object) -> None:
        """Do it soon, and after all that went the same way before."""
        loop = asyncio.get_running_loop()
        self.messages += 1
        delay = self._chance.choice([0.001, 0.002, 0.05]) if self._chance else 0.001
        when = max(loop.time() + delay, self._last.get(line, 0.0) + 1e-6)
        self._last[line] = when
        loop.call_at(when, work, *args)  # type: ignore[arg-type]

    def _down(self, worker: int, message: msgspec.Struct) -> None:
        self._later((worker, True), self._hear, worker, message)

    def _up(self, worker: int) -> Send:
        return lambda message: self._later((worker, False), self._told, worker, message)

    def _hear(self, worker: int, message: msgspec.Struct) -> None:
        leases = self.leases.get(worker)
        if leases is None:
            return
        match message:
            case Granted():
                leases.granted(message)
            case Declined():
                leases.declined(message)
            case Tight():
                leases.tighten()
            case Loose():
                leases.loosen()
        self.note()

    def _told(self, worker: int, message: msgspec.Struct) -> None:
        if worker not in self.leases:
            return
        match message:
            case Ask():
                self.pool.ask(worker, message)
            case Give():
                self.pool.give(worker, message)
            case Cancel(_, ticket):
                self.pool.cancel(worker, ticket)

    async def hold(self, worker: int, seconds: float, left: float = 1e6) -> None:
        leases = self.ever[worker]
        await leases.take(left)
        self.note()
        try:
            await asyncio.sleep(seconds)
        finally:
            leases.give(seconds)


async def settled() -> None:
    await asyncio.sleep(1)


async def test_a_place_that_is_here_is_taken_without_a_word() -> None:
    house = House(1024, 2)
    await house.hold(0, 1)
    said = house.messages
    assert house.leases[0].take_now()
    house.leases[0].give(0)
    for _ in range(50):
        await house.hold(0, 0)
    assert house.messages == said


async def test_idle_places_go_where_they_are_wanted() -> None:
    house = House(2, 2)
    await house.hold(0, 0)
    await house.hold(0, 0)
    await asyncio.gather(house.hold(1, 5), house.hold(1, 5))
    assert house.used == 2
    await settled()
    assert not house.leases[0].full


async def test_who_waits_is_served_in_order_over_all_workers() -> None:
    house, order = House(1, 2), list[int]()

    async def one(number: int) -> None:
        await asyncio.sleep(number * 0.01)
        await house.leases[number % 2].take(1000)
        order.append(number)
        await asyncio.sleep(1)
        house.leases[number % 2].give(1)

    tasks = [asyncio.create_task(one(number)) for number in range(8)]
    await asyncio.sleep(0.5)
    assert sum(leases.waiting for leases in house.leases.values()) == 7
    assert all(leases.full and not leases.take_now() for leases in house.leases.values())
    await asyncio.gather(*tasks)
    await settled()
    assert order == list(range(8))
    assert not any(leases.full for leases in house.leases.values())


async def test_who_cannot_wait_that_long_is_refused() -> None:
    house = House(1, 2)
    await house.hold(0, 10)
    first = asyncio.create_task(house.hold(0, 10))
    await asyncio.sleep(0.1)
    with pytest.raises(Refused) as refused:
        await house.leases[1].take(5)
    assert (refused.value.failure.status, refused.value.failure.code) == (503, "queue_too_long")
    assert "here" in refused.value.failure.message
    await first


async def test_one_who_leaves_gives_the_turn_to_the_next() -> None:
    house = House(1, 2)
    first = asyncio.create_task(house.hold(0, 10))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(house.hold(1, 10))
    await asyncio.sleep(0.1)
    third = asyncio.create_task(house.hold(0, 10))
    await asyncio.sleep(0.1)
    second.cancel()
    await asyncio.gather(first, third)
    assert asyncio.get_running_loop().time() < 21
    await settled()
    assert house.pool.spare + sum(leases._idle for leases in house.leases.values()) == 1


async def test_a_turn_that_comes_when_one_leaves_is_not_lost() -> None:
    said: list[msgspec.Struct] = []
    leases = Leases("p", 1, "here", said.append)
    for cancel_first in (True, False):
        waiting = asyncio.create_task(leases.take(100))
        await asyncio.sleep(0)
        ask = said.pop()
        assert isinstance(ask, Ask)
        if cancel_first:
            waiting.cancel()
        leases.granted(Granted("p", ask.ticket, 1))
        if not cancel_first:
            waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert (leases.in_use, leases.waiting, leases._idle) == (0, 0, 1)
        leases.tighten()
        assert said.pop() == Give("p", 1, None, answer=True)
        leases.loosen()
        said.clear()


async def test_a_worker_that_retires_keeps_nothing() -> None:
    house = House(4, 2)
    holding = asyncio.create_task(house.hold(0, 5))
    await asyncio.sleep(0.1)
    house.leases[0].retire()
    await holding
    await settled()
    assert house.pool.spare == 4


async def test_without_a_supervisor_all_who_wait_go_on() -> None:
    said: list[msgspec.Struct] = []
    leases = Leases("p", 1, "here", said.append)
    waiting = [asyncio.create_task(leases.take(100)) for _ in range(3)]
    await asyncio.sleep(0)
    waiting[0].cancel()
    await asyncio.sleep(0)
    leases.set_free()
    await asyncio.gather(*waiting[1:])
    assert leases.take_now()
    assert (leases.in_use, leases.full) == (3, False)
    for _ in range(3):
        leases.give(1)
    assert leases.in_use == 0


async def test_the_door_declines_the_one_too_many_and_says_so() -> None:
    said: list[msgspec.Struct] = []
    admission = SharedAdmission("door", Admission(2, 1), said.append)
    entering = asyncio.create_task(admission.admit())
    await asyncio.sleep(0)
    admission.places.granted(Granted("door", 1, 1))
    await entering
    assert admission.in_flight == 1
    refused = asyncio.create_task(admission.admit())
    await asyncio.sleep(0)
    admission.places.declined(Declined("door", 2, 0, None))
    with pytest.raises(Refused) as caught:
        await refused
    assert caught.value.failure.code == "max_in_flight"
    assert "3 requests" in caught.value.failure.message
    admission.leave()
    assert (admission.in_flight, admission.places.in_use) == (0, 0)
    await admission.admit()
    admission.stopping = True
    with pytest.raises(Refused) as caught:
        await admission.admit()
    assert caught.value.failure == stopping()


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_there_are_never_more_and_none_is_lost(seed: int) -> None:
    """Requests come, wait, leave; workers die; messages take their time."""
    chance = random.Random(seed)
    house = House(chance.choice([1, 2, 3, 10]), 3, chance=chance)
    outcomes: list[str] = []

    async def one() -> None:
        worker = chance.choice(sorted(house.leases))
        work = asyncio.create_task(house.hold(worker, chance.choice([0.0, 0.01, 0.5]), chance.choice([0.2, 3.0, 1e6])))
        done, _ = await asyncio.wait([work], timeout=chance.choice([0.001, 0.1, 1e5]))
        if not done:
            work.cancel()
        (result,) = await asyncio.gather(work, return_exceptions=True)
        outcomes.append(type(result).__name__)

    tasks = []
    for step in range(200):
        tasks.append(asyncio.create_task(one()))
        await asyncio.sleep(chance.choice([0, 0, 0.002, 0.2]))
        if step in (80, 140) and len(house.leases) > 1:
            # It dies: its requests go on here in vain, for nobody counts them.
            dead = house.leases.pop(max(house.leases))
            dead.set_free()
            house.pool.leave(max(house.leases) + 1)
    await asyncio.gather(*tasks)
    await settled()
    assert house.used <= house.most
    assert set(outcomes) <= {"NoneType", "CancelledError", "Refused"}
    assert outcomes.count("NoneType") > 50
    assert sum(leases.in_use + leases.waiting for leases in house.leases.values()) == 0
    assert house.pool.spare + sum(leases._idle for leases in house.leases.values()) == house.most
