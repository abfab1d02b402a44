"""A transport that is loaded when the first call needs it.

aiohttp takes 0.2 s to import, which is half of the time that the whole process may take until it answers. A thread
imports it, so that the process answers meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from argo_relay.dialects.base import Call
from argo_relay.transport.base import Answer, Progress, Transport
from argo_relay.transport.reach import DIRECT, Reach


def load_aiohttp() -> Callable[[Reach], Transport]:
    """Import aiohttp; return what makes a transport on it inside a running event loop."""
    from argo_relay.transport.aiohttp_client import AiohttpTransport  # noqa: PLC0415 - see the module

    return AiohttpTransport


class DeferredTransport:
    """See Transport; `load` is called once, in a thread, at the first call."""

    def __init__(self, reach: Reach = DIRECT, load: Callable[[], Callable[[Reach], Transport]] = load_aiohttp) -> None:
        self._reach = reach
        self._load = load
        self._loading = asyncio.Lock()
        self._made: Transport | None = None

    async def open(self, call: Call, progress: Progress) -> Answer:
        """Send a call and return its answer; see Transport."""
        if self._made is None:
            self._made = await self._make()
        return await self._made.open(call, progress)

    async def close(self) -> None:
        """Cut all connections, if there ever were any."""
        if self._made is not None:
            await self._made.close()

    async def _make(self) -> Transport:
        async with self._loading:
            return self._made or (await asyncio.to_thread(self._load))(self._reach)
