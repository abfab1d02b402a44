"""The running process, put together: the relay, its upstreams, what runs beside it, and the server before it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Protocol

import msgspec
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
from argo_relay.server.app import create_app
from argo_relay.server.dispatch import Dispatch
from argo_relay.server.lifecycle import Lifecycle
from argo_relay.server.serving import Server
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.reach import DIRECT, Reach, reach_of
from argo_relay.upstreams.choose import address_of, upstream_of

if TYPE_CHECKING:
    from argo_relay.observe.metrics import Metrics
    from argo_relay.observe.present import Present


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

    def started(self, lifecycle: Lifecycle) -> None:
        """Take note that requests are taken; `lifecycle` is how to end that."""
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
        server = Server(Dispatch(relay, app), relay.clock.wall)
        await Lifecycle(server, relay, on_start).run([doors.clients])


async def serve_one_of_several(loaded: Loaded, base_url: str, doors: Doors, sink: Sink, sharing: Sharing) -> None:
    """Serve as one of several processes that are one relay, until told to stop or retired."""
    async with contextlib.AsyncExitStack() as stack:
        reach = DIRECT if sharing.beside else reach_of(loaded.config.upstream, os.environ, base_url)
        relay = await stack.enter_async_context(_relay(loaded, base_url, reach, sink))
        pages = await stack.enter_async_context(sharing.join(relay))
        app = create_app(relay, [Route(path, page) for path, page in pages.items()])
        server = Server(Dispatch(relay, app), relay.clock.wall, sharing.busy)
        lifecycle = Lifecycle(server, relay, lambda: sharing.started(lifecycle), sharing.leaving)
        await lifecycle.run([doors.clients])


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
