"""The running process: its socket, its signals, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from types import FrameType
from typing import TYPE_CHECKING, Final, Protocol

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
from argo_relay.observe.log import Sink, every
from argo_relay.policy.defaults import default_layer
from argo_relay.server.accept import Acceptor
from argo_relay.server.app import create_app
from argo_relay.server.plain import plain
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.reach import DIRECT, Reach, reach_of
from argo_relay.upstreams.choose import address_of, upstream_of

if TYPE_CHECKING:
    from argo_relay.observe.metrics import Metrics
    from argo_relay.observe.present import Present

_FAREWELL_SECONDS: Final = 2.0
"""How long replies that were ended may take to reach their clients before their connections are cut."""

_LOOK_SECONDS: Final = 0.1
_IDLE_SECONDS: Final = 1.0
"""For how long a connection is idle before a process that retires closes it."""


class Doors(msgspec.Struct, frozen=True, kw_only=True):
    """The sockets that listen: for clients, and for whoever reads figures on a port of their own."""

    clients: socket.socket
    figures: socket.socket | None = None


class Companion(msgspec.Struct, frozen=True, kw_only=True):
    """What runs beside the relay in the same process: the simulator, started by whoever starts both."""

    running: Callable[[], AbstractAsyncContextManager[str]]
    """Starts it; gives the base URL that the relay is to use as its upstream."""
    app: ASGIApp
    path: str
    """Where the relay's own port answers with `app`, too."""


class Sharing(Protocol):
    """What a process shares with others that are the same relay: the room `workers` has it."""

    beside: str | None
    """The path of the page of what was started along with the relay; None: nothing was."""

    def join(self, relay: Relay) -> AbstractAsyncContextManager[Mapping[str, ASGIApp]]:
        """Share the relay's limits, lists and figures while the block runs; give pages to be had of others, by path."""
        ...

    def started(self, server: SharedServer) -> None:
        """Take note that requests are taken; `server` is how to end that."""
        ...

    def busy(self, connections: int) -> bool:
        """Take note of how many connections there are; say whether another process has fewer."""
        ...

    def leaving(self) -> None:
        """Take note that no more requests are taken."""
        ...


async def serve(
    loaded: Loaded,
    base_url: str,
    doors: Doors,
    sink: Sink,
    on_start: Callable[[], None],
    companion: Companion | None = None,
) -> None:
    """Serve until told to stop, then drain; `on_start` is called when requests are taken."""
    metrics = _metrics(loaded.config)
    if metrics is not None:
        sink = every(sink, metrics.note)
    async with contextlib.AsyncExitStack() as stack:
        if companion is not None:
            base_url = await stack.enter_async_context(companion.running())
        # A companion is in this very process: no detour and no proxy leads to it.
        reach = DIRECT if companion else reach_of(loaded.config.upstream, os.environ, base_url)
        relay = await stack.enter_async_context(_relay(loaded, base_url, reach, sink))
        await stack.enter_async_context(_kept_fresh(relay))
        extra = [Route(companion.path, companion.app)] if companion else []
        if metrics is not None:
            extra += await stack.enter_async_context(_figures(metrics, relay, doors))
        app = create_app(relay, extra)
        settings = plain(app, loaded.config.shutdown_grace + _FAREWELL_SECONDS + 1)
        await _Server(settings, relay, on_start).serve([doors.clients])


async def serve_one_of_several(loaded: Loaded, base_url: str, doors: Doors, sink: Sink, sharing: Sharing) -> None:
    """Serve as one of several processes that are one relay, until told to stop or retired."""
    config = loaded.config
    async with contextlib.AsyncExitStack() as stack:
        reach = DIRECT if sharing.beside else reach_of(config.upstream, os.environ, base_url)
        relay = await stack.enter_async_context(_relay(loaded, base_url, reach, sink))
        pages = await stack.enter_async_context(sharing.join(relay))
        app = create_app(relay, [Route(path, page) for path, page in pages.items()])
        settings = plain(app, config.shutdown_grace + _FAREWELL_SECONDS + 1)
        await SharedServer(settings, relay, sharing).serve([doors.clients])


def _metrics(config: Config) -> Metrics | None:
    """Return what keeps the figures, where anybody is to read them."""
    if config.metrics.port is None and not config.metrics.on_client_port:
        return None
    from argo_relay.observe.metrics import Metrics  # noqa: PLC0415 - its library takes 30 ms to import

    return Metrics()


