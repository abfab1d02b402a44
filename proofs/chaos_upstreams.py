"""Raw upstreams of the chaos run, which do with each call what has been drawn for it, and keep account of it.

good, slow, drip    a reply, at once, late, or bit by bit      comments      comments only, until the other side goes
stall, drop, no_end a part of it: then silence, the            slow_head     the head byte by byte
                    connection's end, or the reply's           status        an error, or another status
reset, hang_up      no answer: a reset, an orderly end         hidden_error  an error under status 200
truncated           JSON cut off, well framed                  half_event    a stream that ends within an event
garbage             noise in the body                          garbage_http  no HTTP
garbage_chunk       noise between two chunks                   wrong_type    another type, and another form
length_long         less than was announced, then silence      length_short  more than was announced
after_end           more events after the terminator           fat           much, for readers that are slow
empty, nothing      an empty body; an empty object
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import chaos_says as says
from chaos_draw import Deed

_NUMBER: Final = re.compile(rb"chaos-(\d+)-")
_STREAM: Final = re.compile(rb'"stream"\s*:\s*true')
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_CHUNKED: Final = re.compile(rb"\r\ntransfer-encoding:\s*chunked", re.IGNORECASE)
_SSE: Final = "text/event-stream"
_JSON: Final = "application/json"
_LONGEST_SECONDS: Final = 30.0
_LINGER: Final = struct.pack("ii", 1, 0)


@dataclass
class Generation:
    """One call of an upstream; times are `time.monotonic`'s."""

    number: int
    upstream: str
    deed: str
    started: float
    over: float | None = None
    how: str = "running"
    """finished: said all that it had to; closed: the other side closed before; broken: it closed by itself."""

    def end(self, how: str) -> None:
        """Note how it ended; only the first call counts."""
        if self.over is None:
            self.how, self.over = how, time.monotonic()


@dataclass
class Upstreams:
    """All of them: where each listens, and what was asked of them."""

    ports: dict[str, int] = field(default_factory=dict)
    generations: list[Generation] = field(default_factory=list)
    open: set[asyncio.Task[None]] = field(default_factory=set)
    """Connections."""
    busy: int = 0
    """Connections with a call under way."""
    odd: list[str] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)


class _Closed(Exception):
    """The other side has closed the connection."""


class _Broken(Exception):
    """This side closes it."""


@contextlib.asynccontextmanager
async def upstreams(kinds: dict[str, str], deeds: Callable[[int], tuple[Deed, ...]]) -> AsyncIterator[Upstreams]:
    """Serve on free ports of loopback: `kinds` has the dialect of each; two more are `dead` and `deaf`."""
    there = Upstreams()
    async with contextlib.AsyncExitStack() as stack:
        for name, dialect in kinds.items():
            server = await asyncio.start_server(_acceptor(there, name, dialect, deeds), "127.0.0.1", 0, backlog=1024)
            there.ports[name] = server.sockets[0].getsockname()[1]
            stack.callback(server.close)
        dead = stack.enter_context(socket.socket())
        dead.bind(("127.0.0.1", 0))
        there.ports["dead"] = dead.getsockname()[1]
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        there.ports["deaf"] = deaf.getsockname()[1]
        for _ in range(3):
            # A full queue: who comes now waits for a handshake that never comes.
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(deaf.getsockname())
        try:
            yield there
        finally:
            for task in tuple(there.open):
                task.cancel()
            await asyncio.gather(*there.open, return_exceptions=True)


def _acceptor(
    there: Upstreams, name: str, dialect: str, deeds: Callable[[int], tuple[Deed, ...]]
) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], None]:
    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(there, name, dialect, deeds, reader, writer)
        task = asyncio.get_running_loop().create_task(line.serve())
        there.open.add(task)
        task.add_done_callback(there.open.discard)

    return accept


