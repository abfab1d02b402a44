"""What one request costs between the server's protocol and the transport: CPU time of a whole exchange in this process.

    .venv/bin/python bench/exchange.py
    .venv/bin/python bench/exchange.py --beside ../other/src     the same with another state of the package, in turns
    .venv/bin/python bench/exchange.py --profile "whole, 1 KB"   where one row's time goes, by cProfile
    .venv/bin/python bench/exchange.py --only "whole, 1 KB" --count 2000   one row and nothing else: for callgrind
    .venv/bin/python bench/exchange.py --memory                  what a request of 64 MiB holds at most

The upstream answers at once, after one turn of the loop; the client takes whatever it is given. Both are stubs, so that
all that is measured is the exchange: admission, reading, limits, model, plan, one attempt, the lane, and its record.
Each row is the lowest of its rounds, in microseconds a request; `+` has figures and a log line an exchange as well.
"""

from __future__ import annotations

import argparse
import asyncio
import cProfile
import gc
import json
import os
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvloop

from argo_relay.clock import SystemClock
from argo_relay.config.schema import Config
from argo_relay.dialects.base import Call, Headers
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import Exchange
from argo_relay.exchange.site import Site
from argo_relay.observe.lines import LineWriter
from argo_relay.observe.log import every, log_sink
from argo_relay.observe.metrics import Metrics
from argo_relay.observe.record import Record
from argo_relay.policy.defaults import default_layer
from argo_relay.server.paths import EXCHANGES
from argo_relay.transport.base import Progress
from argo_relay.upstreams.argo.upstream import ArgoUpstream
from argo_relay.upstreams.base import Upstream
from argo_relay.upstreams.vendor import VendorUpstream

