"""aiohttp's exceptions in our words. Its own messages name addresses, so none of their text is kept."""

from __future__ import annotations

import aiohttp

from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.transport.causes import Cause, cause_of
from argo_relay.transport.reach import Proxy
from argo_relay.transport.tunnel import refused


def translated(error: Exception, proxy: Proxy | None) -> UpstreamError:
    """Return one of our errors for one of aiohttp's, or of the system's."""
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError):
        return ConnectFailed(_connecting(error, proxy))
    if isinstance(error, aiohttp.ClientHttpProxyError) and proxy is not None:
        return refused(error.status, proxy)
    if isinstance(error, aiohttp.ClientResponseError):
        return ConnectionBroken("it answered with something that is not HTTP")
    return ConnectionBroken("it closed the connection before its answer was complete")


def _connecting(
    error: aiohttp.ClientConnectorError | aiohttp.ClientConnectorCertificateError, proxy: Proxy | None
) -> str:
    match error:
        case aiohttp.ClientConnectorDNSError():
            return Cause.NO_NAME if proxy is None else _proxys(Cause.NO_NAME)
        case aiohttp.ClientConnectorCertificateError():
            inner = error.certificate_error
            cause = cause_of(inner) if isinstance(inner, OSError) else Cause.UNVERIFIED
            theirs = proxy is not None and proxy.scheme == "https" and error.host == proxy.host
            return _proxys(cause) if theirs else cause
        case aiohttp.ClientProxyConnectionError():
            return Cause.PROXY_AWAY
    return cause_of(error.os_error)


def _proxys(cause: Cause) -> str:
    return cause.replace("its", "the proxy's", 1)
