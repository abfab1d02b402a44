"""Through a proxy to the other side: a connection, or what went wrong in our words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Final

from python_socks import ProxyConnectionError, ProxyError, ProxyType
from python_socks.async_.asyncio import Proxy as SocketProxy
from python_socks.async_.asyncio.v2 import Proxy as StreamProxy

from argo_relay.errors import ConnectFailed
from argo_relay.transport.causes import Cause
from argo_relay.transport.gateway import asks_for_password, refused
from argo_relay.transport.reach import Proxy

_TYPES: Final = {"http": ProxyType.HTTP, "https": ProxyType.HTTP, "socks5": ProxyType.SOCKS5}
_NO_LIMIT: Final = 86_400.0
"""Seconds. python-socks takes no None for it; how long it may take is the caller's to say."""

# https://www.rfc-editor.org/rfc/rfc1928#section-6
_REPLIES: Final = {
    1: "could not connect to it",
    2: "does not allow this connection",
    3: "finds its network unreachable",
    4: "finds its host unreachable, or does not know its name",
    5: "was refused by it",
    6: "got no answer from it",
}


async def socket_through(proxy: Proxy, host: str, port: int) -> socket.socket:
    """Return a connected socket from a SOCKS5 proxy, which looks up `host`; raise ConnectFailed."""
    tunnel = SocketProxy(_TYPES[proxy.scheme], proxy.host, proxy.port, proxy.user, proxy.password, rdns=True)
    try:
        return await tunnel.connect(host, port, timeout=_NO_LIMIT)
    except (ProxyError, OSError, EOFError) as error:
        raise translated(error, proxy) from None


async def stream_through(proxy: Proxy, host: str, port: int, trusted: ssl.SSLContext) -> asyncio.StreamWriter:
    """Return a stream through any proxy, without TLS to the other side; raise ConnectFailed."""
    tunnel = StreamProxy(
        _TYPES[proxy.scheme],
        proxy.host,
        proxy.port,
        proxy.user,
        proxy.password,
        rdns=True,
        proxy_ssl=trusted if proxy.scheme == "https" else None,
    )
    try:
        return (await tunnel.connect(host, port, timeout=_NO_LIMIT)).writer
    except (ProxyError, OSError, EOFError) as error:
        raise translated(error, proxy) from None


def translated(error: Exception, proxy: Proxy) -> ConnectFailed:
    """Return one of our errors; python-socks' messages name addresses, so none of their text is kept."""
    match error:
        case ProxyConnectionError():
            return ConnectFailed(Cause.PROXY_AWAY)
        case ProxyError(error_code=int(code)):
            return refused(code, proxy) if proxy.scheme != "socks5" else _unwilling(code)
        case ProxyError() if "authentication" in str(error).lower():
            return asks_for_password(proxy)
        case ssl.SSLError():
            return ConnectFailed(Cause.PROXY_NO_TLS)
    return ConnectFailed(Cause.PROXY_STRANGE)


def _unwilling(code: int) -> ConnectFailed:
    return ConnectFailed(f"the proxy {_REPLIES.get(code, f'refused to connect to it (SOCKS error {code})')}")
