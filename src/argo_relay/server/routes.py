"""The paths of the relay."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Receive, Scope, Send

from argo_relay import __version__
from argo_relay.dialects.base import Dialect
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import Refused
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import Exchange, request_id_of
from argo_relay.models.profile import Profile
from argo_relay.server.asgi_client import AsgiClient
from argo_relay.server.health import health, ready
from argo_relay.server.responses import error_response, json_response

_EXCHANGES = {"/chat/completions": "openai_chat"}


def routes(relay: Relay) -> list[BaseRoute]:
    """Return all routes; each API path also without its version prefix, as some clients call it."""
    return [
        *(
            Route(prefix + path, _exchange(relay, DIALECTS[dialect]), methods=["POST"])
            for path, dialect in _EXCHANGES.items()
            for prefix in ("/v1", "")
        ),
        *(
            route
            for prefix in ("/v1", "")
            for route in (
                Route(f"{prefix}/models", _models(relay)),
                Route(f"{prefix}/models/{{name:path}}", _model(relay)),
            )
        ),
        Route("/", _root),
        Route("/version", _version),
        Route("/health", health(relay)),
        Route("/ready", ready(relay)),
    ]


def _exchange(relay: Relay, dialect: Dialect) -> ASGIApp:
    class Endpoint:
        """An ASGI application, so that starlette adds nothing to an exchange."""

        async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
            client = AsgiClient(scope, receive, send)
            try:
                await Exchange(relay, dialect, client).run()
            finally:
                client.done()

    return Endpoint()


def _models(relay: Relay) -> Any:
    async def models(_: Request) -> Response:
        created = int(relay.clock.wall())
        listed = [_described(profile, created) for profile in relay.directory.roster.listed()]
        return json_response({"object": "list", "data": listed})

    return models


def _model(relay: Relay) -> Any:
    async def model(request: Request) -> Response:
        try:
            profile = relay.directory.find(request.path_params["name"])
        except Refused as refused:
            request_id = request_id_of(request.headers.get("x-request-id"))
            return error_response(refused.failure, {"x-request-id": request_id})
        return json_response(_described(profile, int(relay.clock.wall())))

    return model


def _described(profile: Profile, created: int) -> dict[str, Any]:
    """Return a model as OpenAI's list has it; `created` is the time of asking, for Argo gives no other."""
    return {
        "id": profile.public_id,
        "object": "model",
        "created": created,
        "owned_by": profile.owner,
        "internal_id": profile.internal_id,
        "name": profile.display,
    }


async def _root(_: Request) -> Response:
    return json_response(
        {
            "name": "argo-relay",
            "version": __version__,
            "endpoints": ["POST /v1/chat/completions", "GET /v1/models", "GET /health", "GET /ready", "GET /version"],
        }
    )


async def _version(_: Request) -> Response:
    return json_response({"name": "argo-relay", "version": __version__})
