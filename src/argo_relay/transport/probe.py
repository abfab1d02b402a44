"""One step of a connection at a time, for whoever wants to know which of them fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import Any

import msgspec

from argo_relay.errors import ConnectFailed
from argo_relay.transport.causes import Cause, cause_of
from argo_relay.transport.unix import dial_unix


class Certificate(msgspec.Struct, frozen=True, kw_only=True):
    """What a server has shown of itself: `until` in Unix seconds, `version` is TLS's."""

    version: str
    names: tuple[str, ...]
    issuer: str
    until: float


async def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a name, or an address itself; raise ConnectFailed."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        raise ConnectFailed(Cause.NO_NAME) from None
    return list(dict.fromkeys(str(place[4][0]) for place in found))


async def connect(host: str, port: int) -> asyncio.StreamWriter:
    """Return a connection without TLS; raise ConnectFailed."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise ConnectFailed(cause_of(error)) from None
    return writer


async def connect_unix(path: str) -> asyncio.StreamWriter:
    """Return a connection to a Unix socket without TLS; raise ConnectFailed."""
    _, writer = await asyncio.open_unix_connection(sock=await dial_unix(path))
    return writer


async def shake_hands(writer: asyncio.StreamWriter, trusted: ssl.SSLContext, name: str) -> Certificate:
    """Start TLS on a connection; return the certificate, or raise ConnectFailed. The connection is cut then."""
    try:
        await writer.start_tls(trusted, server_hostname=name)
        return _certificate(writer.get_extra_info("ssl_object"))
    except OSError as error:
        raise ConnectFailed(cause_of(error)) from None
    finally:
        writer.transport.abort()


def trusting_any_name(trusted: ssl.SSLContext) -> ssl.SSLContext:
    """Change what checks certificates, so that it takes one for another name: to see for which."""
    trusted.check_hostname = False
    return trusted


def _certificate(connection: Any) -> Certificate:
    shown: dict[str, Any] = connection.getpeercert() or {}
    issuer = {name: value for field in shown.get("issuer", ()) for name, value in field}
    return Certificate(
        version=connection.version() or "TLS",
        names=tuple(value for _, value in shown.get("subjectAltName", ())),
        issuer=issuer.get("organizationName") or issuer.get("commonName") or "somebody without a name",
        until=ssl.cert_time_to_seconds(shown["notAfter"]),
    )
