"""The soak's upstreams, which speak Chat Completions: one that is steady, and one that flaps.

What one is asked stands in the prompt: `soak 17 40 0.05 0` is request 17, to be answered with 40 words, one each 0.05 s
where it is a stream, after 0 s. Its words name the request, so that a reply can be known for the right one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator
from itertools import cycle
from typing import Any, Final

_ASKED: Final = re.compile(rb"soak (\d+) (\d+) ([0-9.]+) ([0-9.]+)")
_STREAM: Final = re.compile(rb'"stream"\s*:\s*true')
_LENGTH: Final = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_NAMED: Final = {"id": "chatcmpl-1", "created": 1, "model": "soak"}
_GOOD_SECONDS: Final = 9.0
_BAD_SECONDS: Final = 3.0
_LONGEST_SECONDS: Final = 60.0
MOODS: Final = ("refuses", "resets", "stalls", "says 500", "breaks off")


def words_of(number: int, count: int) -> str:
    """Return what a request is answered with."""
    return "".join(f"{number}.{place} " for place in range(count))


class Upstream:
    """One of them; `mood` is what it does with calls that come now: empty means to answer them."""

    def __init__(self) -> None:
        self.port = 0
        self.mood = ""
        self.calls = 0
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        """Take connections, on the port that it has had before."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, backlog=1024)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Take no more connections, and end those there are."""
        if self._server is not None:
            self._server.close()
        for task in tuple(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def flap(self) -> None:
        """Be in one mood after another, and well between them."""
        for mood in cycle(MOODS):
            await asyncio.sleep(_GOOD_SECONDS)
            if mood == "refuses":
                await self.close()
            self.mood = mood
            await asyncio.sleep(_BAD_SECONDS)
            if mood == "refuses":
                await self.listen()
            self.mood = ""

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._open.add(task)
        task.add_done_callback(self._open.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = _LENGTH.search(head)
                body = await reader.readexactly(int(length[1])) if length else b""
                if not await self._answer(body, writer):
                    return
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the relay has closed it
        finally:
            writer.transport.abort()

    async def _answer(self, body: bytes, writer: asyncio.StreamWriter) -> bool:
        """Answer a call, or do what the mood is for; return whether another may follow."""
        found = _ASKED.search(body, max(0, body.rfind(b"soak ")))
        if found is None:
            _whole(writer, {"object": "list", "data": [{"id": "soak", "object": "model"}]})
            return True
        self.calls += 1
        if self.mood == "resets":
            return False
        if self.mood == "stalls":
            await asyncio.sleep(_LONGEST_SECONDS)
        if self.mood == "says 500":
            _whole(writer, {"error": {"message": "soaked", "type": "server_error"}}, "500 No")
            return True
        await asyncio.sleep(float(found[4]))
        words = words_of(int(found[1]), int(found[2]))
        if _STREAM.search(body) is None:
            message = {"role": "assistant", "content": words}
            choice = {"index": 0, "message": message, "finish_reason": "stop"}
            _whole(writer, {**_NAMED, "object": "chat.completion", "choices": [choice]})
            await writer.drain()
            return True
        return await self._stream(writer, words.split(" ")[:-1], float(found[3]))

    async def _stream(self, writer: asyncio.StreamWriter, words: list[str], pause: float) -> bool:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")
        for place, word in enumerate(words):
            if self.mood == "breaks off" and place == len(words) // 2:
                return False
            _event(writer, {"content": f"{word} "})
            await writer.drain()
            if pause:
                await asyncio.sleep(pause)
        _event(writer, None)
        writer.write(b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n")
        await writer.drain()
        return True


@contextlib.asynccontextmanager
async def upstreams() -> AsyncIterator[tuple[Upstream, Upstream]]:
    """Run the steady one and the one that flaps."""
    steady, flaky = Upstream(), Upstream()
    await steady.listen()
    await flaky.listen()
    flapping = asyncio.create_task(flaky.flap())
    try:
        yield steady, flaky
    finally:
        flapping.cancel()
        await asyncio.gather(flapping, return_exceptions=True)
        await steady.close()
        await flaky.close()


def _whole(writer: asyncio.StreamWriter, value: dict[str, Any], status: str = "200 OK") -> None:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)


def _event(writer: asyncio.StreamWriter, delta: dict[str, str] | None) -> None:
    choice = {"index": 0, "delta": delta or {}, "finish_reason": None if delta else "stop"}
    event = (
        b"data: " + json.dumps({**_NAMED, "object": "chat.completion.chunk", "choices": [choice]}).encode() + b"\n\n"
    )
    writer.write(b"%x\r\n%s\r\n" % (len(event), event))