@asynccontextmanager
async def _figures(metrics: Metrics, relay: Relay, doors: Doors) -> AsyncIterator[list[Route]]:
    """Let the figures be read while the block runs; give the routes that the clients' port has of them."""
    from argo_relay.server.scrape import Figures, scrape_route, scraped  # noqa: PLC0415 - the same library

    metrics.watch(_present(relay))
    figures = Figures(metrics)
    async with contextlib.AsyncExitStack() as stack:
        if doors.figures is not None:
            await stack.enter_async_context(scraped(figures, doors.figures))
        yield [scrape_route(figures)] if relay.config.metrics.on_client_port else []


def _present(relay: Relay) -> Present:
    """Say where the figures of the moment are."""
    from argo_relay.observe.present import Breaker, Places, Present  # noqa: PLC0415 - the same library

    sites = relay.sites.values()

    return Present(
        in_flight=lambda: relay.admission.in_flight,
        waiting=lambda: relay.places.waiting,
        losses=relay.losses.shown,
        places=lambda: [Places(site.name, site.places.in_use, site.places.waiting) for site in sites],
        breakers=lambda: [Breaker(site.name, model, state) for site in sites for model, state in site.states().items()],
        lists=relay.lists,
    )


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
async def _kept_fresh(relay: Relay) -> AsyncIterator[None]:
    """Keep the upstreams' lists of models fresh while the block runs."""
    refreshing = [asyncio.create_task(looking) for looking in relay.keeping_fresh()]
    try:
        yield
    finally:
        for one in refreshing:
            one.cancel()


@asynccontextmanager
async def _site(
    name: str, row: Upstream, config: Config, clock: Clock, base_url: str, reach: Reach
) -> AsyncIterator[Site]:
    """Keep one upstream's connections until the end."""
    address = base_url if name == MAIN else address_of(row)
    transport = HttpTransport(reach if name == MAIN else reach_of(row, os.environ, address, name))
    upstream = upstream_of(row, config.user, os.environ, address, name)

    def warn(what: str) -> None:
        logging.getLogger("argo_relay").warning("%s", what if name == MAIN else f"{name}: {what}")

    directory = Directory(upstream, transport, clock, config.models, config.aliases, warn)
    try:
        yield Site(name, upstream, directory, config, clock)
    finally:
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


class SharedServer(_Server):
    """A server on a socket that other processes serve, too; it can go without anybody noticing."""

    def __init__(self, config: uvicorn.Config, relay: Relay, sharing: Sharing) -> None:
        super().__init__(config, relay, lambda: sharing.started(self))
        self._sharing = sharing

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Take connections one by one."""
        await super().startup([])
        self.servers += [Acceptor(one, self._protocol, self._others) for one in sockets or []]  # type: ignore[misc]

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End as promised, and say so."""
        self._sharing.leaving()
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Tell how many connections there are, now and then: they end by themselves."""
        self._sharing.busy(len(self.server_state.connections))
        return await super().on_tick(counter)

    async def retire(self) -> None:
        """Leave what comes to the other processes, and end when all that is here has ended by itself.

        A connection is closed after its next reply, which says so, or when it has been idle for a while: if it were
        closed at once, a request might just be on its way.
        """
        for one in self.servers:
            one.close()
        self.config.encoded_headers.append((b"connection", b"close"))
        self.server_state.default_headers = [*self.server_state.default_headers, (b"connection", b"close")]
        idle: dict[object, int] = {}
        while self.server_state.connections:
            await asyncio.sleep(_LOOK_SECONDS)
            idle = {one: idle.get(one, 0) + 1 for one in self.server_state.connections if getattr(one, "idle", False)}
            for connection in [one for one, looks in idle.items() if looks * _LOOK_SECONDS > _IDLE_SECONDS]:
                connection.shutdown()  # type: ignore[attr-defined]
        self.should_exit = True

    def _others(self) -> bool:
        return self._sharing.busy(len(self.server_state.connections))

    def _protocol(self) -> asyncio.Protocol:
        made: asyncio.Protocol = self.config.http_protocol_class(
            config=self.config, server_state=self.server_state, app_state=self.lifespan.state
        )  # type: ignore[call-arg]
        return made
