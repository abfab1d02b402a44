"""The ASGI application: routes, the gate before them, and errors that keep the dialect's shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from argo_relay.errors import Refused
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import request_id_of
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.access import check_key, check_origin
from argo_relay.policy.identity import door_keys
from argo_relay.server.asgi_client import headers_of
from argo_relay.server.paths import dialect_at
from argo_relay.server.responses import error_response, request_id_header
from argo_relay.server.routes import routes

_TOLD: Final = (
    "retry-after",
    "x-attempts",
    "x-losses",
    "x-model",
    "x-rejoined",
    "x-request-id",
    "x-should-retry",
    "x-timeout",
    "x-timeout-partial",
    "x-timeout-source",
    "x-timeout-timer",
    "x-upstream",
    "x-upstream-request-id",
)
"""Headers that scripts of allowed origins may read; without `x-should-retry` the official client would retry."""
_OPEN: Final = ("/", "/health", "/version")
"""Paths that need no client key: they tell nothing, and watchdogs and load balancers have none."""


def create_app(relay: Relay, extra: Sequence[BaseRoute] = ()) -> Starlette:
    """Return the application; `extra` routes come from whoever starts it (the simulator's own page)."""
    config = relay.config
    keys = door_keys(config)

    def origin(_: str, headers: Mapping[str, str]) -> None:
        check_origin(headers, config.origins)

    def key(path: str, headers: Mapping[str, str]) -> None:
        if path not in _OPEN:
            check_key(headers, keys)

    # Browsers ask before they send a key, and must be able to read that it was the wrong one: CORS stands in between.
    middleware = [Middleware(_Gate, check=origin)]
    if config.origins:
        cors = Middleware(
            CORSMiddleware, allow_origins=config.origins, allow_methods=["*"], allow_headers=["*"], expose_headers=_TOLD
        )
        middleware.append(cors)
    if keys:
        middleware.append(Middleware(_Gate, check=key))
    app = Starlette(
        routes=[*routes(relay), *extra],
        middleware=middleware,
        exception_handlers={HTTPException: _http_error},
    )
    # A path with a slash too many is another path: clients do not follow redirects of a POST.
    app.router.redirect_slashes = False
    return app


class _Gate:
    """Lets in who may come in: `check` takes a request's path and headers, and raises Refused."""

    def __init__(self, app: ASGIApp, check: Callable[[str, Mapping[str, str]], None]) -> None:
        self._app = app
        self._check = check

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = headers_of(scope)
        try:
            self._check(scope["path"], headers)
        except Refused as refused:
            given = {"x-request-id": request_id_of(headers.get("x-request-id"))}
            dialect = dialect_at(scope["path"], headers)
            await error_response(refused.failure, given, dialect)(scope, receive, send)
            return
        await self._app(scope, receive, send)


async def _http_error(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers: dict[str, Any] = dict(getattr(error, "headers", None) or {}) | request_id_header(request)
    dialect = dialect_at(request.url.path, request.headers)
    if status == 405:
        allowed = headers.get("Allow", "another method")
        message = f"{request.url.path} takes {allowed}, not {request.method}."
        return error_response(_failure(FailureKind.METHOD, status, message, "method_not_allowed"), headers, dialect)
    message = f"There is nothing at {request.url.path}. GET / lists what there is."
    return error_response(_failure(FailureKind.NOT_FOUND, status, message, "path_not_found"), headers, dialect)


def _failure(kind: FailureKind, status: int, message: str, code: str) -> Failure:
    return Failure(kind=kind, status=status, message=message[:500], code=code, at_fault="client")
