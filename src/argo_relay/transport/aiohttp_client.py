"""The transport on aiohttp's client, until a leaner one takes its place.

aiohttp's exceptions are turned into ours here and nowhere else. Its own timers are all off.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Final, NamedTuple

import aiohttp
from aiohttp.connector import Connection
from aiohttp.tracing import Trace

from argo_relay.dialects.base import Call
from argo_relay.errors import ConnectFailed, ConnectionBroken, UpstreamError
from argo_relay.transport.base import Progress

_IDLE_SECONDS: Final = 30.0
"""How long a connection waits in the pool: less than servers' usual 60 to 75 s, so that we are the ones to close it."""
_SETTLE_SECONDS: Final = 0.1
"""How long a finished reply may take to send its last empty chunk before its connection is given up."""
_reached: ContextVar[list[_Line]] = ContextVar("_reached")
"""What the call in this context was given to send on."""
_NO_TIMERS: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


class AiohttpTransport:
    """A pool of connections to upstreams. Made inside a running event loop."""

    def __init__(self) -> None:
        self._settling: set[asyncio.Task[None]] = set()
        self._session = aiohttp.ClientSession(
            connector=_Connector(limit=0, keepalive_timeout=_IDLE_SECONDS, ttl_dns_cache=60),
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
                call.url,
                headers=call.headers,
                data=call.body,
                allow_redirects=False,
                trace_request_ctx=progress,
            )
        except BaseException as error:
            for line in reached:
                line.transport.abort()
            if isinstance(error, aiohttp.ClientError | OSError):
                raise _translated(error) from None
            raise
        return AiohttpAnswer(response, reached[-1], self._settling)

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


def _take_note(closed: asyncio.Future[None]) -> None:
    """Have asyncio know that somebody has seen how a connection ended."""
    closed.exception()


class AiohttpAnswer:
    """A reply on aiohttp; see Answer."""

    def __init__(self, response: aiohttp.ClientResponse, line: _Line, settling: set[asyncio.Task[None]]) -> None:
        self.status = response.status
        self.reason = response.reason or ""
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}
        self._response = response
        self._line = line
        self._settling = settling
        line.closed.add_done_callback(self._lost)

    async def read(self) -> bytes:
        """Return what has arrived; see Answer."""
        try:
            return await self._response.content.readany()
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error) from None

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


def _translated(error: Exception) -> UpstreamError:
    """Return one of our errors; aiohttp's messages name addresses, so none of their text is kept."""
    match error:
        case aiohttp.ClientConnectorDNSError():
            return ConnectFailed("its name could not be resolved")
        case aiohttp.ClientSSLError():
            return ConnectFailed("the TLS handshake failed")
        case aiohttp.ClientConnectorError():
            return ConnectFailed("the connection was refused or could not be made")
        case aiohttp.ClientResponseError():
            return ConnectionBroken("it answered with something that is not HTTP")
    return ConnectionBroken("it closed the connection before its answer was complete")
