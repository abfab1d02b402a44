"""The transport: our own HTTP/1.1 client. It has no timers of its own for a call; those are the exchange's."""

from __future__ import annotations

from typing import Final

from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectionBroken
from argo_relay.transport.base import Progress
from argo_relay.transport.connect import Connector
from argo_relay.transport.connection import Connection, Reply
from argo_relay.transport.gateway import credentials, refused
from argo_relay.transport.http1 import Origin, request_head, target_of
from argo_relay.transport.pool import Pool
from argo_relay.transport.reach import DIRECT, Proxy, Reach, bracketed

_RACE_SECONDS: Final = 2.0
"""How soon a connection that was used before must close for the reason to be that it had been closing already."""


class HttpTransport:
    """A pool of connections to one upstream."""

    def __init__(self, reach: Reach = DIRECT) -> None:
        self._pool = Pool()
        self._connector = Connector(reach)
        self._reach = reach

    async def open(self, call: Call, progress: Progress) -> Reply:
        """Send a call and return its answer; see Transport."""
        origin, head = self._request(call)
        connection = self._pool.take(origin)
        reused = connection is not None
        while True:
            if connection is None:
                connection = await self._connector.connect(origin, lambda: Connection(origin, self._pool))
            started = connection.loop.time()
            progress.connected()
            reply = connection.send(head, call.body)
            progress.sent()
            try:
                await reply.begun()
            except ConnectionBroken:
                if not reused or reply.parser.touched or connection.loop.time() - started > _RACE_SECONDS:
                    raise
            else:
                break
            # It was closed while the request was on its way, so nobody has read that.
            connection, reused = None, False
            progress.connecting()
        if reply.status == 407 and (proxy := self._asked_proxy(origin)) is not None:
            # Within TLS the upstream itself would have said it; here the proxy has.
            reply.close()
            raise refused(407, proxy)
        return reply

    async def close(self) -> None:
        """Cut all connections."""
        await self._connector.close()
        await self._pool.close()

    def _request(self, call: Call) -> tuple[Origin, bytes]:
        """Return whom a call is for, and its head."""
        origin, authority, path = target_of(call.url)
        headers = call.headers
        if (proxy := self._asked_proxy(origin)) is not None:
            host, port = self._reach.destination(origin.host, origin.port)
            path = f"http://{bracketed(host)}:{port}{path}"
            headers = [*headers, *credentials(proxy)]
        length = None if call.body is None else len(call.body)
        return origin, request_head(call.method, path, authority, headers, length)

    def _asked_proxy(self, origin: Origin) -> Proxy | None:
        """Return the proxy that is itself asked for what is at an origin, which is plain HTTP's way."""
        proxy = self._reach.proxy
        return proxy if proxy is not None and proxy.scheme != "socks5" and origin.scheme == "http" else None
