"""A route as an ASGI application: acts out what its dialect has planned, for as long as the client stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from argo_relay.simulator.client import Client, ClientLeftError
from argo_relay.simulator.dialect import Asked, Dialect, plan
from argo_relay.simulator.exchanges import Exchange, Ledger
from argo_relay.simulator.request import hear
from argo_relay.simulator.script import Cut, Finish, Hang, Start, Step, Write
from argo_relay.simulator.ways import Switches


async def _act(client: Client, exchange: Exchange, steps: Iterator[Step], start: float) -> None:
    for step in steps:
        await client.until(start + step.at)
        match step:
            case Write():
                await client.write(step.data)
                exchange.events += step.events
            case Start():
                exchange.status = step.status
                await client.start(step.status, step.headers)
            case Hang():
                await client.forever()
            case Finish():
                await client.write(b"")  # a client that leaves with most of it unread has not had its reply
                exchange.end("finished")
                await client.finish()
            case Cut():
                # Returning without the end is how an ASGI application has its server close the connection.
                exchange.end("finished")


class Speaking:
    """A route that speaks one dialect."""

    def __init__(self, ledger: Ledger, switches: Switches, dialect: Dialect) -> None:
        self._dialect = dialect
        self._ledger = ledger
        self._switches = switches

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and note in the ledger how that ended; HTTPException where there is no such route."""
        if not self._dialect.exists(self._switches.ways):
            raise HTTPException(404)
        client = Client(receive, send)
        try:
            raw = await client.body()
        except ClientLeftError:
            return
        start = asyncio.get_running_loop().time()
        heard = hear(raw)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        ways = self._switches.ways
        exchange = self._ledger.open(heard, headers, self._dialect.path, self._dialect.carriers_in(ways))
        try:
            async with client:
                steps = plan(self._dialect, Asked(heard=heard, headers=headers, at=int(time.time())), ways)
                await _act(client, exchange, steps, start)
        except ClientLeftError:
            pass
        finally:
            exchange.end("aborted")
