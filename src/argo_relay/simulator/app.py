"""The simulator as an ASGI application: Argo's routes, and the one that tells what happened."""

from __future__ import annotations

import json
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from argo_relay.simulator import chat, embeddings, messages, responses
from argo_relay.simulator.exchanges import Ledger
from argo_relay.simulator.models import MODELS, OFFERED, listing
from argo_relay.simulator.route import Speaking
from argo_relay.simulator.ways import TODAY, Switches, Ways
from argo_relay.simulator.wire import encode

_DIALECTS = (chat.DIALECT, messages.DIALECT, messages.COUNTING, responses.DIALECT, embeddings.DIALECT)


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")


async def _not_served(_request: Request, error: Exception) -> Response:
    """Answer in FastAPI's words: Not Found, Method Not Allowed."""
    if not isinstance(error, HTTPException):
        raise error
    response = _json({"detail": error.detail}, error.status_code)
    response.headers.update(error.headers or {})
    return response


def create_app(ways: Ways = TODAY) -> Starlette:
    """Return a simulator with a ledger of its own, which begins in these `ways`."""
    ledger, switches = Ledger(), Switches(ways)

    async def models(_request: Request) -> Response:
        return _json(listing(int(time.time()), MODELS if switches.ways.retired else OFFERED))

    async def exchanges(request: Request) -> Response:
        if request.method == "DELETE":
            return _json({"forgotten": ledger.forget()})
        return _json(ledger.shown())

    async def era(request: Request) -> Response:
        if request.method == "PUT":
            try:
                switches.change(json.loads(await request.body()))
            except ValueError as error:
                return _json({"detail": str(error)}, 400)
        return _json(switches.shown())

    app = Starlette(
        routes=[
            Route("/v1/models", models, methods=["GET"]),
            *(Route(dialect.path, Speaking(ledger, switches, dialect), methods=["POST"]) for dialect in _DIALECTS),
            Route("/simulator/exchanges", exchanges, methods=["GET", "DELETE"]),
            Route("/simulator/era", era, methods=["GET", "PUT"]),
        ],
        exception_handlers={HTTPException: _not_served},
    )
    app.router.redirect_slashes = False
    return app
