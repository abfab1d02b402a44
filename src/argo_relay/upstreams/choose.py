"""The upstream that a configuration's row means."""

from __future__ import annotations

from collections.abc import Mapping

from argo_relay.config import schema
from argo_relay.config.named import MAIN, key_of
from argo_relay.errors import ConfigError
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.base import Upstream
from argo_relay.upstreams.llamacpp import LlamaUpstream
from argo_relay.upstreams.vendor import ADDRESSES, VendorUpstream


def address_of(row: schema.Upstream) -> str:
    """Return an upstream's base URL: the configured one, else the environment's or the vendor's own."""
    if row.base_url:
        return row.base_url
    return ENVIRONMENTS[row.environment] if row.kind == "argo" else ADDRESSES[row.kind]


def upstream_of(
    row: schema.Upstream, user: str | None, environ: Mapping[str, str], base_url: str | None = None, name: str = MAIN
) -> Upstream:
    """Return the upstream that a row means, at another address where one is given.

    `user` is whom Argo is asked for when a request says nothing else, `name` what routes call the upstream. Raises
    ConfigError for a missing key.
    """
    base_url = base_url or address_of(row)
    if row.kind == "argo":
        return ArgoUpstream(base_url=base_url, user=user)
    key = _key(row.key_env, environ, f"{key_of(name)}.key_env")
    if row.kind == "llamacpp":
        return LlamaUpstream(base_url=base_url, key=key)
    return VendorUpstream(kind=row.kind, base_url=base_url, key=key)


def _key(variable: str | None, environ: Mapping[str, str], named_by: str) -> str | None:
    if variable is None:
        return None
    key = environ.get(variable, "").strip()
    if not key:
        # In lower case it may be a key that somebody wrote in the variable's place.
        name = variable if variable.isupper() else "NAME"
        raise ConfigError([f"{named_by} names a variable that is not set or empty: export {name}=KEY"])
    if not (key.isascii() and key.isprintable()):
        raise ConfigError([f"the variable that {named_by} names holds what an HTTP header cannot carry"])
    return key
