"""The upstreams of a configuration by their names, and which keys each stands under."""

from __future__ import annotations

from typing import Final

from argo_relay.config.schema import Config, Upstream

MAIN: Final = "main"
"""What routes call `upstream`."""


def every_upstream(config: Config) -> dict[str, Upstream]:
    """Return all upstreams by name, the main one first."""
    return {MAIN: config.upstream, **config.upstreams}


def asks_argo(config: Config) -> bool:
    """Say whether any upstream is Argo, which wants to know its user."""
    return config.upstream.kind == "argo" or any(row.kind == "argo" for row in config.upstreams.values())


def key_of(name: str) -> str:
    """Return the dotted key under which an upstream is configured: `upstream`, or `upstreams.NAME`."""
    return "upstream" if name == MAIN else f"upstreams.{name}"
