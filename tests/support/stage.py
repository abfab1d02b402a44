"""A stage for exchanges: a client and an upstream that play their parts from a script, in virtual time.

A step is (seconds after the one before, what happens). Tests that use it run under `@pytest.mark.looptime`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from argo_relay.config.named import MAIN
from argo_relay.config.schema import Config
from argo_relay.dialects.base import Call, Headers
from argo_relay.dialects.table import DIALECTS
from argo_relay.errors import ClientLeft, ConnectFailed, ConnectionBroken
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.relay import Relay
from argo_relay.exchange.run import Exchange
from argo_relay.exchange.site import Site
from argo_relay.observe.record import Record
from argo_relay.policy.defaults import default_layer
from argo_relay.transport.base import Answer, Progress
from argo_relay.upstreams.choose import upstream_of

FOREVER = 10.0**9


class LoopClock:
    """The virtual loop's time, for both clocks."""

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def wall(self) -> float:
        return 1_800_000_000.0 + self.now()


@dataclass
class Play:
    """What an upstream does with one call, in seconds from the step before."""

    connect: float = 0.0
    refuse: bool = False
    send: float = 0.0
    head: float = 0.0
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"content-type": "text/event-stream"})
    body: Sequence[tuple[float, bytes]] = ()
    cut: bool = False


class FakeAnswer:
    def __init__(self, play: Play, upstream: FakeUpstream) -> None:
        self.status = play.status
        self.reason = "Reason"
        self.headers = play.headers
        self._steps = list(play.body)
        self._play = play
        self._upstream = upstream
        self.read_calls = 0

    async def read(self, take: Callable[[bytes], bool] | None = None) -> bytes:
        self.read_calls += 1
        # What has come by now is read; what one waits for is offered.
        while self._steps and self._steps[0][0] > 0:
            data = await self._read()
            if take is None or not take(data):
                return data
        return await self._read()

    async def _read(self) -> bytes:
        if not self._steps:
            if self._play.cut:
                raise ConnectionBroken("it closed the connection before its answer was complete")
            return b""
        wait, data = self._steps[0]
        if wait:
            self._steps[0] = (0.0, data)
            await asyncio.sleep(wait)
        self._steps.pop(0)
        return data

    def release(self) -> None:
        self._upstream.note("released")

    def close(self) -> None:
        self._upstream.note("closed")


Plays = Play | Sequence[Play]
"""What an upstream does with each call; of several the last goes on."""


class FakeUpstream:
    """A transport whose upstream plays `plays`, one a call, and the last of them from then on."""

    def __init__(self, plays: Plays) -> None:
        self.plays = [plays] if isinstance(plays, Play) else list(plays)
        self.calls: list[Call] = []
        self.called: list[float] = []
        self.ended: list[tuple[str, float]] = []
        self.answers: list[FakeAnswer] = []

    @property
    def play(self) -> Play:
        """What the next call gets."""
        return self.plays[min(len(self.calls), len(self.plays) - 1)]

    @play.setter
    def play(self, play: Play) -> None:
        self.plays = [play]

    def note(self, how: str) -> None:
        self.ended.append((how, round(asyncio.get_running_loop().time(), 3)))

    async def open(self, call: Call, progress: Progress) -> Answer:
        play = self.play
        self.calls.append(call)
        self.called.append(round(asyncio.get_running_loop().time(), 3))
        try:
            await asyncio.sleep(play.connect)
            if play.refuse:
                raise ConnectFailed("the connection was refused or could not be made")
            progress.connected()
            await asyncio.sleep(play.send)
            progress.sent()
            await asyncio.sleep(play.head)
        except asyncio.CancelledError:
            self.note("cancelled")
            raise
        answer = FakeAnswer(play, self)
        self.answers.append(answer)
        return answer

    async def close(self) -> None:
        return None


def _nothing() -> None:
    return None