class _Line:
    """One connection: calls one after the other."""

    def __init__(
        self,
        there: Upstreams,
        name: str,
        dialect: str,
        deeds: Callable[[int], tuple[Deed, ...]],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        self._there = there
        self._name = name
        self._dialect = dialect
        self._deeds = deeds
        self._reader = reader
        self._writer = writer

    async def serve(self) -> None:
        try:
            while await self._call():
                pass
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # who leaves before its request is whole has started nothing
        except Exception as error:  # noqa: BLE001 - the run is to tell of a mistake in its own upstream
            self._there.odd.append(f"upstream {self._name}: {error!r}")
        finally:
            self._writer.transport.abort()

    async def _call(self) -> bool:
        """Answer one call; whether the connection may serve another."""
        head = await self._reader.readuntil(says.END)
        body = await self._body(head)
        if head.startswith(b"GET"):
            self._writer.write(_head(200, _JSON, len(listed := says.listing(self._dialect))) + listed)
            return True
        found = _NUMBER.search(body)
        if found is None:
            self._there.odd.append(f"upstream {self._name} was asked {body[:100]!r}")
            return False
        number = int(found[1])
        call = self._there.counts.get(number, 0)
        self._there.counts[number] = call + 1
        deeds = self._deeds(number)
        deed = deeds[call % len(deeds)]
        generation = Generation(number, self._name, deed.name, time.monotonic())
        self._there.generations.append(generation)
        streamed = b":streamGenerateContent" in head or _STREAM.search(body) is not None
        play = _Play(self._writer, self._dialect, deed, number, streamed)
        return await self._until_either(generation, play.run())

    async def _until_either(self, generation: Generation, playing: Coroutine[Any, Any, None]) -> bool:
        self._there.busy += 1
        play, closed = asyncio.ensure_future(playing), asyncio.ensure_future(self._reader.read(1))
        try:
            await asyncio.wait((play, closed), return_when=asyncio.FIRST_COMPLETED, timeout=_LONGEST_SECONDS)
            if play.done() and play.exception() is None:
                generation.end("finished")
            elif play.done() and isinstance(play.exception(), _Broken):
                generation.end("broken")
            elif closed.done() or play.done():
                generation.end("closed")
                if play.done() and not isinstance(play.exception(), ConnectionError):
                    self._there.odd.append(f"upstream {self._name}: {play.exception()!r}")
            else:
                generation.end("never")
            if closed.done() and closed.exception() is None and closed.result():
                self._there.odd.append(f"upstream {self._name}: a call before the last one was answered")
            return generation.how == "finished" and not closed.done()
        finally:
            self._there.busy -= 1
            play.cancel()
            closed.cancel()
            await asyncio.gather(play, closed, return_exceptions=True)

    async def _body(self, head: bytes) -> bytes:
        reader = self._reader
        if length := _LENGTH.search(head):
            return await reader.readexactly(int(length[1]))
        body = b""
        if _CHUNKED.search(head):
            while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
                body += await reader.readexactly(size)
                await reader.readexactly(2)
            await reader.readuntil(b"\r\n")
        return body


class _Play:
    """One deed. What it writes says the request's number, so that no reply can be taken for another's."""

    def __init__(self, writer: asyncio.StreamWriter, dialect: str, deed: Deed, number: int, streamed: bool) -> None:
        self._writer = writer
        self._dialect = dialect
        self._deed = deed
        self._streamed = streamed
        self._noise = Random(number)
        word = f"<chaos-{number}-{deed.name}>"
        self._pieces = [f"{word}{'x' * (deed.size if deed.name == 'fat' else 3)} " for _ in range(deed.events)]
        self._events = says.stream(dialect, self._pieces)
        self._whole = says.whole(dialect, "".join(self._pieces))

    async def run(self) -> None:
        await asyncio.sleep(self._deed.delay)
        await getattr(self, f"_{self._deed.name}", self._good)()

    async def _good(self) -> None:
        await self._reply(self._whole, self._events)

    async def _reply(self, whole: bytes, events: list[bytes], kind: str | None = None) -> None:
        if not self._streamed:
            await self._write(_head(200, kind or _JSON, len(whole)) + whole)
            return
        await self._write(_head(200, kind or _SSE))
        await self._chunks(events)
        await self._write(b"0\r\n\r\n")

    async def _chunks(self, events: list[bytes]) -> None:
        for event in events:
            await self._write(_chunk(event))
            await asyncio.sleep(self._deed.gap)

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def _part(self) -> None:
        """Say a part of the reply."""
        if self._streamed:
            await self._write(_head(200, _SSE))
            await self._chunks(self._events[: int(len(self._events) * self._deed.at)])
        else:
            part = self._whole[: int(len(self._whole) * self._deed.at)]
            await self._write(_head(200, _JSON, len(self._whole)) + part)

    async def _stall(self) -> None:
        await self._part()
        await asyncio.sleep(_LONGEST_SECONDS)

    _length_long = _stall

    async def _drop(self) -> None:
        await self._part()
        raise _Broken

    async def _reset(self) -> None:
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER)
        raise _Broken

    async def _hang_up(self) -> None:
        raise _Broken

    async def _no_end(self) -> None:
        await self._reply(self._whole[:-1], self._events[: len(self._events) - 1 - int(self._deed.at * 2)])

    async def _comments(self) -> None:
        await self._write(_head(200, _SSE if self._streamed else _JSON))
        while True:
            await self._write(_chunk(b": there\n\n" if self._streamed else b" "))
            await asyncio.sleep(0.02 + self._deed.gap)

    async def _slow_head(self) -> None:
        for byte in _head(200, _JSON, 10**6):
            await self._write(bytes((byte,)))
            await asyncio.sleep(0.01 + self._deed.gap)
        raise _Broken

    async def _status(self) -> None:
        deed = self._deed
        body = says.error(self._dialect, deed.status, f"no: chaos-{self._noise.random()}")
        kind = _JSON
        if deed.html:
            body, kind = b"<html><h1>no</h1></html>", "text/html"
        again = f"retry-after: {deed.retry_after}\r\n" if deed.retry_after else ""
        where = "location: http://127.0.0.1:9/elsewhere\r\n" if deed.status < 400 else ""
        await self._write(_head(deed.status, kind, len(body), again + where) + body)

    async def _hidden_error(self) -> None:
        told = says.error(self._dialect, 500, "it broke")
        at = int(len(self._events) * self._deed.at)
        await self._reply(told, [*self._events[:at], says.stream_error(self._dialect, "it broke")])

    async def _truncated(self) -> None:
        at = int(len(self._whole) * self._deed.at)
        await self._reply(self._whole[:at], [b"".join(self._events)[:at]])

    async def _half_event(self) -> None:
        at = int(len(self._events) * self._deed.at)
        last = self._events[at]
        await self._reply(self._whole, [*self._events[:at], last[: len(last) // 2]])

    async def _garbage(self) -> None:
        noise = self._noise.randbytes(300)
        await self._reply(noise, [*self._events[: int(3 * self._deed.at)], noise, b"data: {not json\n\n"])

    async def _garbage_http(self) -> None:
        await self._write(self._noise.randbytes(200) + b"\r\n\r\n")
        raise _Broken

    async def _garbage_chunk(self) -> None:
        await self._write(_head(200, _SSE if self._streamed else _JSON))
        await self._chunks(self._events[:2] if self._streamed else [self._whole[:20]])
        await self._write(b"zz\r\n" + self._noise.randbytes(50))
        await asyncio.sleep(_LONGEST_SECONDS)

    async def _wrong_type(self) -> None:
        kind = ("text/html", "application/octet-stream", "", _JSON if self._streamed else _SSE)[int(self._deed.at * 4)]
        if kind in (_JSON, _SSE):
            self._streamed = not self._streamed
        await self._reply(self._whole, self._events, kind or None)

    async def _length_short(self) -> None:
        body = b"".join(self._events) if self._streamed else self._whole
        await self._write(_head(200, _SSE if self._streamed else _JSON, int(len(body) * self._deed.at)) + body)

    async def _after_end(self) -> None:
        # Nothing in Google's streams says that they are over, but that they are.
        more = [] if self._dialect == "google" else says.stream(self._dialect, ["<after the end>"])
        await self._reply(self._whole + b"\n", [*self._events, *more])

    async def _empty(self) -> None:
        await self._reply(b"", [])

    async def _nothing(self) -> None:
        await self._reply(b"{}", [b"data: {}\n\n", b"data: [DONE]\n\n"])


def _head(status: int, kind: str, length: int | None = None, more: str = "") -> bytes:
    framed = "transfer-encoding: chunked" if length is None else f"content-length: {length}"
    return f"HTTP/1.1 {status} Told\r\ncontent-type: {kind}\r\n{more}{framed}\r\n\r\n".encode()


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data) if data else b""
