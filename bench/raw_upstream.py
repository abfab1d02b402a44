"""An upstream under the bench's control: a raw server of Chat Completions that sees when each connection closes.

What it does stands in the prompt: `probe 17 slow 9` is request 17 of the bench's, to be answered after 9 s. One
connection carries one request, so that a connection's end is a request's end.

    slow S      nothing for S seconds, then the reply, whole or as a stream
    drip S      a stream with an event every 0.25 s, S seconds long
    stall S     two events of a stream, then nothing for S seconds
    ping S      the head of a stream, then comments only, every 0.25 s, S seconds long
    pause S     two events of a stream, then comments only, every 0.25 s, S seconds long
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

_GAP: Final = 0.25
_PROBE: Final = re.compile(rb"probe (\d+) (slow|drip|stall|ping|pause) ([0-9.]+)")
_STREAM: Final = re.compile(rb'"stream"\s*:\s*true')
_USAGE: Final = {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
_HEAD: Final = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n{}\r\n"
_MODELS: Final = ("gpt-4o", "gpt4o")
_NAMED: Final = {"id": "chatcmpl-1", "created": 1, "model": "gpt-4o"}
_COMMENT: Final = b": ping\n\n"


@dataclass
class Generation:
    """One request of a probe; times are `time.perf_counter`'s."""

    probe: int
    started: float
    finished: float | None = None
    """When the last byte of the reply had been written."""
    closed: float | None = None
    """When the other side closed its connection before that."""


@dataclass
class Upstream:
    """What it was asked; `url` is where it listens, without a path."""

    port: int
    generations: list[Generation] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`."""
        return f"http://127.0.0.1:{self.port}"

    def of(self, probe: int) -> list[Generation]:
        """Return what one probe started here, oldest first."""
        return [one for one in self.generations if one.probe == probe]


@asynccontextmanager
async def upstream() -> AsyncIterator[Upstream]:
    """Serve on a free port of loopback."""
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(_serve(there, reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    there = Upstream(server.sockets[0].getsockname()[1])
    try:
        yield there
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _serve(there: Upstream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        body = await _body(reader, head)
        found = _PROBE.search(body)
        streamed = _STREAM.search(body) is not None
        if found is None:
            _answer(writer, streamed=streamed, listed=head.startswith(b"GET"))
            await writer.drain()
            return
        generation = Generation(int(found[1]), time.perf_counter())
        there.generations.append(generation)
        play = asyncio.ensure_future(_PLAYS[found[2].decode()](writer, float(found[3]), streamed))
        await _until_either(generation, play, asyncio.ensure_future(_closed(reader)))
    except (ConnectionError, asyncio.IncompleteReadError):
        pass  # who leaves before its request is whole has started nothing
    finally:
        writer.close()


async def _until_either(generation: Generation, play: asyncio.Future[None], closed: asyncio.Future[None]) -> None:
    try:
        await asyncio.wait((play, closed), return_when=asyncio.FIRST_COMPLETED)
        failed = play.done() and play.exception() is not None
        if closed.done() or failed:
            generation.closed = time.perf_counter()
        else:
            generation.finished = time.perf_counter()
    finally:
        play.cancel()
        closed.cancel()


async def _body(reader: asyncio.StreamReader, head: bytes) -> bytes:
    """Return a request's body, however it is framed."""
    lengths = re.search(rb"\r\ncontent-length:\s*(\d+)", head, re.IGNORECASE)
    if lengths:
        return await reader.readexactly(int(lengths[1]))
    if not re.search(rb"\r\ntransfer-encoding:\s*chunked", head, re.IGNORECASE):
        return b""
    body = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return body


async def _closed(reader: asyncio.StreamReader) -> None:
    """Return when the other side has closed, politely or not."""
    try:
        while await reader.read(65536):
            pass
    except ConnectionError:
        pass


def _answer(writer: asyncio.StreamWriter, *, streamed: bool, listed: bool = False) -> None:
    """Write a whole reply, a short stream, or the list of models."""
    if listed:
        rows = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in _MODELS]
        _whole(writer, {"object": "list", "data": rows})
    elif streamed:
        _open(writer)
        _say(writer, _event("word"))
        _end(writer)
    else:
        message = {"role": "assistant", "content": "three words here"}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        _whole(writer, {**_NAMED, "object": "chat.completion", "choices": [choice], "usage": _USAGE})


def _whole(writer: asyncio.StreamWriter, value: object) -> None:
    body = json.dumps(value).encode()
    writer.write(_HEAD.format("application/json", f"content-length: {len(body)}\r\n").encode() + body)


def _open(writer: asyncio.StreamWriter) -> None:
    writer.write(_HEAD.format("text/event-stream", "transfer-encoding: chunked\r\n").encode())


def _say(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))


def _end(writer: asyncio.StreamWriter) -> None:
    _say(writer, _event(None))
    _say(writer, b"data: [DONE]\n\n")
    writer.write(b"0\r\n\r\n")


def _event(text: str | None) -> bytes:
    """Return an event of a stream: a piece of content, or what says that it ends."""
    delta = {} if text is None else {"role": "assistant", "content": text}
    choice = {"index": 0, "delta": delta, "finish_reason": "stop" if text is None else None}
    chunk = {**_NAMED, "object": "chat.completion.chunk", "choices": [choice]}
    return b"data: " + json.dumps(chunk if text else chunk | {"usage": _USAGE}).encode() + b"\n\n"


async def _slow(writer: asyncio.StreamWriter, seconds: float, streamed: bool) -> None:
    await asyncio.sleep(seconds)
    _answer(writer, streamed=streamed)
    await writer.drain()


async def _drip(writer: asyncio.StreamWriter, seconds: float, _: bool) -> None:
    await _stream(writer, _event("word "), seconds, words=0)


async def _stall(writer: asyncio.StreamWriter, seconds: float, _: bool) -> None:
    await _stream(writer, b"", seconds, words=2)


async def _ping(writer: asyncio.StreamWriter, seconds: float, _: bool) -> None:
    await _stream(writer, _COMMENT, seconds, words=0)


async def _pause(writer: asyncio.StreamWriter, seconds: float, _: bool) -> None:
    await _stream(writer, _COMMENT, seconds, words=2)


async def _stream(writer: asyncio.StreamWriter, piece: bytes, seconds: float, words: int) -> None:
    """Write some words at once, then the same piece again and again, then the end."""
    _open(writer)
    for _ in range(words):
        _say(writer, _event("word "))
    for _ in range(round(seconds / _GAP)):
        if piece:
            _say(writer, piece)
        await writer.drain()
        await asyncio.sleep(_GAP)
    _end(writer)
    await writer.drain()


_PLAYS: Final[dict[str, Callable[[asyncio.StreamWriter, float, bool], Awaitable[None]]]] = {
    "slow": _slow,
    "drip": _drip,
    "stall": _stall,
    "ping": _ping,
    "pause": _pause,
}
