"""What was asked of the simulator and what became of it: the answer to `GET /simulator/exchanges`."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from argo_relay.simulator.access import BEARER, Carriers, user_of
from argo_relay.simulator.request import Heard

MOST = 10_000
MOST_BYTES = 64 * 1024 * 1024
"""Of request bodies: who posts ten thousand images would rather keep the memory."""
_SHOWN_HEADERS = ("user-agent", "x-request-id", "accept")

State = Literal["running", "finished", "aborted"]


class Exchange:
    """One request. `aborted` means that the client closed its connection before the reply was complete."""

    __slots__ = (
        "ended",
        "events",
        "headers",
        "id",
        "model",
        "path",
        "raw",
        "readable",
        "started",
        "state",
        "status",
        "stream",
        "user",
    )

    def __init__(self, number: int, path: str, heard: Heard, headers: Mapping[str, str], carriers: Carriers) -> None:
        self.id = number
        self.path = path
        self.raw = heard.raw
        self.readable = heard.problem is None
        self.user = user_of(headers, heard.value, carriers)
        self.model = heard.field("model")
        self.stream = heard.field("stream") is True
        self.headers = {name: headers[name] for name in _SHOWN_HEADERS if name in headers}
        self.state: State = "running"
        self.status: int | None = None
        """Of the reply; None before it has begun."""
        self.started = time.time()
        self.ended: float | None = None
        self.events = 0

    def end(self, state: State) -> None:
        """Note how it ended; only the first call counts."""
        if self.ended is None:
            self.state = state
            self.ended = time.time()

    def shown(self) -> dict[str, Any]:
        """Return the row; the body's bytes are as they came."""
        return {
            "id": self.id,
            "path": self.path,
            "body": msgspec.Raw(self.raw) if self.readable else None,
            "user": self.user,
            "model": self.model,
            "stream": self.stream,
            "state": self.state,
            "status": self.status,
            "started": self.started,
            "ended": self.ended,
            "events": self.events,
            "headers": self.headers,
        }


class Ledger:
    """The latest exchanges, oldest first; the oldest are forgotten beyond MOST, or beyond MOST_BYTES of bodies."""

    def __init__(self) -> None:
        self._rows: deque[Exchange] = deque()
        self._bytes = 0
        self._last = 0

    def open(self, heard: Heard, headers: Mapping[str, str], path: str, carriers: Carriers = BEARER) -> Exchange:
        """Note a request that has just been read."""
        self._last += 1
        exchange = Exchange(self._last, path, heard, headers, carriers)
        self._rows.append(exchange)
        self._bytes += len(exchange.raw)
        while len(self._rows) > MOST or (self._bytes > MOST_BYTES and len(self._rows) > 1):
            self._bytes -= len(self._rows.popleft().raw)
        return exchange

    def forget(self) -> int:
        """Forget what has ended, and return how many that were."""
        running = deque(row for row in self._rows if row.state == "running")
        forgotten = len(self._rows) - len(running)
        self._rows = running
        self._bytes = sum(len(row.raw) for row in running)
        return forgotten

    def shown(self) -> list[dict[str, Any]]:
        """Return the rows, oldest first."""
        return [row.shown() for row in self._rows]
