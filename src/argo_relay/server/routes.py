"""The routes of the relay."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from argo_relay import __version__
from argo_relay.dialects.base import Dialect
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import Exchange
from argo_relay.neutral.failure import Failure, FailureKind, bad_request
from argo_relay.policy.rules import shown
from argo_relay.server.asgi_client import AsgiClient
from argo_relay.server.catalogue import described_as, listed
from argo_relay.server.health import health, ready
from argo_relay.server.paths import ENTRIES, EXCHANGES, METHODS, MODEL_PREFIXES, dialect_at, google_entry
from argo_relay.server.responses import error_response, json_response, request_id_header

_NO_UPGRADE: Final = Failure(
    kind=FailureKind.METHOD,
    status=426,
    code="websocket_unsupported",
    message="The relay speaks HTTP here, not WebSocket: send the request with POST.",
    at_fault="client",
)


def routes(relay: Relay) -> list[BaseRoute]:
    """Return all routes; each API path also without its version prefix, as some clients call it."""
    return [
        *(Route(path, _Endpoint(relay, entry), methods=["POST"]) for path, entry in ENTRIES.items()),
        *_kept_routes(),
        *_model_routes(relay),
        Route("/", _root),
        Route("/version", _version),
        Route("/health", health(relay)),
        Route("/ready", ready(relay)),
    ]


def _kept_routes() -> list[BaseRoute]:
    """Return what the Responses API has beside POST: none of it is kept here, and a client is told what to do."""
    return [
        Route(f"{prefix}/responses{rest}", _kept, methods=["GET", "POST", "DELETE"])
        for prefix in ("/v1", "")
        for rest in ("", "/{rest:path}")
    ]


def _model_routes(relay: Relay) -> list[BaseRoute]:
    return [
        route
        for prefix in MODEL_PREFIXES
        for route in (
            Route(f"{prefix}/models", _models(relay)),
            Route(f"{prefix}/models/{{name:path}}", _model(relay)),
            Route(f"{prefix}/models/{{name:path}}", _GoogleEndpoint(relay), methods=["POST"]),
        )
    ]


class _Endpoint:
    """An ASGI application, so that starlette adds nothing to an exchange."""

    def __init__(self, relay: Relay, entry: Entry) -> None:
        self._relay = relay
        self._entry = entry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        client = AsgiClient(scope, receive, send)
        try:
            await Exchange(self._relay, self._entry, client).run()
        finally:
            client.done()


class _GoogleEndpoint:
    """The same for Google's paths, which name the model and what is asked of it."""

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        name = request.path_params["name"]
        entry = google_entry(name, request.query_params)
        endpoint: ASGIApp = _no_method if entry is None else _Endpoint(self._relay, entry)
        await endpoint(scope, receive, send)


async def _no_method(scope: Scope, receive: Receive, send: Send) -> None:
    request = Request(scope)
    failure = Failure(
        kind=FailureKind.NOT_FOUND,
        status=404,
        code="path_not_found",
        message=f"There is nothing to POST to at {request.url.path[:200]}. Name a method after the model: "
        f"{', '.join(METHODS)}.",
        at_fault="client",
    )
    response = error_response(failure, request_id_header(request), DIALECTS["google"])
    await response(scope, receive, send)


def _models(relay: Relay) -> Any:
    async def models(request: Request) -> Response:
        profiles = relay.listed()
        return json_response(listed(_dialect(request).name, profiles, int(relay.clock.wall())))

    return models


def _model(relay: Relay) -> Any:
    async def model(request: Request) -> Response:
        name = request.path_params["name"]
        if not relay.knows(name):
            await relay.main.directory.look_again()
        try:
            profile = relay.find(name)
        except Refused as refused:
            return error_response(refused.failure, request_id_header(request), _dialect(request))
        dialect = _dialect(request).name
        described = described_as(dialect, profile, int(relay.clock.wall()))
        if dialect.startswith("openai"):
            described["parameters"] = shown(relay.main.rulebook.of(profile, relay.main.directory.roster))
        return json_response(described)

    return model


def _dialect(request: Request) -> Dialect:
    return dialect_at(request.url.path, request.headers)


async def _kept(request: Request) -> Response:
    """Answer what is not the creation of a response.

    Codex asks for a WebSocket first and takes 426 for "use HTTP" at once; any other answer costs it 6 s at each start.
    """
    if request.headers.get("upgrade", "").lower() == "websocket":
        return error_response(_NO_UPGRADE, request_id_header(request), DIALECTS["openai_responses"])
    failure = bad_request(
        "The relay keeps no responses: they cannot be fetched, cancelled, compacted or deleted later. "
        "POST /v1/responses with the whole conversation in `input` instead.",
        None,
        "unsupported_operation",
    )
    return error_response(failure, request_id_header(request), DIALECTS["openai_responses"])


async def _root(_: Request) -> Response:
    endpoints = [f"POST /v1{path}" for path in EXCHANGES]
    return json_response(
        {
            "name": "argo-relay",
            "version": __version__,
            "endpoints": [
                *endpoints,
                *(f"POST /v1beta/models/MODEL:{method}" for method in METHODS),
                "GET /v1/models",
                "GET /health",
                "GET /ready",
                "GET /version",
            ],
        }
    )


async def _version(_: Request) -> Response:
    return json_response({"name": "argo-relay", "version": __version__})
