"""Which certificates are believed."""

from __future__ import annotations

import ssl

from argo_relay.errors import ConfigError


def trust(ca_bundle: str | None) -> ssl.SSLContext:
    """Return what checks certificates: by a PEM file, or by the system's authorities; ConfigError for a bad file."""
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError:
        raise ConfigError([f"upstream.ca_bundle: {ca_bundle} holds no certificates in PEM form"]) from None
    except OSError as error:
        raise ConfigError([f"upstream.ca_bundle: {ca_bundle} cannot be read: {error.strerror}"]) from None
