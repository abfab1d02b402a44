"""Pages that a worker is asked for and the supervisor has: figures, and those of an upstream that it has started."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from argo_relay.workers.messages import Page, Written

Said = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Said]]
_Send = Callable[[Said], Awaitable[None]]
Application = Callable[[Said, _Receive, _Send], Awaitable[None]]
"""As ASGI defines it: https://asgi.readthedocs.io/en/latest/specs/main.html."""


class PassedPage:
    """An ASGI application at a worker; `ask` gets the page from the supervisor."""

    def __init__(self, ask: Callable[[Page], Awaitable[Written]]) -> None:
        self._ask = ask

    async def __call__(self, scope: Said, receive: _Receive, send: _Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        page = Page(
            ticket=0,
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode("latin-1"),
            accept=headers.get(b"accept", b"").decode("latin-1"),
            encoding=headers.get(b"accept-encoding", b"").decode("latin-1"),
        )
        written = await self._ask(page)
        fields = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in written.headers]
        await send({"type": "http.response.start", "status": written.status, "headers": fields})
        await send({"type": "http.response.body", "body": written.body})


async def answered(application: Application, page: Page) -> Written:
    """Have an ASGI application answer, here at the supervisor, what a worker was asked."""
    status, fields, body = 500, list[tuple[str, str]](), bytearray()
    begun = False

    async def receive() -> Said:
        nonlocal begun
        if begun:
            await asyncio.Event().wait()  # nobody leaves
        begun = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Said) -> None:
        nonlocal status
        if message["type"] == "http.response.start":
            status = message["status"]
            fields.extend((name.decode("latin-1"), value.decode("latin-1")) for name, value in message["headers"])
        else:
            body.extend(message.get("body", b""))

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": page.method,
        "scheme": "http",
        "path": page.path,
        "raw_path": page.path.encode("latin-1"),
        "query_string": page.query.encode("latin-1"),
        "root_path": "",
        "headers": [(b"accept", page.accept.encode("latin-1"))],
        "client": None,
        "server": None,
    }
    await application(scope, receive, send)
    return Written(page.ticket, status, fields, bytes(body))
