"""The relay's server from first to last: until a signal, then a time of grace, then an error that says so."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Final

from argo_relay.exchange.relay import Relay
from argo_relay.server.serving import Server
from argo_relay.server.signals import heeding_signals

_FAREWELL_SECONDS: Final = 2.0
"""How long replies that were ended may take to reach their clients before their connections are cut."""


def _nothing() -> None:
    return None


class Lifecycle:
    """Runs a server for a relay."""

    def __init__(
        self, server: Server, relay: Relay, on_start: Callable[[], None], on_stop: Callable[[], None] = _nothing
    ) -> None:
        """`on_start` is called when requests are taken, `on_stop` when no more are."""
        self._server = server
        self._relay = relay
        self._on_start = on_start
        self._on_stop = on_stop
        self._told = asyncio.Event()

    @property
    def stops(self) -> bool:
        """Whether it has been told to stop."""
        return self._told.is_set()

    async def run(self, sockets: list[socket.socket]) -> None:
        """Serve on sockets that listen until told to stop, then drain."""
        with heeding_signals(self.stop, self._look_again):
            await self._server.start(sockets)
            self._on_start()
            await self._told.wait()
            await self._drain()

    def stop(self) -> None:
        """Begin to stop; told again, stop waiting."""
        if self.stops:
            self._relay.end_all()
            self._server.hurry()
        self._told.set()

    async def retire(self) -> None:
        """Leave what comes to other processes, and stop when all that is here has ended by itself."""
        await self._server.retire()
        if not self.stops:
            self.stop()

    async def _drain(self) -> None:
        self._on_stop()
        grace = self._relay.config.shutdown_grace
        self._relay.stop()
        ending = asyncio.get_running_loop().call_later(grace, self._relay.end_all)
        try:
            await self._server.stop(grace + _FAREWELL_SECONDS)
        finally:
            ending.cancel()

    def _look_again(self) -> None:
        """Ask the upstreams again which models they have."""
        for site in self._relay.sites.values():
            site.directory.refresh_soon()
