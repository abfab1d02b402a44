"""Clients that leave, 300 in each phase: the upstream stops at once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from argo_relay.observe.record import Outcome
from support.inside import Inside, full_queue, inside, leave, request

CLIENTS = 300
PROMPT = 0.1
SLACK = 3.0
"""For what must come but has no promised time; reached only when it does not come."""


async def until(true: Callable[[], bool]) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(SLACK):
        while not true():  # noqa: ASYNC110 -- counts that go down raise no event
            await asyncio.sleep(0)


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a Path for each would be garbage in what is measured


def blocks() -> int:
    """Return how many blocks of memory Python's objects take; a buffer that stays is held by objects that stay."""
    gc.collect()
    return sys.getallocatedblocks()


@asynccontextmanager
async def nothing_left(there: Inside) -> AsyncIterator[None]:
    """Run a block; afterwards tasks, open files and memory must be what they were."""
    # The first exchange loads what is loaded late, and fills caches.
    for writer in await arrive(there, request("[first_token=60]"), 1):
        await until_running(there, 1)
        writer.transport.abort()
    await until(lambda: len(there.records) == 1)
    there.records.clear()
    tasks, files, memory = len(asyncio.all_tasks()), open_files(), blocks()
    yield
    await until(lambda: len(asyncio.all_tasks()) <= tasks)
    await until(lambda: open_files() <= files)
    # A record, and what the simulator remembers of a request, stay: about 40 blocks. A leaked exchange is hundreds.
    await until(lambda: (blocks() - memory) / CLIENTS < 80)


async def until_running(there: Inside, count: int) -> None:
    """Wait until that many exchanges are under way."""
    async with asyncio.timeout(30):
        while (await there.get("/health"))["in_flight"] < count:
            pass


async def arrive(there: Inside, data: bytes, count: int = CLIENTS) -> list[asyncio.StreamWriter]:
    """Connect clients and have each send `data`."""
    writers = []
    for _ in range(count):
        _, writer = await there.connect()
        writer.write(data)
        writers.append(writer)
    return writers


UPSTREAM_PHASES = {
    "waiting": ("[headers=60] [first_token=60]", True),
    "waiting for a whole reply": ("[first_token=60]", False),
    "silent stream": ("[headers=0] [first_token=60]", True),
    "mid-stream": ("[first_token=0] [gap=0.5] [chunks=200]", True),
    "reading nothing": ("[first_token=0] [gap=0.02] [chunks=200] [size=20000]", True),
}


@pytest.mark.parametrize("phase", UPSTREAM_PHASES)
async def test_the_upstream_stops_within_100_ms(phase: str) -> None:
    prompt, stream = UPSTREAM_PHASES[phase]
    async with inside() as there, nothing_left(there):
        worst = await all_leave(there, request(prompt, stream=stream))
        assert worst < PROMPT, f"an upstream went on for {worst:.3f} s"
        await until(lambda: len(there.records) == CLIENTS)
        assert {one.outcome for one in there.records} == {Outcome.CANCELLED}


async def all_leave(there: Inside, data: bytes) -> float:
    """Have all clients arrive and leave; return the longest that the simulator worked for one that had left."""
    writers = await arrive(there, data)
    async with asyncio.timeout(30):
        while sum(one["state"] == "running" for one in await there.exchanges()) < CLIENTS:
            pass
    left = await leave(writers)
    async with asyncio.timeout(SLACK):
        while any(one["state"] == "running" for one in await there.exchanges()):
            pass
    seen = (await there.exchanges())[-CLIENTS:]
    assert [one["state"] for one in seen] == ["aborted"] * CLIENTS
    # Requests may have reached the simulator in another order than their clients leave in.
    ended = sorted(one["ended"] for one in seen)
    worst: float = max(end - start for end, start in zip(ended, left, strict=True))
    return worst


async def test_connecting_is_given_up() -> None:
    with full_queue() as base_url:
        await connecting(base_url)


async def connecting(base_url: str) -> None:
    async with inside(base_url, **{"timeouts.connect": 60.0}) as there:
        async with nothing_left(there):
            writers = await arrive(there, request())
            await until_running(there, CLIENTS)
            await leave(writers)
            await until(lambda: len(there.records) == CLIENTS)
        assert {(one.outcome, one.phase) for one in there.records} == {(Outcome.CANCELLED, "connecting")}


async def test_a_body_half_sent_reaches_no_upstream() -> None:
    async with inside() as there, nothing_left(there):
        writers = await arrive(there, request("x" * 1000, declared=5000))
        await until_running(there, CLIENTS)
        await leave(writers)
        await until(lambda: len(there.records) == CLIENTS)
        assert {(one.outcome, one.phase) for one in there.records} == {(Outcome.CANCELLED, "receiving")}
        assert len(await there.exchanges()) == 1, "only the one that warmed up"
