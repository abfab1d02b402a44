"""Upstreams that are started along with the relay: the simulator, in its own process, and a local model."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from argo_relay.clock import SystemClock
from argo_relay.local.running import running as running_model
from argo_relay.local.settings import Settings
from argo_relay.local.slots import SlotsPage
from argo_relay.server.run import Companion
from argo_relay.transport.client import HttpTransport


def simulator_beside(listening: socket.socket | None = None) -> Companion:
    """Return a simulator on a socket, or on a free port of its own; the relay talks to it as to any upstream."""
    # They bring uvicorn along, which a local model does without.
    from argo_relay.simulator.app import create_app  # noqa: PLC0415
    from argo_relay.simulator.run import listen, start  # noqa: PLC0415

    app = create_app()

    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        simulator = await start(app, listening or listen("127.0.0.1", 0))
        try:
            yield simulator.base_url
        finally:
            await simulator.close()

    return Companion(running=running, app=app, path="/simulator/exchanges")


def model_beside(settings: Settings, tell: Callable[[str], object]) -> Companion:
    """Return the local model's server, in a process of its own; `tell` hears how its start goes."""
    page = SlotsPage()

    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        clock = SystemClock()
        tell(f"Loading {settings.name} ...")
        begun = clock.now()
        async with running_model(settings) as base_url:
            tell(f"{settings.name} is loaded ({clock.now() - begun:.1f} s).")
            page.base_url, page.transport = base_url, HttpTransport()
            try:
                yield base_url
            finally:
                await page.transport.close()

    return Companion(running=running, app=page, path="/local/slots")
