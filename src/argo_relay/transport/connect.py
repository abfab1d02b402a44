"""Makes connections as a Reach says: by detours, through a proxy, with TLS. What fails is told in our words."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable
from typing import Final, TypeVar

from argo_relay.errors import ConfigError, ConnectFailed
from argo_relay.transport.causes import Cause, cause_of
from argo_relay.transport.connection import Connection
from argo_relay.transport.gateway import Tunnel
from argo_relay.transport.http1 import Origin
from argo_relay.transport.names import Names, dial
from argo_relay.transport.reach import Proxy, Reach
from argo_relay.transport.trust import ClientCertificate, Sessions, resuming, sessions_of, trust
from argo_relay.transport.unix import FAMILY, dial_unix

_NO_LIMIT: Final = 86_400.0
"""Seconds. asyncio takes no None for it; how long a handshake may take is the caller's to say."""

_OF_HANDSHAKES: Final = (Cause.NO_TLS, Cause.CLOSED)
"""What a session that the other side does not stand may have caused."""

Made = TypeVar("Made", bound=asyncio.Protocol)


class Connector:
    """Makes the connections of one upstream."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._names = Names()
        self._trusted: dict[ClientCertificate | None, ssl.SSLContext] = {}

    async def connect(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        """Return a connection to an origin; raise ConnectFailed. Cancelling it leaves nothing open."""
        sessions = self._sessions()
        shows = sessions is None or sessions.shows(origin.host)
        try:
            return await self._connect(origin, make)
        except ConnectFailed as failed:
            sessions = self._sessions()
            in_handshake = origin.scheme == "https" and failed.args[0] in _OF_HANDSHAKES
            if not (shows and in_handshake and sessions is not None and sessions.give_up(origin.host)):
                raise
        # There are servers that cannot go on with their own sessions, such as OpenSSL's where it asks for certificates
        # and has got no session id context: https://docs.openssl.org/3.0/man3/SSL_CTX_set_session_id_context/.
        return await self._connect(origin, make)

    def _sessions(self) -> Sessions | None:
        trusted = self._trusted.get(self._reach.certificate)
        return None if trusted is None else sessions_of(trusted)

    async def _connect(self, origin: Origin, make: Callable[[], Connection]) -> Connection:
        host, port = self._reach.destination(origin.host, origin.port)
        proxy = self._reach.proxy
        if proxy is not None and proxy.scheme != "socks5":
            if origin.scheme == "https":
                return await self._through(proxy, origin, make)
            return await self._to_proxy(proxy, make)
        # Before there is a socket that would have to be closed.
        trusted = await self._trust(self._reach.certificate) if origin.scheme == "https" else None
        try:
            if self._reach.socket is not None:
                sock = await dial_unix(self._reach.socket)
            else:
                sock = await (self._dial(host, port) if proxy is None else _by_socks(proxy, host, port))
            return await on_socket(sock, make, trusted, origin.host)
        except OSError as error:
            raise ConnectFailed(cause_of(error)) from None

    async def close(self) -> None:
        """Look no more names up."""
        await self._names.close()

    async def _dial(self, host: str, port: int) -> socket.socket:
        addresses = await self._names.look_up(host, port)
        try:
            return await dial(addresses)
        except OSError:
            self._names.forget(host, port)
            raise

    async def _to_proxy(self, proxy: Proxy, make: Callable[[], Made]) -> Made:
        trusted = await self._trust() if proxy.scheme == "https" else None
        try:
            return await on_socket(await self._dial(proxy.host, proxy.port), make, trusted, proxy.host)
        except OSError as error:
            raise _of_proxy(error) from None

    async def _through(self, proxy: Proxy, origin: Origin, make: Callable[[], Connection]) -> Connection:
        trusted = await self._trust(self._reach.certificate)
        tunnel = await self._to_proxy(proxy, Tunnel)
        try:
            transport = await tunnel.ask(proxy, *self._reach.destination(origin.host, origin.port))
            connection = make()
            secured = await asyncio.get_running_loop().start_tls(
                transport, connection, trusted, server_hostname=origin.host, ssl_handshake_timeout=_NO_LIMIT
            )
        except (OSError, TypeError) as error:
            tunnel.cut()
            # A handshake that fails within TLS is a TypeError of the standard library's loop in Python 3.11.
            raise ConnectFailed(cause_of(error) if isinstance(error, OSError) else Cause.NO_TLS) from None
        except BaseException:
            tunnel.cut()
            raise
        if secured is None or secured.is_closing():
            raise ConnectFailed(Cause.CLOSED)
        connection.connection_made(secured)
        return connection

    async def _trust(self, certificate: ClientCertificate | None = None) -> ssl.SSLContext:
        """Return what checks certificates and shows that one; to a proxy none is."""
        known = self._trusted.get(certificate)
        if known is None:
            try:
                # The system's authorities take 40 ms to read.
                known = resuming(await asyncio.to_thread(trust, self._reach.ca_bundle, certificate))
            except ConfigError:
                # They were good when the relay started.
                raise ConnectFailed(Cause.OWN_FILES) from None
            self._trusted[certificate] = known
        return known


async def on_socket(sock: socket.socket, make: Callable[[], Made], trusted: ssl.SSLContext | None, name: str) -> Made:
    """Return a protocol on a connected socket, with TLS for a server of that name when it is asked for."""
    loop, made = asyncio.get_running_loop(), make()
    try:
        if sock.family == FAMILY:
            await _on_unix(sock, made, trusted, name)
        elif trusted is None:
            await loop.create_connection(lambda: made, sock=sock)
        else:
            await loop.create_connection(
                lambda: made, sock=sock, ssl=trusted, server_hostname=name, ssl_handshake_timeout=_NO_LIMIT
            )
    except BaseException:
        # uvloop closes a connection whose making is cancelled without telling its protocol, which may know of it.
        made.connection_lost(None)
        raise
    return made


async def _on_unix(sock: socket.socket, made: asyncio.Protocol, trusted: ssl.SSLContext | None, name: str) -> None:
    loop = asyncio.get_running_loop()
    if trusted is None:
        await loop.create_unix_connection(lambda: made, sock=sock)
    else:
        await loop.create_unix_connection(
            lambda: made, sock=sock, ssl=trusted, server_hostname=name, ssl_handshake_timeout=_NO_LIMIT
        )


async def _by_socks(proxy: Proxy, host: str, port: int) -> socket.socket:
    from argo_relay.transport.tunnel import socket_through  # noqa: PLC0415 - python-socks takes 25 ms to import

    return await socket_through(proxy, host, port)


def _of_proxy(error: OSError) -> ConnectFailed:
    match error:
        case ssl.SSLCertVerificationError() | socket.gaierror():
            return ConnectFailed(cause_of(error).replace("its", "the proxy's", 1))
        case ssl.SSLError():
            return ConnectFailed(Cause.PROXY_NO_TLS)
    return ConnectFailed(Cause.PROXY_AWAY)
