"""The upstream that a configuration names."""

from __future__ import annotations

from collections.abc import Mapping

from argo_relay.config.schema import Config
from argo_relay.errors import ConfigError
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.base import Upstream
from argo_relay.upstreams.llamacpp import ADDRESS, LlamaUpstream
from argo_relay.upstreams.vendor import ADDRESSES, VendorUpstream


def address_of(config: Config) -> str:
    """Return the upstream's base URL: the configured one, else the environment's or the vendor's own."""
    upstream = config.upstream
    if upstream.base_url:
        return upstream.base_url
    if upstream.kind == "llamacpp":
        return ADDRESS
    return ENVIRONMENTS[upstream.environment] if upstream.kind == "argo" else ADDRESSES[upstream.kind]


def upstream_of(config: Config, environ: Mapping[str, str], base_url: str | None = None) -> Upstream:
    """Return the configured upstream, at another address where one is given; raise ConfigError for a missing key."""
    base_url = base_url or address_of(config)
    kind = config.upstream.kind
    if kind == "argo":
        return ArgoUpstream(base_url=base_url, user=config.user)
    key = _key(config.upstream.key_env, environ)
    if kind == "llamacpp":
        return LlamaUpstream(base_url=base_url, key=key)
    return VendorUpstream(kind=kind, base_url=base_url, key=key)


def _key(variable: str | None, environ: Mapping[str, str]) -> str | None:
    if variable is None:
        return None
    key = environ.get(variable, "").strip()
    if not key:
        # In lower case it may be a key that somebody wrote in the variable's place.
        name = variable if variable.isupper() else "NAME"
        raise ConfigError([f"upstream.key_env names a variable that is not set or empty: export {name}=KEY"])
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(["the variable that upstream.key_env names holds what an HTTP header cannot carry"])
    return key
