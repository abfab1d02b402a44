"""The page of figures for Prometheus: on the relay's own port, or on one of its own in the same process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any, Final

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
_Page = Callable[[dict[str, str], Callable[..., None]], Iterable[bytes]]


def scrape_route(metrics: Metrics) -> Route:
    """Return the route of the page; its formats, compression and choice of metrics (`name[]`) are the library's."""
    page: _Page = make_wsgi_app(metrics.registry)

    async def answer(request: Request) -> Response:
        metrics.look()
        # A page of thousands of lines takes longer to write than a deadline may be late.
        return await asyncio.to_thread(_written, page, request)

    return Route(PATH, answer)


@asynccontextmanager
async def scraped(metrics: Metrics, listening: socket.socket) -> AsyncIterator[None]:
    """Serve the page, and nothing else, on a socket that listens, until the block ends."""
    app = Starlette(routes=[scrape_route(metrics)])
    server = Server(lambda client: serve_asgi(app, client), SystemClock().wall)
    await server.start([listening])
    try:
        yield
    finally:
        await server.stop(_PATIENCE_SECONDS)


def _written(page: _Page, request: Request) -> Response:
    """Have the library write the page. It speaks WSGI; what it asks of a request fits into five names."""
    status, headers = 200, dict[str, str]()

    def begin(line: str, fields: list[tuple[str, str]], _: Any = None) -> None:
        nonlocal status, headers
        status, headers = int(line.split(maxsplit=1)[0]), dict(fields)

    asked = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": PATH,
        "QUERY_STRING": request.url.query,
        "HTTP_ACCEPT": request.headers.get("accept", ""),
        "HTTP_ACCEPT_ENCODING": request.headers.get("accept-encoding", ""),
    }
    body = b"".join(page(asked, begin))
    return Response(body, status, headers)
