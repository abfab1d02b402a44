"""How uvicorn is set up here, whatever it serves: plain HTTP/1.1 by our own protocol, with no word of its own."""

from __future__ import annotations

from typing import Final

import uvicorn
from starlette.types import ASGIApp

from argo_relay.server.protocol import Protocol

_KEEP_ALIVE_SECONDS: Final = 75


def plain(app: ASGIApp, grace: float) -> uvicorn.Config:
    """Return the settings for an application whose requests may go on for `grace` seconds when it is told to stop."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=int(grace),
    )
