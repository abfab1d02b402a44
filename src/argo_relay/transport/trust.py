"""Which certificates are believed, and what is wrong with one that is not."""

from __future__ import annotations

import ssl
from typing import Final

from argo_relay.errors import ConfigError

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/#error-codes
_WRONG: Final = {
    9: "is not valid yet",
    10: "has expired",
    18: "is self-signed",
    19: "comes from an authority that is not trusted here",
    20: "comes from an authority that is not trusted here",
    21: "comes from an authority that is not trusted here",
    62: "is for another name",
    64: "is for another name",
}


def trust(ca_bundle: str | None) -> ssl.SSLContext:
    """Return what checks certificates: by a PEM file, or by the system's authorities; ConfigError for a bad file."""
    try:
        return ssl.create_default_context(cafile=ca_bundle)
    except ssl.SSLError:
        raise ConfigError([f"upstream.ca_bundle: {ca_bundle} holds no certificates in PEM form"]) from None
    except OSError as error:
        raise ConfigError([f"upstream.ca_bundle: {ca_bundle} cannot be read: {error.strerror}"]) from None


def wrong_with(error: ssl.SSLCertVerificationError) -> str:
    """Return what is wrong with a certificate, as a verb: `has expired`."""
    return _WRONG.get(error.verify_code, "could not be verified")
