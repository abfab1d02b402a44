"""An HTTP proxy: who is told to it, what its CONNECT says, and a tunnel through it."""

from __future__ import annotations

import asyncio
import base64
from typing import cast

from argo_relay.dialects.base import Headers
from argo_relay.errors import ConnectFailed, ConnectionBroken
from argo_relay.transport.causes import Cause
from argo_relay.transport.http1 import Parser, request_head
from argo_relay.transport.reach import Proxy, bracketed


class Tunnel(asyncio.Protocol):
    """A connection to an HTTP proxy, until it leads to the other side."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = Parser()
        self._answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def ask(self, proxy: Proxy, host: str, port: int) -> asyncio.Transport:
        """Have the proxy connect; return the transport, for another protocol. Raise ConnectFailed."""
        there = f"{bracketed(host)}:{port}"
        transport = self._transport
        if transport is None:
            raise ConnectFailed(Cause.PROXY_STRANGE)
        transport.write(request_head("CONNECT", there, there, credentials(proxy), None))
        await self._answered
        parser, self._parser = self._parser, Parser()
        parser.abandon()
        if not parser.begun or parser.pieces or transport.is_closing():
            # Who speaks before it is spoken to is not what TLS is for.
            raise ConnectFailed(Cause.PROXY_STRANGE)
        if not 200 <= parser.status < 300:
            raise refused(parser.status, proxy)
        return transport

    def cut(self) -> None:
        """Close at once."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        try:
            self._parser.feed(data)
        except ConnectionBroken:
            self._parser.begun = False
            self._answer()
        if self._parser.begun:
            self._answer()

    def connection_lost(self, exc: Exception | None) -> None:
        """See asyncio."""
        self._answer()

    def _answer(self) -> None:
        if not self._answered.done():
            self._answered.set_result(None)


def credentials(proxy: Proxy) -> Headers:
    """Return what says a proxy who asks; nothing where it has not been told."""
    if proxy.user is None:
        return []
    said = base64.b64encode(f"{proxy.user}:{proxy.password or ''}".encode()).decode()
    return [("proxy-authorization", f"Basic {said}")]


def refused(status: int, proxy: Proxy) -> ConnectFailed:
    """Return what an HTTP proxy's answer to CONNECT means."""
    if status == 407:
        return asks_for_password(proxy)
    return ConnectFailed(f"the proxy refused to connect to it (status {status})")


def asks_for_password(proxy: Proxy) -> ConnectFailed:
    """Return what it means that a proxy wants to know who asks."""
    return ConnectFailed(Cause.PROXY_ASKS if proxy.user is None else Cause.PROXY_DENIES)
