"""The simulator as an ASGI application: Argo's routes, and the one that tells what happened."""

from __future__ import annotations

import json
import time
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from argo_relay.simulator import chat, embeddings, legacy, messages, responses
from argo_relay.simulator.exchanges import Ledger
from argo_relay.simulator.models import MODELS, OFFERED, listing
from argo_relay.simulator.route import Speaking
from argo_relay.simulator.ways import TODAY, Switches, Ways
from argo_relay.simulator.wire import encode

_DIALECTS = (
    chat.DIALECT,
    messages.DIALECT,
    messages.COUNTING,
    responses.DIALECT,
    embeddings.DIALECT,
    *legacy.DIALECTS,
)
_LISTS = ("/v1/models", "/api/v1/models/")
_STUBS = {
    # That there are these two is known; what they say is inferred.
    "/api/v1/resource/": {"message": "Hello from the Argo Gateway API."},
    "/api/v1/resource/health/": {"status": "healthy"},
}


def _json(value: object, status: int = 200) -> Response:
    return Response(encode(value), status, media_type="application/json")


async def _not_served(_request: Request, error: Exception) -> Response:
    """Answer in FastAPI's words: Not Found, Method Not Allowed."""
    if not isinstance(error, HTTPException):
        raise error
    response = _json({"detail": error.detail}, error.status_code)
    response.headers.update(error.headers or {})
    return response


def _described(ways: Ways) -> dict[str, Any]:
    """Return the document of the routes; its title is known, and that it had twelve of them in August 2026."""
    paths: dict[str, Any] = {path: {"get": {}} for path in (*_LISTS, *_STUBS)}
    paths |= {dialect.path: {"post": {}} for dialect in _DIALECTS if dialect.exists(ways)}
    for path, operations in paths.items():
        for operation in operations.values():
            operation |= {"summary": path, "responses": {"200": {"description": "Successful Response"}}}
    info = {"title": "Argo Gateway API", "version": "0.1.0"}
    return {"openapi": "3.1.0", "info": info, "servers": [{"url": "/argoapi"}], "paths": paths}


async def _stub(request: Request) -> Response:
    return _json(_STUBS[request.url.path])


def create_app(ways: Ways = TODAY) -> Starlette:
    """Return a simulator with a ledger of its own, which begins in these `ways`."""
    ledger, switches = Ledger(), Switches(ways)

    async def models(_request: Request) -> Response:
        return _json(listing(int(time.time()), MODELS if switches.ways.retired else OFFERED))

    async def described(_request: Request) -> Response:
        return _json(_described(switches.ways))

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
            *(Route(path, models, methods=["GET"]) for path in _LISTS),
            *(Route(path, _stub, methods=["GET"]) for path in _STUBS),
            Route("/openapi.json", described, methods=["GET"]),
            *(Route(dialect.path, Speaking(ledger, switches, dialect), methods=["POST"]) for dialect in _DIALECTS),
            Route("/simulator/exchanges", exchanges, methods=["GET", "DELETE"]),
            Route("/simulator/era", era, methods=["GET", "PUT"]),
        ],
        exception_handlers={HTTPException: _not_served},
    )
    app.router.redirect_slashes = False
    return app
