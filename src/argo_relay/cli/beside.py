"""The simulator in the relay's own process, for `serve --simulate`."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from argo_relay.server.run import Companion
from argo_relay.simulator.app import create_app
from argo_relay.simulator.run import listen, start


def simulator_beside(listening: socket.socket | None = None) -> Companion:
    """Return a simulator on a socket, or on a free port of its own; the relay talks to it as to any upstream."""
    app = create_app()

    @asynccontextmanager
    async def running() -> AsyncIterator[str]:
        simulator = await start(app, listening or listen("127.0.0.1", 0))
        try:
            yield simulator.base_url
        finally:
            await simulator.close()

    return Companion(running=running, app=app, path="/simulator/exchanges")
