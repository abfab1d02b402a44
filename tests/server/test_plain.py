"""uvicorn's settings."""

from __future__ import annotations

from starlette.applications import Starlette

from argo_relay.server.plain import plain
from argo_relay.server.protocol import Protocol


def test_uvicorn_adds_nothing_of_its_own_and_stops_in_time() -> None:
    settings = plain(Starlette(), 7.5)
    assert settings.http is Protocol
    assert (settings.server_header, settings.proxy_headers, settings.access_log) == (False, False, False)
    assert settings.timeout_graceful_shutdown == 7
