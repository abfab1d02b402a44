"""aiohttp's exceptions in our words. Its own messages name addresses, so none of their text is kept."""

from __future__ import annotations

import errno
import ssl
from typing import Final

import aiohttp

from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.transport.reach import Proxy
from argo_relay.transport.trust import wrong_with
from argo_relay.transport.tunnel import refused

_REASONS: Final = {
    errno.ECONNREFUSED: "the connection was refused",
    errno.ETIMEDOUT: "the connection got no answer",
    errno.EHOSTUNREACH: "its host is unreachable from here",
    errno.ENETUNREACH: "its network is unreachable from here",
}

_PROXYS: Final = "the proxy's"


def translated(error: Exception, proxy: Proxy | None) -> UpstreamError:
    """Return one of our errors for one of aiohttp's, or of the system's."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientSSLError):
        return ConnectFailed(_connecting(error, proxy))
    if isinstance(error, aiohttp.ClientHttpProxyError) and proxy is not None:
        return refused(error.status, proxy)
    if isinstance(error, aiohttp.ClientResponseError):
        return ConnectionBroken("it answered with something that is not HTTP")
    return ConnectionBroken("it closed the connection before its answer was complete")


def _connecting(error: aiohttp.ClientConnectorError, proxy: Proxy | None) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"{'its' if proxy is None else _PROXYS} name could not be resolved"
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error, proxy)
        case aiohttp.ClientSSLError():
            return "the TLS handshake failed"
        case aiohttp.ClientProxyConnectionError():
            return "the proxy could not be reached"
    return _reason(error.os_error)


def _certificate(error: aiohttp.ClientConnectorCertificateError, proxy: Proxy | None) -> str:
    whose = _PROXYS if proxy is not None and proxy.scheme == "https" and error.host == proxy.host else "its"
    inner = error.certificate_error
    what = wrong_with(inner) if isinstance(inner, ssl.SSLCertVerificationError) else "could not be verified"
    return f"{whose} certificate {what}"


def _reason(error: OSError) -> str:
    if isinstance(error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError):
        return "the connection was closed while it was being made"
    return _REASONS.get(error.errno or 0, "the connection could not be made")
