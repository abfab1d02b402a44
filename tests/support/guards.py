"""Guards of blocks on virtual time, for tests of what ends a block early."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from argo_relay.config.schema import Timeouts
from argo_relay.exchange.guard import Guard
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.deadline import Limits, settle
from argo_relay.policy.defaults import default_layer
from support.stage import LoopClock


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


async def play(guard: Guard, *steps: float | Callable[[], object]) -> None:
    """Run a block that sleeps for each number and calls each function."""
    async with guard:
        for step in steps:
            if callable(step):
                step()
            else:
                await asyncio.sleep(step)
