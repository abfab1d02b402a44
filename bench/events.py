"""What one event of a stream costs within the process: from the upstream's bytes to the client's, without sockets.

    .venv/bin/python bench/events.py                      all rows
    .venv/bin/python bench/events.py --only openai_chat   those whose upstream speaks a dialect

What is measured is the relay's own way of an event: the connection's protocol, the HTTP parser, the lane, its stage,
the outlet, and the recording for clients that come back (off, as by default). The sockets on both sides are stubs that
cost next to nothing. `burst`: 200 events, each in a chunk of its own, in one read with what begins and ends the stream.
`single`: each in a read of its own, and the loop turns once in between; the row `the loop alone` is that turn. `cold`:
the same without the turn, but before each event 8 MiB are copied, so that nothing of the relay's is in a near cache. So
it is for a relay that sleeps between two events while others use the processor. Of these the median counts.

Rounds of all rows alternate, and the lowest of each row is printed: whatever else the machine does only adds to it.
"""

from __future__ import annotations

import argparse
import asyncio
import re
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple

import uvloop
from translate import decoded, events, request_of

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))
from argo_relay.clock import SystemClock
from argo_relay.config.named import MAIN
from argo_relay.config.schema import Upstream
from argo_relay.dialects.base import Headers, encode_events
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.attempt import Attempt
from argo_relay.exchange.lane import Lane
from argo_relay.exchange.outlet import Outlet
from argo_relay.exchange.plan import Plan
from argo_relay.exchange.stage import Stage
from argo_relay.exchange.translate import TranslateStage
from argo_relay.exchange.verbatim import VerbatimStage
from argo_relay.exchange.watchdog import Watchdog
from argo_relay.policy.deadline import SETTABLE, Limit, Source, settle
from argo_relay.transport.connection import Connection
from argo_relay.transport.http1 import Origin
from argo_relay.upstreams.choose import upstream_of

ROUNDS: Final = 9
REPEATS: Final = 6
"""Streams a round."""
_JUNK: Final = bytes(8 * 1024 * 1024)
"""Larger, with its copy, than the caches that a core has for itself."""
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_LAST: Final = b"0\r\n\r\n"
_CHAT: Final = (
    b'data: {"id": "chatcmpl-BvTnzLrQh1zYh2dYJ9xkQm5pKcW0a", "created": 1795000000, "model": "gpt-4o-2024-08-06", '
    b'"system_fingerprint": "fp_07871e2ad8", "object": "chat.completion.chunk", "choices": [{"index": 0, "delta": '
    b'{"content": " word%d"}, "logprobs": null, "finish_reason": null}]}\n\n'
)
"""An event of `bench/fast_upstream.py`, as OpenAI's look."""


class Row(NamedTuple):
    """From whom to whom."""

    upstream: str
    client: str

    @property
    def shown(self) -> str:
        """Return its name in the table."""
        same = self.upstream == self.client
        return f"{self.upstream} {'as it came' if same else f'-> {self.client}'}"


ROWS: Final = (
    *(Row(name, name) for name in DIALECTS),
    Row("openai_chat", "anthropic"),
    Row("openai_chat", "openai_responses"),
    Row("anthropic", "openai_chat"),
    Row("google", "openai_chat"),
)


class Socket:
    """The transport of the upstream's connection, which takes everything."""

    def write(self, data: bytes) -> None:
        """Take it."""

    def is_closing(self) -> bool:
        """Say that it is open."""
        return False

    def get_write_buffer_size(self) -> int:
        """Return what waits: nothing."""
        return 0

    def abort(self) -> None:
        """Do nothing."""


class Home:
    """Where the connection belongs."""

    def made(self, connection: Connection) -> None:
        """Take no note."""

    def idle(self, connection: Connection) -> None:
        """Take no note."""

    def lost(self, connection: Connection) -> None:
        """Take no note."""


class Sink:
    """A client that takes everything at once; it counts the bytes."""

    def __init__(self) -> None:
        self.request_headers: Mapping[str, str] = {}
        self.taken = 0

    async def receive(self) -> bytes | None:
        """Return the body's end."""
        return None

    def watch(self, on_leave: Callable[[], None]) -> None:
        """Never leave."""

    async def begin(self, status: int, headers: Headers) -> None:
        """Take the head."""

    async def write(self, data: bytes, last: bool = False) -> None:
        """Take a piece."""
        self.taken += len(data)

    def write_nowait(self, data: bytes) -> bool:
        """Take a piece."""
        self.taken += len(data)
        return True

    def abort(self) -> None:
        """Do nothing."""


def _chunked(frames: list[bytes]) -> list[bytes]:
    return [b"%x\r\n%s\r\n" % (len(frame), frame) for frame in frames]


