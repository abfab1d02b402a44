"""Why no connection was made, in words that name no address: one list for whatever makes connections."""

from __future__ import annotations

import errno
import socket
import ssl
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """What went wrong; of the upstream unless it names the proxy."""

    NO_NAME = "its name could not be resolved"
    REFUSED = "the connection was refused"
    NO_ANSWER = "the connection got no answer"
    UNREACHABLE = "there is no way to its network from here"
    CLOSED = "the connection was closed while it was being made"
    NO_SOCKET = "its socket does not exist"
    SOCKET_DENIED = "its socket is not for the relay to use"
    NO_SOCKETS = "this system has no Unix sockets"
    UNCONNECTED = "the connection could not be made"
    NOT_YET_VALID = "its certificate is not valid yet"
    EXPIRED = "its certificate has expired"
    SELF_SIGNED = "its certificate is self-signed"
    UNTRUSTED = "its certificate comes from an authority that is not trusted here"
    OTHER_NAME = "its certificate is for another name"
    UNVERIFIED = "its certificate could not be verified"
    NO_TLS = "the TLS handshake failed"
    ASKS_CERTIFICATE = "it asks for a client certificate, and has got none"
    DENIES_CERTIFICATE = "it does not accept the client certificate that it was shown"
    OWN_FILES = "the relay's own certificate files cannot be read any more"
    PROXY_AWAY = "the proxy could not be reached"
    PROXY_NO_TLS = "the TLS handshake with the proxy failed"
    PROXY_ASKS = "the proxy asks for a user name and a password"
    PROXY_DENIES = "the proxy does not accept the user name and password that it was given"
    PROXY_STRANGE = "the proxy closed the connection, or does not speak the protocol of its scheme"


# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/#error-codes
_CERTIFICATES: Final = {
    9: Cause.NOT_YET_VALID,
    10: Cause.EXPIRED,
    18: Cause.SELF_SIGNED,
    19: Cause.UNTRUSTED,
    20: Cause.UNTRUSTED,
    21: Cause.UNTRUSTED,
    62: Cause.OTHER_NAME,
    64: Cause.OTHER_NAME,
}
# What the other side says of ours: https://www.rfc-editor.org/rfc/rfc8446#section-6.2, by OpenSSL's names for it.
_ALERTS: Final = {
    "CERTIFICATE_REQUIRED": Cause.ASKS_CERTIFICATE,
    **dict.fromkeys(
        (
            "BAD_CERTIFICATE",
            "UNSUPPORTED_CERTIFICATE",
            "CERTIFICATE_REVOKED",
            "CERTIFICATE_EXPIRED",
            "CERTIFICATE_UNKNOWN",
            "UNKNOWN_CA",
            "ACCESS_DENIED",
        ),
        Cause.DENIES_CERTIFICATE,
    ),
}
_SYSTEMS: Final = {
    errno.ECONNREFUSED: Cause.REFUSED,
    errno.ETIMEDOUT: Cause.NO_ANSWER,
    errno.EHOSTUNREACH: Cause.UNREACHABLE,
    errno.ENETUNREACH: Cause.UNREACHABLE,
    errno.ENOENT: Cause.NO_SOCKET,
    errno.EACCES: Cause.SOCKET_DENIED,
}


def alert_of(error: BaseException | None) -> Cause | None:
    """Return what the other side has to say about our certificate; in TLS 1.3 it says so after the handshake."""
    # Only errors of OpenSSL's own have a reason.
    reason = getattr(error, "reason", None) if isinstance(error, ssl.SSLError) else None
    return _ALERTS.get((reason or "").partition("_ALERT_")[2])


def cause_of(error: OSError) -> Cause:
    """Return what the system's word for a failure means."""
    match error:
        case ssl.SSLCertVerificationError():
            return _CERTIFICATES.get(error.verify_code, Cause.UNVERIFIED)
        case ssl.SSLError():
            return alert_of(error) or Cause.NO_TLS
        case socket.gaierror():
            return Cause.NO_NAME
        case ConnectionResetError() | ConnectionAbortedError() | BrokenPipeError():
            return Cause.CLOSED
    return _SYSTEMS.get(error.errno or 0, Cause.UNCONNECTED)
