"""A load generator: raw HTTP/1.1 on uvloop, in a process of its own, that only counts and looks at clocks.

It reads a plan from its input, as JSON (`Plan`; the request is its bytes, in Latin-1), and prints what came of it
(`Result`). Requests that were sent before the time was over are waited for, so that what they cost has been paid
within the time that is measured.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time
from dataclasses import asdict, dataclass
from typing import Final, cast

import uvloop

_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_CLOSES: Final = re.compile(rb"\r\nconnection:\s*close", re.IGNORECASE)
_EVENT: Final = b"data:"
_LAST: Final = b"\r\n0\r\n\r\n"
_CLOSED: Final = -1
"""In place of a length: the reply ends with its connection."""
_IN_CHUNKS: Final = -2


@dataclass(frozen=True)
class Plan:
    """What is asked of whom, by how many at once, and for how long."""

    port: int
    request: str
    connections: int
    seconds: float
    """After these no request begins."""
    requests: int = 1_000_000
    """In all; no more begin after as many."""
    ramp: float = 0.0
    """Seconds in which the connections begin, one after another."""
    patience: float = 60.0
    """Seconds until all is given up."""


@dataclass(frozen=True)
class Result:
    """What came of it; times in seconds."""

    requests: int
    """Replies that were whole, with status 200."""
    failed: int
    events: int
    elapsed: float
    """From the first request to the end of the last reply."""
    p50: float
    p99: float
    first: float
    """The median of the time from a request to its reply's first event; 0 without events."""
    busy: float
    """The load generator's own share of a core."""


class Load:
    """What all connections share."""

    def __init__(self, plan: Plan) -> None:
        self.request = plan.request.encode("latin-1")
        self.begun = 0
        self.failed = 0
        self.events = 0
        self.took: list[float] = []
        self.firsts: list[float] = []
        self.began = time.perf_counter()
        self.busy_before = time.process_time()
        self.ended = self.began
        self._until = self.began + plan.seconds
        self._requests = plan.requests

    def more(self) -> bool:
        """Return whether one more request shall begin, which counts it."""
        if self.begun >= self._requests or time.perf_counter() >= self._until:
            return False
        self.begun += 1
        return True


class Client(asyncio.Protocol):
    """One connection at a time, one request after another."""

    def __init__(self, load: Load, port: int) -> None:
        self._load = load
        self._port = port
        self._transport: asyncio.Transport | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._opening: asyncio.Task[None] | None = None
        self._asking = False
        self._closing = False

    def next(self) -> None:
        """Send the next request, on the same connection where there is one; or be done."""
        if not self._load.more():
            self.done.set_result(None)
            if self._transport is not None:
                self._transport.close()
            return
        self._asking = True
        self._head = b""
        self._length = 0
        self._in_body = False
        self._tail = b""
        self._first: float | None = None
        self._sent = time.perf_counter()
        if self._transport is None:
            self._opening = asyncio.ensure_future(self._open())
        else:
            self._transport.write(self._load.request)

    async def _open(self) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", self._port)
        except OSError:
            self._end(well=False)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send what has waited for the connection."""
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._load.request)

    def connection_lost(self, _: Exception | None) -> None:
        """Take it as the reply's end where that is how it ends; a request that has no answer has failed."""
        self._transport = None
        if self._asking:
            self._end(well=self._in_body and self._length == _CLOSED)
        elif self._closing:
            self._closing = False
            self.next()

    def data_received(self, data: bytes) -> None:
        """Count, and see whether the reply is whole."""
        if not self._in_body:
            self._head += data
            head, found, data = self._head.partition(b"\r\n\r\n")
            if not found:
                return
            self._in_body = True
            length = _LENGTH.search(head)
            self._length = int(length[1]) if length else _IN_CHUNKS if _CHUNKED.search(head) else _CLOSED
            self._head = head
        events = (self._tail[-4:] + data).count(_EVENT)
        if events:
            if self._first is None:
                self._first = time.perf_counter() - self._sent
            self._load.events += events
        self._tail = (self._tail + data)[-7:]
        if self._length >= 0:
            self._length -= len(data)
            if self._length <= 0:
                self._end()
        elif self._length == _IN_CHUNKS and self._tail == _LAST:
            self._end()

    def _end(self, *, well: bool = True) -> None:
        load = self._load
        load.ended = time.perf_counter()
        self._asking = False
        if well and self._head[9:12] == b"200":
            load.took.append(load.ended - self._sent)
            if self._first is not None:
                load.firsts.append(self._first)
        else:
            load.failed += 1
        if self._transport is not None and _CLOSES.search(self._head):
            self._closing = True
            self._transport.abort()
        else:
            asyncio.get_running_loop().call_soon(self.next)


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] if values else 0.0


async def run(plan: Plan) -> Result:
    """Do as planned."""
    load = Load(plan)
    clients = [Client(load, plan.port) for _ in range(plan.connections)]
    for number, client in enumerate(clients):
        asyncio.get_running_loop().call_later(plan.ramp * number / plan.connections, client.next)
    _, open_ = await asyncio.wait([client.done for client in clients], timeout=plan.patience)
    elapsed = max(load.ended - load.began, 1e-9)
    return Result(
        requests=len(load.took),
        failed=load.failed + len(open_),
        events=load.events,
        elapsed=elapsed,
        p50=_at(load.took, 0.5),
        p99=_at(load.took, 0.99),
        first=_at(load.firsts, 0.5),
        busy=(time.process_time() - load.busy_before) / elapsed,
    )


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(run(Plan(**json.load(sys.stdin)))))))
