"""The client's side of one request: its body, its departure, and waits that its departure ends at once."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

from starlette.types import Receive, Send

from argo_relay.simulator.wire import Headers


class ClientLeftError(Exception):
    """The client closed its connection before its reply was complete."""


class Client:
    """One client. As a context it listens for the disconnect; `until` and `forever` then raise ClientLeftError."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self._left = False
        self._alarm: asyncio.Future[None] | None = None
        self._ear: asyncio.Task[None] | None = None

    async def body(self) -> bytes:
        """Return the request's body, or raise ClientLeftError when it never comes."""
        pieces = []
        while True:
            message = await self._receive()
            if message["type"] != "http.request":
                raise ClientLeftError
            pieces.append(message.get("body", b""))
            if not message.get("more_body", False):
                return b"".join(pieces)

    async def __aenter__(self) -> Self:
        self._ear = asyncio.create_task(self._listen())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._ear is not None:
            self._ear.cancel()

    async def _listen(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self._left = True
        if self._alarm is not None and not self._alarm.done():
            self._alarm.set_exception(ClientLeftError())

    async def until(self, when: float) -> None:
        """Wait until the loop's clock shows `when`, letting others run even where that is past."""
        loop = asyncio.get_running_loop()
        if when <= loop.time():
            await asyncio.sleep(0)
            self._check()
            return
        self._check()
        self._alarm = loop.create_future()
        timer = loop.call_at(when, _ring, self._alarm)
        try:
            await self._alarm
        finally:
            timer.cancel()
            self._alarm = None

    async def forever(self) -> None:
        """Wait for the client to leave."""
        self._check()
        self._alarm = asyncio.get_running_loop().create_future()
        await self._alarm

    def _check(self) -> None:
        if self._left:
            raise ClientLeftError

    async def start(self, status: int, headers: Headers) -> None:
        """Send the status line and the headers."""
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body once a slow reader has room for it; raise ClientLeftError when it leaves instead."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})
        self._check()

    async def finish(self) -> None:
        """Send the proper end of the body."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})


def _ring(alarm: asyncio.Future[None]) -> None:
    if not alarm.done():
        alarm.set_result(None)
