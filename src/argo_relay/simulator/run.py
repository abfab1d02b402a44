"""Serves the simulator: in a loop that already runs (`serve --simulate`), or as a program of its own."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from argo_relay.simulator.app import create_app
from argo_relay.simulator.ways import Ways

_CLOSING = 0.5
"""Seconds that requests get to notice that their connections are gone."""

# Outside the tree of loggers, where no configuration reaches it.
_SILENT = logging.Logger("simulator", logging.CRITICAL + 1)  # noqa: LOG001


class _QuietProtocol(HttpToolsProtocol):
    """Says nothing when a reply is cut: uvicorn's logger is shared with every other server in the process."""

    def __init__(self, *positional: Any, **named: Any) -> None:
        super().__init__(*positional, **named)
        self.logger = _SILENT
        self.access_log = False


class Running:
    """A simulator that accepts requests until it is closed."""

    def __init__(self, server: uvicorn.Server, address: tuple[str, int]) -> None:
        self._server = server
        self._clock = asyncio.create_task(server.main_loop(), name="simulator")
        self.host, self.port = address

    @property
    def base_url(self) -> str:
        """Return what an upstream's `base_url` has to be."""
        return base_url(self.host, self.port)

    async def close(self) -> None:
        """Stop within a second: running replies are cut, and noted as aborted."""
        self._clock.cancel()
        for listener in self._server.servers:
            listener.close()
        state = self._server.server_state
        for connection in list(state.connections):
            if connection.transport is not None:
                connection.transport.abort()
        tasks = [self._clock, *state.tasks]
        _, late = await asyncio.wait(tasks, timeout=_CLOSING)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=_CLOSING)


def base_url(host: str, port: int) -> str:
    """Return the URL of an address, IPv6 in its brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def start(app: Starlette, sock: socket.socket) -> Running:
    """Serve `app` on a bound socket within the running loop, without signal handlers and without a word."""
    config = uvicorn.Config(
        app,
        http=_QuietProtocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=75,
    )
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    host, port = sock.getsockname()[:2]
    await server.startup(sockets=[sock])
    return Running(server, (host, port))


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens, port 0 picking a free one; OSError says why not."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host, port), family=family, backlog=2048)


async def _until_stopped(sock: socket.socket, ways: Ways, listening: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):  # Windows: there Ctrl-C ends the loop by itself
            loop.add_signal_handler(name, stop.set)
    running = await start(create_app(ways), sock)
    try:
        listening(running.base_url)
        await stop.wait()
    finally:
        await running.close()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop


def run(host: str, port: int, ways: Ways, listening: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT; `listening` hears the base URL once requests are accepted.

    Raises OSError when the address cannot be used.
    """
    sock = listen(host, port)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner, contextlib.suppress(KeyboardInterrupt):
        runner.run(_until_stopped(sock, ways, listening))
