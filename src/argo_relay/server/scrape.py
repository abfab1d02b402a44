"""The page of figures for Prometheus: on the relay's own port, or on one of its own in the same process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from prometheus_client import make_wsgi_app
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from argo_relay.clock import SystemClock
from argo_relay.observe.metrics import Metrics
from argo_relay.server.bridge import serve_asgi
from argo_relay.server.serving import Server

PATH: Final = "/metrics"
_PATIENCE_SECONDS: Final = 1.0
_Write = Callable[[dict[str, str], Callable[..., None]], Iterable[bytes]]


class Page(NamedTuple):
    """The page as it is sent."""

    status: int
    headers: dict[str, str]
    body: bytes


class Figures:
    """Writes the page; its formats, compression and choice of metrics (`name[]`) are the library's."""

    def __init__(self, metrics: Metrics, gather: Callable[[], Awaitable[object]] | None = None) -> None:
        """`gather` is awaited before each page: what other processes know has to be asked for."""
        self._metrics = metrics
        self._gather = gather
        self._write: _Write = make_wsgi_app(metrics.registry)

    async def page(self, query: str, accept: str, encoding: str) -> Page:
        """Return the page for a request with this query, `Accept` and `Accept-Encoding`."""
        if self._gather is not None:
            await self._gather()
        self._metrics.look()
        asked = {
            "REQUEST_METHOD": "GET",
            "PATH_INFO": PATH,
            "QUERY_STRING": query,
            "HTTP_ACCEPT": accept,
            "HTTP_ACCEPT_ENCODING": encoding,
        }
        # A page of thousands of lines takes longer to write than a deadline may be late.
        return await asyncio.to_thread(_written, self._write, asked)


def scrape_route(figures: Figures) -> Route:
    """Return the route of the page."""

    async def answer(request: Request) -> Response:
        asked = request.headers
        page = await figures.page(request.url.query, asked.get("accept", ""), asked.get("accept-encoding", ""))
        return Response(page.body, page.status, page.headers)

    return Route(PATH, answer)


@asynccontextmanager
async def scraped(figures: Figures, listening: socket.socket) -> AsyncIterator[None]:
    """Serve the page, and nothing else, on a socket that listens, until the block ends."""
    app = Starlette(routes=[scrape_route(figures)])
    server = Server(lambda client: serve_asgi(app, client), SystemClock().wall)
    await server.start([listening])
    try:
        yield
    finally:
        await server.stop(_PATIENCE_SECONDS)


def _written(write: _Write, asked: dict[str, str]) -> Page:
    """Have the library write the page. It speaks WSGI; what it asks of a request fits into five names."""
    status, headers = 200, dict[str, str]()

    def begin(line: str, fields: list[tuple[str, str]], _: Any = None) -> None:
        nonlocal status, headers
        status, headers = int(line.split(maxsplit=1)[0]), dict(fields)

    body = b"".join(write(asked, begin))
    return Page(status, headers, body)
