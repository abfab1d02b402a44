"""The transport on aiohttp's client, until a leaner one takes its place. Its own timers are all off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any, Final, NamedTuple
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from argo_relay.dialects.base import Call, Headers
from argo_relay.errors import ConnectFailed, UpstreamError
from argo_relay.transport.aiohttp_errors import translated
from argo_relay.transport.base import Progress
from argo_relay.transport.causes import cause_of
from argo_relay.transport.reach import DIRECT, Proxy, Reach, bracketed, place_of
from argo_relay.transport.trust import trust
from argo_relay.transport.tunnel import refused, socket_through

_IDLE_SECONDS: Final = 30.0
"""How long a connection waits in the pool: less than servers' usual 60 to 75 s, so that we are the ones to close it."""
_SETTLE_SECONDS: Final = 0.1
"""How long a finished reply may take to send its last empty chunk before its connection is given up."""
_reached: ContextVar[list[_Line]] = ContextVar("_reached")
"""What the call in this context was given to send on."""
_NO_TIMERS: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class AiohttpTransport:
    """A pool of connections to upstreams. Made inside a running event loop."""

    def __init__(self, reach: Reach = DIRECT) -> None:
        self._settling: set[asyncio.Task[None]] = set()
        self._reach = reach
        self._proxy = reach.proxy
        self._session = aiohttp.ClientSession(
            connector=_connector(reach),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_NO_TIMERS,
            skip_auto_headers=("user-agent", "accept", "accept-encoding"),
            trace_configs=[_trace()],
        )

    async def open(self, call: Call, progress: Progress) -> AiohttpAnswer:
        """Send a call and return its answer; see Transport."""
        reached: list[_Line] = []
        _reached.set(reached)
        try:
            response = await self._session.request(
                call.method,
                data=call.body,
                allow_redirects=False,
                trace_request_ctx=progress,
                **_way(call, self._reach),
            )
        except BaseException as error:
            for line in reached:
                line.transport.abort()
            if isinstance(error, aiohttp.ClientError | OSError):
                raise translated(error, self._proxy) from None
            raise
        answer = AiohttpAnswer(response, reached[-1], self._settling, self._proxy)
        if answer.status == 407 and self._proxy is not None and call.url.startswith("http://"):
            # Within TLS the upstream itself would have said it; here the proxy has.
            answer.close()
            raise refused(407, self._proxy)
        return answer

    async def close(self) -> None:
        """Cut all connections."""
        for task in self._settling:
            task.cancel()
        await asyncio.gather(*self._settling, return_exceptions=True)
        await self._session.close()


class _Line(NamedTuple):
    """A connection as aiohttp does not show it, for two things that it leaves undone.

    It closes connections kindly, which takes for ever when the upstream does not read the request to its end; and after
    a chunk that it cannot read, whoever waits for the reply's next piece is never told (seen in 3.14).
    """

    transport: asyncio.Transport
    closed: asyncio.Future[None]


class _Connector(aiohttp.TCPConnector):
    """Notes what each call is sent on."""

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Trace],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the signature is aiohttp's
    ) -> Connection:
        connection = await super().connect(req, traces, timeout)
        protocol = connection.protocol
        if protocol is not None and protocol.transport is not None and (closed := protocol.closed) is not None:
            # Once only: a connection serves many calls.
            closed.remove_done_callback(_take_note)
            closed.add_done_callback(_take_note)
            _reached.get().append(_Line(protocol.transport, closed))
        return connection


class _SocksConnector(_Connector):
    """Has a SOCKS5 proxy make the connections. Sits on aiohttp's own hook for this, as aiohttp-socks does."""

    def __init__(self, proxy: Proxy, **options: Any) -> None:
        super().__init__(resolver=_Unresolved(), **options)
        self._proxy = proxy

    async def _wrap_create_connection(self, *args: Any, addr_infos: list[Any], **options: Any) -> Any:
        host, port = addr_infos[0][4][:2]
        sock = await socket_through(self._proxy, host, port)
        try:
            return await self._loop.create_connection(
                *args, sock=sock, ssl=options["ssl"], server_hostname=options["server_hostname"]
            )
        except OSError as error:
            raise ConnectFailed(cause_of(error)) from None