class FakeClient:
    """A client that sends `pieces`, may leave, may stop reading after some bytes, and may take its time for each.

    As a server does, it tells of the connection's end after the reply's end, too, and overlooks what is written later.
    """

    def __init__(
        self,
        pieces: Sequence[tuple[float, bytes]],
        headers: Mapping[str, str] | None = None,
        leave: float | None = None,
        reads: int | None = None,
        pace: float = 0.0,
    ) -> None:
        self.request_headers: Mapping[str, str] = dict(headers or {})
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.written: list[tuple[float, bytes]] = []
        self.ended: float | None = None
        self.aborted: float | None = None
        self._pieces = list(pieces)
        self._leave = leave
        self._reads = reads
        self._pace = pace
        self._stuck = asyncio.Event()
        self._on_leave: Callable[[], None] = _nothing
        self._gone = False
        self._start = asyncio.get_running_loop().time()

    @property
    def now(self) -> float:
        return asyncio.get_running_loop().time() - self._start

    @property
    def body(self) -> bytes:
        return b"".join(data for _, data in self.written)

    async def receive(self) -> bytes | None:
        if not self._pieces:
            return None
        wait, piece = self._pieces.pop(0)
        if self._leave is not None and self._leave < self.now + wait:
            await asyncio.sleep(self._leave - self.now)
            raise ClientLeft
        await asyncio.sleep(wait)
        return piece

    def watch(self, on_leave: Callable[[], None]) -> None:
        self._on_leave = on_leave
        if self._leave is not None:
            asyncio.get_running_loop().call_later(self._leave - self.now, self._go)

    def _go(self) -> None:
        self._gone = True
        self._stuck.set()
        self._on_leave()

    async def begin(self, status: int, headers: Headers) -> None:
        if self._gone:
            return
        assert self.status is None, "a reply begins once"
        self.status = status
        self.headers = dict(headers)

    async def write(self, data: bytes, last: bool = False) -> None:
        assert self.status is not None or self._gone, "a reply begins with its head"
        assert self.ended is None or self._gone, "nothing follows the end"
        if self._reads is not None and len(self.body) >= self._reads:
            await self._stuck.wait()
        if self._pace:
            await asyncio.sleep(self._pace)
        if self._gone:
            return
        self.written.append((round(self.now, 3), data))
        if last:
            self.ended = round(self.now, 3)
            asyncio.get_running_loop().call_soon(self._on_leave)

    def write_nowait(self, data: bytes) -> bool:
        if self._pace or (self._reads is not None and len(self.body) >= self._reads):
            return False
        assert self.status is not None or self._gone, "a reply begins with its head"
        assert self.ended is None or self._gone, "nothing follows the end"
        if not self._gone:
            self.written.append((round(self.now, 3), data))
        return True

    def read_again(self) -> None:
        self._reads = None
        self._stuck.set()

    def abort(self) -> None:
        self.aborted = round(self.now, 3)
        self._gone = True
        self._stuck.set()
        asyncio.get_running_loop().call_later(0.001, self._on_leave)

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Outcome:
    client: FakeClient
    upstream: FakeUpstream
    record: Record
    took: float


@dataclass
class Stage:
    """One relay with a scripted upstream."""

    upstream: FakeUpstream
    relay: Relay
    records: list[Record]
    upstreams: Mapping[str, FakeUpstream] = field(default_factory=dict)
    """All of them, by name."""

    async def run(self, client: FakeClient, entry: Entry | None = None) -> Outcome:
        start = asyncio.get_running_loop().time()
        await Exchange(self.relay, entry or Entry(dialect=DIALECTS["openai_chat"]), client).run()
        took = asyncio.get_running_loop().time() - start
        return Outcome(client, self.upstream, self.records[-1], round(took, 3))


def stage(
    play: Plays,
    config: Config | None = None,
    configured: frozenset[str] = frozenset(),
    others: Mapping[str, Plays] | None = None,
) -> Stage:
    """Return a relay whose upstream does what `play` says, and each of `others` its own. Needs a running loop."""
    config = config or Config(user="tester")
    clock, records, sites, transports = LoopClock(), list[Record](), list[Site](), dict[str, FakeUpstream]()
    for name, plays in {MAIN: play, **(others or {})}.items():
        row = config.upstream if name == MAIN else config.upstreams[name]
        upstream = upstream_of(row, config.user, {}, ADDRESS, name)
        transports[name] = FakeUpstream(plays)
        directory = Directory(upstream, transports[name], clock, config.models, config.aliases)
        sites.append(Site(name, upstream, directory, config, clock))
    relay = Relay(config, default_layer(config.timeouts, configured), sites, records.append, clock)
    relay.chance = lambda: 1.0
    return Stage(transports[MAIN], relay, records, transports)


ADDRESS = "http://secret-upstream.example:1234/argoapi"


def ask(**fields: Any) -> bytes:
    """Return the body of a small chat request."""
    body = {"model": "argo:gpt-4o", "messages": [{"role": "user", "content": "hi"}]} | fields
    return json.dumps(body).encode()


def chunk(text: str = "word", **delta: Any) -> bytes:
    """Return one chunk of a chat stream."""
    body = {"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": delta or {"content": text}, "finish_reason": None}
    return b"data: " + json.dumps(body | {"choices": [choice]}).encode() + b"\n\n"


FINISH = b'data: {"id":"c1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
DONE = b"data: [DONE]\n\n"
WHOLE = json.dumps(
    {
        "id": "c1",
        "object": "chat.completion",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "hello"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
    }
).encode()
JSON = {"content-type": "application/json"}


def message_stream(*texts: str, stop: str = "end_turn") -> bytes:
    """Return a Messages stream that says these pieces of text."""
    usage = {"input_tokens": 7, "output_tokens": 1}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "m", "content": [], "usage": usage}
    events: list[dict[str, Any]] = [
        {"type": "message_start", "message": head | {"stop_reason": None, "stop_sequence": None}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        *({"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": one}} for one in texts),
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": stop, "stop_sequence": None}, "usage": {"output_tokens": 5}},
        {"type": "message_stop"},
    ]
    return b"".join([message_event(event) for event in events])


def message_event(event: dict[str, Any]) -> bytes:
    """Return one event of a Messages stream."""
    return f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode()


MESSAGE = json.dumps(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "hello"}],
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {"input_tokens": 7, "output_tokens": 5},
    }
).encode()
"""A whole Messages reply."""
