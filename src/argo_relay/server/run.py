"""The running process: its socket, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import Final

import msgspec
import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from argo_relay.clock import Clock, SystemClock
from argo_relay.config.load import Loaded
from argo_relay.config.named import MAIN, every_upstream
from argo_relay.config.schema import Config, Upstream
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.site import Site
from argo_relay.observe.log import Sink
from argo_relay.policy.defaults import default_layer
from argo_relay.server.app import create_app
from argo_relay.server.protocol import Protocol
from argo_relay.transport.deferred import DeferredTransport
from argo_relay.transport.reach import DIRECT, Reach, reach_of
from argo_relay.upstreams.choose import address_of, upstream_of

_KEEP_ALIVE_SECONDS: Final = 75
_FAREWELL_SECONDS: Final = 2.0
"""How long replies that were ended may take to reach their clients before their connections are cut."""


class Companion(msgspec.Struct, frozen=True, kw_only=True):
    """What runs beside the relay in the same process: the simulator, started by whoever starts both."""

    running: Callable[[], AbstractAsyncContextManager[str]]
    """Starts it; gives the base URL that the relay is to use as its upstream."""
    app: ASGIApp
    path: str
    """Where the relay's own port answers with `app`, too."""


async def serve(
    loaded: Loaded,
    base_url: str,
    listening: socket.socket,
    sink: Sink,
    on_start: Callable[[], None],
    companion: Companion | None = None,
) -> None:
    """Serve until told to stop, then drain; `on_start` is called when requests are taken."""
    async with contextlib.AsyncExitStack() as stack:
        if companion is not None:
            base_url = await stack.enter_async_context(companion.running())
        # A companion is in this very process: no detour and no proxy leads to it.
        reach = DIRECT if companion else reach_of(loaded.config.upstream, os.environ, base_url)
        relay = await stack.enter_async_context(_relay(loaded, base_url, reach, sink))
        app = create_app(relay, [Route(companion.path, companion.app)] if companion else ())
        config = uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=int(loaded.config.shutdown_grace + _FAREWELL_SECONDS + 1),
        )
        await _Server(config, relay, on_start).serve([listening])


@asynccontextmanager
async def _relay(loaded: Loaded, base_url: str, reach: Reach, sink: Sink) -> AsyncIterator[Relay]:
    config, clock = loaded.config, SystemClock()
    configured = {key for key, origin in loaded.origins.items() if origin != "default"}
    async with contextlib.AsyncExitStack() as stack:
        sites = [
            await stack.enter_async_context(_site(name, row, config, clock, base_url, reach))
            for name, row in every_upstream(config).items()
        ]
        yield Relay(config, default_layer(config.timeouts, configured), sites, sink, clock)


@asynccontextmanager
async def _site(
    name: str, row: Upstream, config: Config, clock: Clock, base_url: str, reach: Reach
) -> AsyncIterator[Site]:
    """Keep one upstream's list of models fresh, and its connections until the end."""
    address = base_url if name == MAIN else address_of(row)
    transport = DeferredTransport(reach if name == MAIN else reach_of(row, os.environ, address, name))
    upstream = upstream_of(row, config.user, os.environ, address, name)
    warn = logging.getLogger("argo_relay").warning
    directory = Directory(upstream, transport, clock, config.models, config.aliases, warn)
    refreshing = asyncio.create_task(directory.keep_fresh(row.refresh))
    try:
        yield Site(name, upstream, directory, config, clock)
    finally:
        refreshing.cancel()
        directory.close()
        await transport.close()


class _Server(uvicorn.Server):
    """uvicorn, ending the way we promise: no new requests, a time of grace, then an error that says so."""

    def __init__(self, config: uvicorn.Config, relay: Relay, on_start: Callable[[], None]) -> None:
        super().__init__(config)
        self._relay = relay
        self._on_start = on_start
        self._on_terminal = sys.stderr.isatty()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._relay.stop()
        loop = asyncio.get_running_loop()
        ending = loop.call_later(self._relay.config.shutdown_grace, self._relay.end_all)
        try:
            await super().shutdown(sockets)
        finally:
            ending.cancel()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop on the first signal, at once on the second; end with exit code 0, not with the signal again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.handle_exit, number, None)
        loop.add_signal_handler(signal.SIGHUP, self._hang_up)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
                loop.remove_signal_handler(number)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to stop; told again, stop waiting."""
        if self.should_exit:
            self._relay.end_all()
            self.force_exit = True
        self.should_exit = True

    def _hang_up(self) -> None:
        """Ask the upstream again which models it has; but when our terminal is gone, stop, as everybody expects."""
        if self._on_terminal and not sys.stderr.isatty():
            self.handle_exit(signal.SIGHUP, None)
        else:
            for site in self._relay.sites.values():
                site.directory.refresh_soon()