class _Unresolved(AbstractResolver):
    """Leaves names as they are, for the proxy to look up."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [ResolveResult(hostname=host, host=host, port=port, family=family, proto=0, flags=0)]

    async def close(self) -> None:
        """Hold nothing that would have to be closed."""


def _connector(reach: Reach) -> _Connector:
    options: dict[str, Any] = {"limit": 0, "keepalive_timeout": _IDLE_SECONDS, "ttl_dns_cache": 60}
    if reach.ca_bundle:
        options["ssl"] = trust(reach.ca_bundle)
    if reach.proxy is not None and reach.proxy.scheme == "socks5":
        return _SocksConnector(reach.proxy, **options)
    return _Connector(**options)


def _way(call: Call, reach: Reach) -> dict[str, Any]:
    """Return where aiohttp is to send a call, and what keeps the upstream's own name for TLS and HTTP."""
    way: dict[str, Any] = {"url": call.url, "headers": call.headers}
    here = place_of(call.url)
    host, port = reach.destination(*here)
    if (host, port) != here:
        parts = urlsplit(call.url)
        way["url"] = parts._replace(netloc=f"{bracketed(host)}:{port}").geturl()
        way["headers"] = [("host", parts.netloc), *call.headers]
        way["server_hostname"] = here[0]
    if reach.proxy is not None and reach.proxy.scheme != "socks5":
        way["proxy"] = reach.proxy.address
        credentials = _credentials(reach.proxy)
        if urlsplit(call.url).scheme == "https":
            way["proxy_headers"] = dict(credentials)
        else:
            way["headers"] = [*way["headers"], *credentials]
    return way


def _credentials(proxy: Proxy) -> Headers:
    if proxy.user is None:
        return []
    return [("proxy-authorization", aiohttp.encode_basic_auth(proxy.user, proxy.password or "", "utf-8"))]


def _take_note(closed: asyncio.Future[None]) -> None:
    """Have asyncio know that somebody has seen how a connection ended."""
    closed.exception()


class AiohttpAnswer:
    """A reply on aiohttp; see Answer."""

    def __init__(
        self, response: aiohttp.ClientResponse, line: _Line, settling: set[asyncio.Task[None]], proxy: Proxy | None
    ) -> None:
        self.status = response.status
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._line = line
        self._settling = settling
        self._proxy = proxy
        line.closed.add_done_callback(self._lost)

    async def read(self) -> bytes:
        """Return what has arrived; see Answer."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise translated(error, self._proxy) from None

    def release(self) -> None:
        """Keep the connection for the next call, once its last bytes have been read."""
        if self._response.content.at_eof():
            # Where the reply came before the request was read to its end, the connection is not reused, but cut.
            self.close()
            return
        task = asyncio.get_running_loop().create_task(self._settle())
        self._settling.add(task)
        task.add_done_callback(self._settled)

    def close(self) -> None:
        """Cut the connection unless the reply has ended."""
        self._line.closed.remove_done_callback(self._lost)
        transport = self._line.transport
        # A connection that is neither this reply's nor closing serves another call already.
        if self._response.connection is not None or transport.is_closing():
            transport.abort()
        self._response.close()

    def _lost(self, _: asyncio.Future[None]) -> None:
        content = self._response.content
        if not content.is_eof() and content.exception() is None:
            content.set_exception(aiohttp.ClientPayloadError())

    async def _settle(self) -> None:
        with contextlib.suppress(TimeoutError, UpstreamError):
            async with asyncio.timeout(_SETTLE_SECONDS):
                while await self.read():
                    pass

    def _settled(self, task: asyncio.Task[None]) -> None:
        self._settling.discard(task)
        self.close()


def _trace() -> aiohttp.TraceConfig:
    trace = aiohttp.TraceConfig()

    async def connected(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.connected()

    async def sent(_session: object, context: SimpleNamespace, _params: object) -> None:
        context.trace_request_ctx.sent()

    trace.on_connection_create_end.append(connected)
    trace.on_connection_reuseconn.append(connected)
    trace.on_request_headers_sent.append(sent)
    trace.freeze()
    return trace
