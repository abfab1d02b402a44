"""Which connection serves next, and which have waited for too long."""

from __future__ import annotations

import asyncio

import pytest

from argo_relay.transport import pool as module
from argo_relay.transport.connection import Connection
from argo_relay.transport.http1 import Origin
from argo_relay.transport.pool import Pool

HERE, THERE = Origin("http", "a.example", 80), Origin("https", "a.example", 443)


class Fake(Connection):
    """A connection without a socket."""

    def __init__(self, pool: Pool, origin: Origin = HERE) -> None:
        super().__init__(origin, pool)
        self.pool = pool
        self.quiet = True
        self.cuts = 0
        self.expires = self.loop.time() + 100
        pool.made(self)

    def is_quiet(self) -> bool:
        return self.quiet

    def cut(self) -> None:
        self.cuts += 1
        if self.cuts == 1:
            self.loop.call_soon(self.pool.lost, self)


async def test_the_last_used_serves_first_and_only_its_origin() -> None:
    pool = Pool()
    one, two, other = Fake(pool), Fake(pool), Fake(pool, THERE)
    for connection in (one, two, other):
        pool.idle(connection)
    assert [pool.take(HERE) for _ in range(3)] == [two, one, None]
    assert [pool.take(THERE) for _ in range(2)] == [other, None]
    await pool.close()


async def test_what_has_something_to_say_or_is_too_old_is_cut_and_not_taken() -> None:
    pool = Pool()
    fresh, old, loud = Fake(pool), Fake(pool), Fake(pool)
    for connection in (fresh, old, loud):
        pool.idle(connection)
    old.expires = old.loop.time()
    loud.quiet = False
    assert pool.take(HERE) is fresh
    assert (fresh.cuts, old.cuts, loud.cuts) == (0, 1, 1)
    await pool.close()


async def test_what_is_lost_is_not_taken() -> None:
    pool = Pool()
    one = Fake(pool)
    pool.idle(one)
    pool.lost(one)
    assert pool.take(HERE) is None
    assert pool.all == set()
    await pool.close()


async def test_how_many_wait_has_a_limit_and_the_longest_waiting_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_MOST_IDLE", 3)
    pool = Pool()
    all_of_them = [Fake(pool) for _ in range(5)]
    for connection in all_of_them:
        pool.idle(connection)
    assert [connection.cuts for connection in all_of_them] == [1, 1, 0, 0, 0]
    await pool.close()


async def test_the_old_are_swept_out_and_then_nothing_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_SWEEP_SECONDS", 0.0)
    pool = Pool()
    old, other = Fake(pool), Fake(pool, THERE)
    old.expires = other.expires = 0.0
    gone = asyncio.Event()
    lost = pool.lost

    def noted(connection: Connection) -> None:
        lost(connection)
        if not pool.all:
            gone.set()

    monkeypatch.setattr(pool, "lost", noted)
    pool.idle(old)
    pool.idle(other)
    await asyncio.wait_for(gone.wait(), 20)
    assert (old.cuts, other.cuts) == (1, 1)
    assert pool._sweep is None
    await pool.close()


async def test_the_sweep_goes_on_while_any_wait() -> None:
    pool = Pool()
    young = Fake(pool)
    pool.idle(young)
    assert pool._sweep is not None
    pool._sweep.cancel()
    pool._swept()
    assert pool._sweep is not None
    assert young.cuts == 0
    await pool.close()
    assert pool._sweep.cancelled()


async def test_closing_cuts_all_waits_for_them_and_takes_none_in() -> None:
    pool = Pool()
    one, two = Fake(pool), Fake(pool, THERE)
    pool.idle(two)
    await pool.close()
    assert (one.cuts, two.cuts, pool.all) == (1, 1, set())
    late = Fake(pool)
    assert late.cuts == 1
    await asyncio.sleep(0)
    assert pool.all == set()
    await pool.close()
