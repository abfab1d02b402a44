"""What is to be examined: the configuration, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import msgspec

from argo_relay.clock import Clock
from argo_relay.config import schema
from argo_relay.config.kinds import shown
from argo_relay.config.load import Loaded
from argo_relay.config.named import MAIN, every_upstream, key_of
from argo_relay.errors import ConfigError
from argo_relay.transport.causes import Cause
from argo_relay.transport.reach import Reach, is_local, place_of, reach_of
from argo_relay.upstreams.base import Upstream
from argo_relay.upstreams.choose import upstream_of

CLIENT_CERTIFICATES: Final = {
    Cause.ASKS_CERTIFICATE: "Name a PEM file with the certificate that the upstream's people gave you in "
    "`{key}.client_cert`, and its key in `{key}.client_key`.",
    Cause.DENIES_CERTIFICATE: "Ask the upstream's people which authority has to have signed the one in "
    "`{key}.client_cert`, and whether it has expired; `openssl x509 -noout -issuer -enddate -in FILE` tells.",
}
"""What to do where the upstream says something of our certificate. With TLS 1.3 it does so after the handshake."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that can be used, one of its upstreams and the way there.

    `model` None: the cheapest is chosen. `key` is where the upstream is configured, for advice.
    """

    loaded: Loaded
    row: schema.Upstream
    key: str
    upstream: Upstream
    reach: Reach
    clock: Clock
    paid: bool = False
    model: str | None = None

    @property
    def secure(self) -> bool:
        """Whether the upstream is spoken to with TLS."""
        return self.upstream.base_url.startswith("https://")

    @property
    def own_place(self) -> tuple[str, int]:
        """The upstream's own host and port."""
        return place_of(self.upstream.base_url)

    @property
    def destination(self) -> tuple[str, int]:
        """The host and port that are connected to in the end, by us or by the proxy."""
        return self.reach.destination(*self.own_place)

    @property
    def first_hop(self) -> tuple[str, int]:
        """The host and port that this machine itself connects to."""
        proxy = self.reach.proxy
        return self.destination if proxy is None else (proxy.host, proxy.port)

    @property
    def patience(self) -> float:
        """How long each step may take, in seconds."""
        return self.loaded.config.timeouts.connect

    @property
    def way(self) -> str:
        """What to do where the upstream's own host cannot be reached."""
        if self.reach.socket is not None:
            return (
                f"Is the server running that should listen at `{self.key}.socket`, and may this user use its socket's "
                "file and enter its directory?"
            )
        host = self.first_hop[0]
        if is_local(host):
            return "Nothing listens there: is the tunnel, the proxy or the server that should listen there running?"
        if self.reach.proxy is not None:
            return f"Check the proxy's name and port ({self.reach.proxy.origin}), and that it is running."
        if host.endswith(".anl.gov"):
            return (
                "Argo answers on Argonne's network only. Connect to the VPN, or come through an SSH forward or a SOCKS "
                "proxy: docs/reaching-argo.md has recipes for each."
            )
        return f"Check the name and the port in `{self.key}.base_url`, and this machine's network."


def case_of(
    loaded: Loaded, environ: Mapping[str, str], clock: Clock, *, paid: bool, model: str | None, name: str = MAIN
) -> Case:
    """Return what is to be examined of the upstream that routes call `name`.

    Raises ConfigError where there is nothing to begin with.
    """
    upstreams = every_upstream(loaded.config)
    if name not in upstreams:
        raise ConfigError([f"no upstream is called {shown(name)}; known are {', '.join(upstreams)}"])
    row = upstreams[name]
    upstream = upstream_of(row, loaded.config.user, environ, name=name)
    reach = reach_of(row, environ, upstream.base_url, name)
    return Case(
        loaded=loaded, row=row, key=key_of(name), upstream=upstream, reach=reach, clock=clock, paid=paid, model=model
    )