MIB: Final = 1024 * 1024
_PIECE: Final = 256 * 1024
_NAMED: Final = {"id": "chatcmpl-BvTnzLrQh1zYh2dYJ9xkQm5pKcW0a", "created": 1_795_000_000, "model": "gpt-4o-2024-08-06"}
_USAGE: Final = {"prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500}
_MESSAGE: Final = {"role": "assistant", "content": " and then some more words of a reply that says little" * 13}
_CHOICE: Final = {"index": 0, "message": _MESSAGE, "logprobs": None, "finish_reason": "stop"}
_REPLY: Final = json.dumps({**_NAMED, "object": "chat.completion", "choices": [_CHOICE], "usage": _USAGE}).encode()


def _event(delta: dict[str, str], reason: str | None = None, **more: object) -> bytes:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return (
        b"data: %s\n\n"
        % json.dumps({**_NAMED, "object": "chat.completion.chunk", "choices": [choice], **more}).encode()
    )


_EVENTS: Final = b"".join(
    [
        _event({"role": "assistant", "content": ""}),
        *(_event({"content": f" {word}"}) for word in ("each", "word", "says")),
        _event({}, "stop", usage=_USAGE),
        b"data: [DONE]\n\n",
    ]
)
_HEADERS: Final = {
    "host": "localhost:44497",
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "user-agent": "OpenAI/Python 2.8.1",
    "authorization": "Bearer 0123456789abcdef0123456789abcdef",
    "x-stainless-lang": "python",
    "x-stainless-package-version": "2.8.1",
    "x-stainless-os": "Linux",
    "x-stainless-arch": "x64",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.11.2",
    "x-stainless-async": "false",
    "x-stainless-retry-count": "0",
    "x-stainless-read-timeout": "600",
}
"""What OpenAI's SDK for Python sends."""


class Row(NamedTuple):
    """One kind of request: which upstream, at which path it comes in, and its size."""

    upstream: Upstream
    path: str
    stream: bool
    size: int
    noted: bool = False
    """Its record is counted and logged."""


_VENDOR: Final = VendorUpstream(kind="openai", base_url="http://127.0.0.1:9", key="k")
_ARGO: Final = ArgoUpstream(base_url="http://127.0.0.1:9", user="tester")
_CHAT: Final = "/chat/completions"
ROWS: Final = {
    "whole, 1 KB": Row(_VENDOR, _CHAT, False, 1000),
    "whole, 1 KB +": Row(_VENDOR, _CHAT, False, 1000, noted=True),
    "whole, 1 KB, Argo": Row(_ARGO, _CHAT, False, 1000),
    "whole, 1 KB, translated": Row(_VENDOR, "/messages", False, 1000),
    "whole, 250 KB": Row(_VENDOR, _CHAT, False, 250_000),
    "whole, 250 KB, Argo": Row(_ARGO, _CHAT, False, 250_000),
    "whole, 250 KB, translated": Row(_VENDOR, "/messages", False, 250_000),
    "stream of 5": Row(_VENDOR, _CHAT, True, 1000),
    "stream of 5 +": Row(_VENDOR, _CHAT, True, 1000, noted=True),
    "stream of 5, translated": Row(_VENDOR, "/messages", True, 1000),
}


def body_of(row: Row) -> bytes:
    """Return a request's body: as many turns as make its size, written without spaces, as the vendors' SDKs do."""
    words = "what a user and a model say to each other, at some length. " * 16
    turns = [
        {"role": ("user", "assistant")[number % 2], "content": words} for number in range(max(1, row.size // 1000) | 1)
    ]
    asked = {"model": "gpt-4o", "messages": turns, "max_tokens": 99, "stream": row.stream}
    return json.dumps(asked, separators=(",", ":")).encode()


class _Answer:
    """See `transport.base.Answer`: two pieces at most, and they are there."""

    status = 200
    reason = "OK"

    def __init__(self, stream: bool) -> None:
        kind = "text/event-stream; charset=utf-8" if stream else "application/json"
        self.headers = {
            "server": "bench",
            "date": "Thu, 26 Nov 2026 00:00:00 GMT",
            "content-type": kind,
            "x-request-id": "0123456789abcdef",
        }
        self._pieces = [_EVENTS if stream else _REPLY]

    async def read(self, take: Callable[[bytes], bool] | None = None) -> bytes:
        del take  # It need not be asked: nothing comes while the reader sleeps.
        return self._pieces.pop() if self._pieces else b""

    def release(self) -> None:
        pass

    def close(self) -> None:
        pass


class _Transport:
    """See `transport.base.Transport`."""

    held = 0
    """Bytes that were allocated when it was last asked, where that is looked at."""

    def __init__(self, stream: bool) -> None:
        self._stream = stream

    async def open(self, _: Call, progress: Progress) -> _Answer:
        progress.connected()
        progress.sent()
        await asyncio.sleep(0)
        if tracemalloc.is_tracing():
            _Transport.held = tracemalloc.get_traced_memory()[0]
        return _Answer(self._stream)

    async def close(self) -> None:
        pass


class _Client:
    """See `exchange.client.Client`."""

    def __init__(self, body: bytes) -> None:
        self.request_headers: Mapping[str, str] = _HEADERS | {"content-length": str(len(body))}
        self.status = 0
        self.taken = 0
        self._body = body
        self._at = 0

    async def receive(self) -> bytes | None:
        if self._at >= len(self._body):
            return None
        # As they come from a socket; of a body that comes in one no copy is made.
        piece = self._body[self._at : self._at + _PIECE]
        self._at += len(piece)
        return piece

    def watch(self, on_leave: Callable[[], None]) -> None:
        pass

    async def begin(self, status: int, _: Headers) -> None:
        self.status = status

    async def write(self, data: bytes, last: bool = False) -> None:
        self.taken += len(data)

    def write_nowait(self, data: bytes) -> bool:
        self.taken += len(data)
        return True

    def abort(self) -> None:
        raise AssertionError("the exchange was cut")


@contextmanager
def relay_of(row: Row) -> Iterator[Relay]:
    """Give a relay with one upstream, and whatever takes its records."""
    config, clock = Config(user="tester"), SystemClock()
    transport: Any = _Transport(row.stream)
    site = Site("main", row.upstream, Directory(row.upstream, transport, clock), config, clock)
    with tempfile.TemporaryFile("w") as file:
        lines = LineWriter(file) if row.noted else None
        sink = _nobody if lines is None else every(log_sink(lines, "text"), Metrics().note)
        yield Relay(config, default_layer(config.timeouts, set()), [site], sink, clock)
        if lines is not None:
            lines.close()


def _nobody(_: Record) -> None:
    pass


def entry_of(row: Row) -> Entry:
    """Return where a row's requests come in."""
    return EXCHANGES[row.path]


async def exchanges(relay: Relay, row: Row, body: bytes, count: int) -> None:
    """Have so many requests served, one after the other."""
    entry = entry_of(row)
    for _ in range(count):
        client = _Client(body)
        await Exchange(relay, entry, client).run()
        if client.status != 200 or not client.taken:
            raise AssertionError(f"status {client.status}, {client.taken} bytes")


def measured(row: Row, count: int) -> float:
    """Return the microseconds of CPU time a request; all of the process's, so a thread that writes counts."""

    async def run() -> float:
        body = body_of(row)
        # As in the running relay.
        gc.collect()
        gc.freeze()
        gc.set_threshold(5_000, 5, 10)
        with relay_of(row) as relay:
            await exchanges(relay, row, body, count // 10 + 5)
            began = time.process_time()
            await exchanges(relay, row, body, count)
            return (time.process_time() - began) / count * 1e6

    return uvloop.run(run())


def profile(row: Row, count: int) -> None:
    """Print where a row's time goes."""

    async def run() -> None:
        body = body_of(row)
        with relay_of(row) as relay:
            await exchanges(relay, row, body, 50)
            profiler = cProfile.Profile()
            profiler.enable()
            await exchanges(relay, row, body, count)
            profiler.disable()
            pstats.Stats(profiler).strip_dirs().sort_stats("tottime").print_stats(60)

    uvloop.run(run())


_TO: Final = {"to OpenAI": "whole, 1 KB", "to Argo": "whole, 1 KB, Argo", "translated": "whole, 1 KB, translated"}


def memory() -> None:
    """Print what a request of 64 MiB holds at most, beside its bytes in the bench: what Python allocates for it."""
    short = {"role": "user", "content": [{"type": "text", "text": "x" * 60}]}
    requests: dict[str, list[dict[str, object]]] = {
        "one text of ASCII": [{"role": "user", "content": "x" * (61 * MIB)}],
        "one text with an emoji": [{"role": "user", "content": "x" * (61 * MIB) + "\U0001f600"}],
        "many short texts": [dict(short) for _ in range(61 * MIB // 128)],
    }
    for kind, turns in requests.items():
        body = json.dumps({"model": "gpt-4o", "messages": turns}, ensure_ascii=False).encode()
        for to, name in _TO.items():

            async def run(row: Row = ROWS[name], body: bytes = body) -> tuple[float, float]:
                with relay_of(row) as relay:
                    await exchanges(relay, row, body_of(row), 5)
                    tracemalloc.start()
                    await exchanges(relay, row, body, 1)
                    most = tracemalloc.get_traced_memory()[1]
                    tracemalloc.stop()
                    return most / len(body), _Transport.held / len(body)

            most, waiting = uvloop.run(run())
            size = len(body) / MIB
            held = f"{most:.2f} times for a moment, {waiting:.2f} times while the upstream is asked"
            print(f"{kind:>24}, {to:>10}: {size:.0f} MiB, held {held}")


def _round(names: list[str], count: int) -> dict[str, float]:
    return {name: measured(ROWS[name], max(20, count * 1000 // max(1000, ROWS[name].size))) for name in names}


def _elsewhere(source: str, names: list[str], count: int) -> dict[str, float]:
    """Return a round in a process of its own, with the package as it is in `source`."""
    command = [sys.executable, __file__, "--worker", "--count", str(count), *(f"--only={name}" for name in names)]
    done = subprocess.run(command, env=os.environ | {"PYTHONPATH": source}, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=[*ROWS], help="a row; as many as wanted (default: all)")
    parser.add_argument("--count", type=int, default=3000, help="requests of 1 KB a round (default: 3000)")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--beside", metavar="SRC", help="where another state of the package is")
    parser.add_argument("--profile", choices=[*ROWS], metavar="ROW")
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    names = options.only or [*ROWS]
    if options.profile:
        profile(ROWS[options.profile], options.count)
        return
    if options.memory:
        memory()
        return
    if options.worker:
        print(json.dumps(_round(names, options.count)))
        return
    own = str(Path(__file__).parents[1] / "src")
    sources = [*([options.beside] if options.beside else []), own]
    found: dict[str, dict[str, list[float]]] = {source: {name: [] for name in names} for source in sources}
    for _ in range(options.rounds):
        # In turns: whatever else the machine does, it does to both.
        for source in sources:
            for name, took in _elsewhere(source, names, options.count).items():
                found[source][name].append(took)
    print(f"{'':>26}  " + "".join(f"{'beside' if source != own else 'us a request':>22}" for source in sources))
    for name in names:
        print(f"{name:>26}  " + "".join(f"{_shown(found[source][name]):>22}" for source in sources))


def _shown(took: list[float]) -> str:
    return f"{min(took):.1f} (median {statistics.median(took):.1f})"


if __name__ == "__main__":
    main()