def stream_of(name: str, count: int) -> tuple[bytes, list[bytes], bytes]:
    """Return a stream's beginning, `count` events that say a word each, and its end, all in chunks."""
    dialect = DIALECTS[name]
    encoder = dialect.stream_encoder(decoded(dialect, request_of(name)))
    # Of the reply that all of the bench's streams carry, without its call.
    said = [event for event in events() if getattr(event, "index", 0) == 0]
    whole = encode_events(encoder, said)
    frames = [frame.raw for frame in dialect.framing.splitter().feed(whole)]
    words = [number for number, raw in enumerate(frames) if re.search(rb'" word\d+"', raw)]
    first, last = words[0], words[-1]
    told = frames[first : last + 1]
    if name == "openai_chat":
        told = [_CHAT % number for number in range(len(told))]
    many = [told[number % len(told)] for number in range(count)]
    begin, end = _chunked(frames[:first]), _chunked(frames[last + 1 :])
    return b"".join(begin), _chunked(many), b"".join(end) + _LAST


def _limits() -> Any:
    layer = {timer: Limit(seconds=600.0, source=Source.DEFAULT, field=timer.value) for timer in SETTABLE}
    return settle([layer], 600.0)


def _stage(row: Row) -> Stage:
    upstream = upstream_of(Upstream(kind="openai", base_url="http://upstream.example"), None, {}, "", MAIN)
    spoken, client = DIALECTS[row.upstream], DIALECTS[row.client]
    if row.upstream == row.client:
        return VerbatimStage(spoken, upstream)
    return TranslateStage(spoken, client, decoded(client, request_of(row.client)))


async def warm(connection: Connection, reads: list[bytes]) -> float:
    """Return the CPU seconds that these reads take, each with a turn of the loop."""
    began = time.process_time()
    for piece in reads:
        connection.data_received(piece)
        await asyncio.sleep(0)
    # A turn has been enough for the exchange's task, too, where it was woken.
    return time.process_time() - began


async def cold(connection: Connection, reads: list[bytes]) -> float:
    """Return the seconds that as many reads take as the median one, where the caches hold nothing of it."""
    spent = []
    for piece in reads:
        bytearray(_JUNK)
        # As the system would put it there: just now.
        fresh = bytes(memoryview(piece))
        began = time.perf_counter()
        connection.data_received(fresh)
        spent.append(time.perf_counter() - began)
        await asyncio.sleep(0)
    return statistics.median(spent) * len(reads)


Way = Callable[[Connection, list[bytes]], Awaitable[float]]


async def relay(row: Row, before: bytes, reads: list[bytes], after: bytes, way: Way = warm) -> float:
    """Relay a stream; return the seconds that these reads of it take, between what comes before and after."""
    clock = SystemClock()
    watchdog = Watchdog(clock, _limits())
    attempt = Attempt(clock, watchdog)
    stage = _stage(row)
    upstream = upstream_of(Upstream(kind="openai", base_url="http://upstream.example"), None, {}, "", MAIN)
    plan = Plan(
        call=None, stage=stage, upstream=upstream, spoken=DIALECTS[row.upstream], own=row.upstream == row.client,
        stream=True, streamed=True,
    )  # fmt: skip
    sink = Sink()
    outlet = Outlet(sink)
    lane = Lane(plan, attempt, outlet, list)
    connection = Connection(Origin("http", "upstream.example", 80), Home())
    connection.connection_made(Socket())  # type: ignore[arg-type]

    async def run() -> None:
        async with watchdog, attempt:
            attempt.connect()
            attempt.connected()
            reply = connection.send(b"", None)
            attempt.sent()
            await reply.begun()
            await lane.relay(reply)

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    for piece in (_HEAD, before) if before else (_HEAD,):
        connection.data_received(piece)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    took = await way(connection, reads)
    connection.data_received(after)
    await task
    if not outlet.over or sink.taken != outlet.sent:
        raise AssertionError(f"{row.shown}: the stream did not go through")
    return took


async def turns(count: int) -> float:
    """Return the CPU seconds of so many turns of the loop."""
    began = time.process_time()
    for _ in range(count):
        await asyncio.sleep(0)
    return time.process_time() - began


def measure(rows: list[Row], rounds: int) -> None:
    """Print the microseconds an event of each row."""
    streams = {row: stream_of(row.upstream, 200) for row in rows}
    best: dict[tuple[Row, str], float] = {}
    alone = min(uvloop.run(turns(2000)) for _ in range(rounds)) / 2000
    for _ in range(rounds):
        for row, (begin, told, end) in streams.items():
            # A burst begins and ends what it is part of; the last, empty chunk comes by itself.
            whole = b"".join([begin, *told, end.removesuffix(_LAST)])
            single = (begin, told, end)
            ways = {"burst": (b"", [whole], _LAST, warm), "single": (*single, warm), "cold": (*single, cold)}
            for name, way in ways.items():
                took = min(uvloop.run(relay(row, *way)) for _ in range(REPEATS)) / len(told)
                best[row, name] = min(took, best.get((row, name), took))
    print(f"{'':36} {'burst':>8} {'single':>8} {'cold':>8}   us an event")
    for row in rows:
        print(f"{row.shown:36} " + " ".join(f"{best[row, way] * 1e6:8.2f}" for way in ("burst", "single", "cold")))
    print(f"{'the loop alone':36} {'':8} {alone * 1e6:8.2f}")


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", metavar="DIALECT", choices=list(DIALECTS), help="upstream's dialect")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    rows = [row for row in ROWS if options.only in (None, row.upstream)]
    measure(rows, options.rounds)


if __name__ == "__main__":
    main()
