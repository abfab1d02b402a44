"""Clients that leave, 300 in each phase: the upstream stops at once, and nothing is left behind."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from argo_relay.observe.record import Outcome
from support.inside import Inside, full_queue, inside, leave, request

CLIENTS = 300
WARMING = 5
PROMPT = 0.1
TRIES = 5
"""On a machine with other work any one of them may be late."""
SLACK = 3.0
"""For what must come but has no promised time; reached only when it does not come."""


async def until(count: Callable[[], float], most: float) -> None:
    """Wait until a count has gone down to what it may be."""
    end = time.monotonic() + SLACK
    while (now := count()) > most and time.monotonic() < end:  # noqa: ASYNC110 -- counts going down raise no event
        await asyncio.sleep(0)
    assert now <= most


def open_files() -> int:
    return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 -- a Path for each would be garbage in what is measured


def blocks() -> int:
    """Return how many blocks of memory Python's objects take; a buffer that stays is held by objects that stay."""
    gc.collect()
    return sys.getallocatedblocks()


@asynccontextmanager
async def nothing_left(there: Inside, data: bytes) -> AsyncIterator[None]:
    """Run a block; afterwards tasks, open files and memory must be what they were."""
    # The first exchanges load what is loaded late, and fill caches.
    writers = await arrive(there, data, WARMING)
    await until_running(there, WARMING)
    await leave(writers)
    await until(lambda: WARMING - len(there.records), 0)
    writers.clear()
    there.records.clear()
    tasks, files, memory = len(asyncio.all_tasks()), open_files(), blocks()
    yield
    await until(lambda: len(asyncio.all_tasks()), tasks)
    await until(open_files, files)
    # A record, and what the simulator remembers of a request, stay: about 40 blocks. A leaked exchange is hundreds.
    await until(lambda: (blocks() - memory) / CLIENTS, 80)


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
    data = request(prompt, stream=stream)
    worst = SLACK
    for _ in range(TRIES):
        async with inside() as there, nothing_left(there, data):
            worst = await all_leave(there, data)
            await until(lambda: CLIENTS - len(there.records), 0)
            assert {one.outcome for one in there.records} == {Outcome.CANCELLED}
        if worst < PROMPT:
            break
    assert worst < PROMPT, f"an upstream went on for {worst:.3f} s"


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
        async with nothing_left(there, request()):
            writers = await arrive(there, request())
            await until_running(there, CLIENTS)
            await leave(writers)
            await until(lambda: CLIENTS - len(there.records), 0)
        assert {(one.outcome, one.phase) for one in there.records} == {(Outcome.CANCELLED, "connecting")}


async def test_a_body_half_sent_reaches_no_upstream() -> None:
    data = request("x" * 1000, declared=5000)
    async with inside() as there, nothing_left(there, data):
        writers = await arrive(there, data)
        await until_running(there, CLIENTS)
        await leave(writers)
        await until(lambda: CLIENTS - len(there.records), 0)
        assert {(one.outcome, one.phase) for one in there.records} == {(Outcome.CANCELLED, "receiving")}
        assert await there.exchanges() == []
