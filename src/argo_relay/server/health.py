"""Whether the process is alive, and whether it can reach its upstream."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response

from argo_relay.exchange.directory import Directory
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.site import Site
from argo_relay.policy.breaker import State
from argo_relay.server.responses import json_response

_RECENT_SECONDS: Final = 30.0
_PATIENCE_SECONDS: Final = 3.0


def health(relay: Relay) -> Any:
    """Return the endpoint that says that the process is alive, and nothing of the upstream."""

    async def answer(_: Request) -> Response:
        standing = await relay.standing()
        return json_response({"status": "ok", "in_flight": standing.in_flight})

    return answer


def ready(relay: Relay) -> Any:
    """Return the endpoint that says whether exchanges can work; it asks the upstream unless that answered lately."""

    async def answer(_: Request) -> Response:
        directory = relay.main.directory

        def lately() -> bool:
            seen = directory.last_seen
            return seen is not None and relay.clock.wall() - seen < _RECENT_SECONDS

        if not lately():
            await _ask(directory)
        # An answer that is no list of models is an answer: exchanges may well work.
        reachable = lately()
        fine = reachable and not relay.admission.stopping
        standing = await relay.standing()
        others = [site for site in relay.sites.values() if site is not relay.main]
        body = {
            "status": "ready" if fine else "not ready",
            "stopping": relay.admission.stopping,
            "in_flight": standing.in_flight,
            "losses": standing.losses,
            "upstream": {
                "reachable": reachable,
                "last_seen": _shown(directory.last_seen),
                "trouble": directory.trouble,
                "models": len(directory.roster.listed()),
                "models_from": _source(relay),
            },
            **({"upstreams": {site.name: _other(site) for site in others}} if others else {}),
        }
        return json_response(body, 200 if fine else 503)

    return answer


def _other(site: Site) -> dict[str, Any]:
    """Tell of an upstream that routes name; exchanges may work without it."""
    directory = site.directory
    return {
        "last_seen": _shown(directory.last_seen),
        "trouble": directory.trouble,
        "models": len(directory.roster.listed()),
        "resting": [model or "all models" for model, state in site.states().items() if state is not State.CLOSED],
    }


async def _ask(directory: Directory) -> None:
    """Have the upstream answer something; whoever watches us does not wait long for that."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await directory.refresh()


def _source(relay: Relay) -> str | None:
    if relay.main.directory.roster.live:
        return "upstream"
    return None if relay.main.upstream.passes_names else "built-in catalogue"


def _shown(moment: float | None) -> str | None:
    return None if moment is None else datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")
