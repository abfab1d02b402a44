"""An upstream that is not the bottleneck: Chat Completions from bytes that are made once, on uvloop, in a process.

    .venv/bin/python bench/fast_upstream.py

It prints its port, and ends with its input. What it does stands in the last message: `play whole` a reply of 1 KB;
`play burst 200` a stream of 200 events in one write; `play paced 40` a stream of 40 events, one each 50 to 100 ms.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
from functools import lru_cache
from itertools import cycle, islice
from typing import Any, Final, cast

import httptools
import uvloop

EVERY: Final = (0.05, 0.1)
"""Seconds between two events of a paced stream, at random."""
_PLAY: Final = re.compile(rb"play (burst|paced) (\d+)")
_STREAM: Final = re.compile(rb'"stream"\s*:\s*true')
_NAMED: Final = {"id": "chatcmpl-BvTnzLrQh1zYh2dYJ9xkQm5pKcW0a", "created": 1_795_000_000, "model": "gpt-4o-2024-08-06"}
_USAGE: Final = {"prompt_tokens": 300, "completion_tokens": 200, "total_tokens": 500}
_FINGERPRINT: Final = {"system_fingerprint": "fp_07871e2ad8"}
_WORDS: Final = " and then some more words of a reply that says little" * 13
_MODELS: Final = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in ("gpt-4o", "gpt4o")]


def _whole(value: dict[str, Any]) -> bytes:
    body = json.dumps(value).encode()
    return b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def _chunk(delta: dict[str, str] | None) -> bytes:
    """Return an event in a chunk of its own: a piece of a reply, or None for what says that it ends."""
    reason = "stop" if delta is None else None
    choice = {"index": 0, "delta": delta or {}, "logprobs": None, "finish_reason": reason}
    value = {**_NAMED, **_FINGERPRINT, "object": "chat.completion.chunk", "choices": [choice]}
    event = b"data: %s\n\n" % json.dumps(value if delta else value | {"usage": _USAGE}).encode()
    return b"%x\r\n%s\r\n" % (len(event), event)


_MESSAGE: Final = {"role": "assistant", "content": _WORDS}
_REPLY: Final = _whole(
    {
        **_NAMED,
        **_FINGERPRINT,
        "object": "chat.completion",
        "choices": [{"index": 0, "message": _MESSAGE, "logprobs": None, "finish_reason": "stop"}],
        "usage": _USAGE,
    }
)
_LIST: Final = _whole({"object": "list", "data": _MODELS})
_HEAD: Final = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
_FIRST: Final = _chunk({"role": "assistant", "content": ""})
# More than one, because a gateway (LiteLLM) ends streams that repeat themselves.
_PIECES: Final = tuple(_chunk({"content": f" {word}"}) for word in ("each", "word", "says", "some", "more"))
_END: Final = _chunk(None) + b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"


@lru_cache
def _burst(events: int) -> bytes:
    return b"".join([_HEAD, _FIRST, *islice(cycle(_PIECES), events - 2), _END])


class Connection(asyncio.Protocol):
    """One connection: a request, its answer, the next request."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read."""
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._body: list[bytes] = []

    def data_received(self, data: bytes) -> None:
        """Hand on what came; the parser calls the methods below."""
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        """Say no more."""
        if self._timer is not None:
            self._timer.cancel()

    def on_body(self, piece: bytes) -> None:
        """Keep a piece of a request's body."""
        self._body.append(piece)

    def on_message_complete(self) -> None:
        """Answer."""
        body = b"".join(self._body)
        self._body.clear()
        if self._parser.get_method() != b"POST":
            self._write(_LIST)
        elif not _STREAM.search(body):
            self._write(_REPLY)
        else:
            # It is in the last message: a search from there passes over 250 KB of others.
            found = _PLAY.search(body, max(0, body.rfind(b"play ")))
            kind, events = (found[1], int(found[2])) if found else (b"burst", 5)
            if kind == b"burst":
                self._write(_burst(events))
            else:
                self._transport.write(_HEAD + _FIRST)
                self._later(events - 2)

    def _write(self, reply: bytes) -> None:
        self._transport.write(reply)
        if not self._parser.should_keep_alive():
            self._transport.close()

    def _later(self, left: int) -> None:
        self._timer = self._loop.call_later(random.uniform(*EVERY), self._next, left)

    def _next(self, left: int) -> None:
        if left:
            self._transport.write(_PIECES[left % len(_PIECES)])
            self._later(left - 1)
        else:
            self._write(_END)


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    server.close()


if __name__ == "__main__":
    uvloop.run(_serve())
