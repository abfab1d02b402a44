"""A transport that is loaded when it is needed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable

import pytest

from argo_relay.dialects.base import Call
from argo_relay.transport.base import Answer, Progress, Transport
from argo_relay.transport.deferred import DeferredTransport, load_aiohttp
from argo_relay.transport.reach import Reach
from support.stage import FakeUpstream, Play

CALL = Call(method="GET", url="http://upstream.example", headers=[])

REACH = Reach()


class Nobody:
    def connected(self) -> None:
        return None

    def sent(self) -> None:
        return None


class Loading:
    """Loads a fake; `gate` holds the loading thread until it may go on."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.begun = threading.Event()
        self.threads: list[int] = []
        self.made: list[Closable] = []

    def __call__(self) -> Callable[[Reach], Transport]:
        self.threads.append(threading.get_ident())
        self.begun.set()
        assert self.gate.wait(20)

        def make(reach: Reach) -> Transport:
            asyncio.get_running_loop()
            assert reach is REACH
            self.made.append(Closable())
            return self.made[-1]

        return make


class Closable(FakeUpstream):
    def __init__(self) -> None:
        super().__init__(Play())
        self.closed = 0

    async def close(self) -> None:
        self.closed += 1


async def test_it_is_loaded_once_in_a_thread_by_the_first_call_while_the_loop_goes_on() -> None:
    loading = Loading()
    transport = DeferredTransport(REACH, loading)
    assert loading.threads == []
    calls = [asyncio.create_task(transport.open(CALL, Nobody())) for _ in range(5)]
    assert await asyncio.to_thread(loading.begun.wait, 20)
    assert not any(call.done() for call in calls)
    loading.gate.set()
    await asyncio.gather(*calls)
    await transport.open(CALL, Nobody())
    assert len(loading.threads) == len(loading.made) == 1
    assert loading.threads[0] != threading.get_ident()
    assert len(loading.made[0].calls) == 6


async def test_a_caller_that_gives_up_takes_nothing_from_the_others() -> None:
    loading = Loading()
    transport = DeferredTransport(REACH, loading)
    first, second = (asyncio.create_task(transport.open(CALL, Nobody())) for _ in range(2))
    assert await asyncio.to_thread(loading.begun.wait, 20)
    first.cancel()
    loading.gate.set()
    with pytest.raises(asyncio.CancelledError):
        await first
    await second
    assert len(loading.made) == 1


async def test_a_failure_goes_to_the_caller() -> None:
    class Refusing(FakeUpstream):
        async def open(self, call: Call, progress: Progress) -> Answer:
            raise ConnectionError

    transport = DeferredTransport(REACH, lambda: lambda _: Refusing(Play()))
    with pytest.raises(ConnectionError):
        await transport.open(CALL, Nobody())


async def test_it_closes_what_it_has_made_and_nothing_else() -> None:
    loading = Loading()
    loading.gate.set()
    unused = DeferredTransport(REACH, loading)
    await unused.close()
    assert loading.threads == []
    used = DeferredTransport(REACH, loading)
    await used.open(CALL, Nobody())
    await used.close()
    assert loading.made[0].closed == 1


async def test_what_is_loaded_by_default_is_aiohttps() -> None:
    transport = load_aiohttp()(REACH)
    assert type(transport).__name__ == "AiohttpTransport"
    await transport.close()


def test_before_that_aiohttp_is_not_there() -> None:
    code = "import sys, argo_relay.transport.deferred; sys.exit('aiohttp' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=20)
