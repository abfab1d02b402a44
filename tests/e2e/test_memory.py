"""What the real process holds of large requests, of clients that do not read, and of clients that do not write.

Each bound is one that a further copy, or a side that is not held back, would break by far.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from support.process import RelayProcess
from support.upstream import PATIENCE, Connection, upstream
from support.wire import Reply, Wire, post

MIB = 1 << 20
BODY = 60 * MIB
MOST_COPIES = 2
"""As the client sent it (for whoever is asked next), and as it is sent."""
MARGIN = 0.2
"""Of both: what is on its way between sockets, and the ends of texts, as values."""
RETRIES = 2
STREAMS = 50
FLOOD = 32 * MIB
"""Of a stream; what the system's own buffers hold of it on the way is less."""
A_STREAM = 5 * 512 * 1024
"""Of one that stands still: 64 KiB that the upstream has sent and nobody has read, with the read of 256 KiB that went
beyond; and as much in the relay's hands: as it came, in events, as a block, and in what the server has not sent."""
PATHS = {"verbatim": "/v1/chat/completions", "translated": "/v1/messages"}

Behave = Callable[[Connection], Awaitable[None]]


@pytest.fixture(params=PATHS)
def path(request: pytest.FixtureRequest) -> str:
    return PATHS[request.param]


def held(pid: int, name: str) -> int:
    """Return bytes of a process: VmRSS now, VmHWM at the most."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


def asked(content: object, **more: object) -> bytes:
    message = {"role": "user", "content": content}
    body = {"model": "m", "max_tokens": 5, "messages": [message], **more}
    return json.dumps(body, ensure_ascii=False).encode()


def answer() -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
    body = json.dumps({"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]})
    return f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n{body}".encode()


async def takes_all(connection: Connection) -> None:
    while True:
        await connection.request()
        await connection.say(answer())


async def takes_it_slowly(connection: Connection) -> None:
    while True:
        head = (await connection.reader.readuntil(b"\r\n\r\n")).lower()
        left = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while left:
            left -= len(await connection.reader.read(min(left, 65536)))
            await asyncio.sleep(0)
        await connection.say(answer())


async def refuses_early(connection: Connection) -> None:
    head = (await connection.reader.readuntil(b"\r\n\r\n")).lower()
    if int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0) < MIB:
        await connection.say(answer())
        return
    await connection.say(b"HTTP/1.1 413 No\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}")
    await connection.end()


async def refuses_at_first(connection: Connection) -> None:
    refused = 0
    while True:
        if len(await connection.request()) < MIB or refused == RETRIES:
            await connection.say(answer())
        else:
            refused += 1
            await connection.say(b"HTTP/1.1 503 No\r\ncontent-length: 2\r\n\r\n{}")


def relay(port: int, more: str = "retries: 0") -> RelayProcess:
    return RelayProcess(config=f"upstream: {{kind: openai, base_url: 'http://127.0.0.1:{port}'}}\n{more}\n")


async def copies_of(behave: Behave, path: str, body: bytes, status: int, more: str = "retries: 0") -> float:
    """Return how often a request is held at the most."""
    async with upstream(behave) as there:

        def serve() -> tuple[Reply, float]:
            with relay(there.port, more) as started, Wire(started.port) as wire:
                wire.ask(post(asked("hi"), path))
                before = held(started.pid, "VmRSS")
                reply = wire.ask(post(body, path))
                return reply, (held(started.pid, "VmHWM") - before) / len(body)

        reply, copies = await asyncio.to_thread(serve)
    assert reply.status == status
    return copies


LARGE: dict[str, Callable[[], bytes]] = {
    "a text of ASCII": lambda: asked("a word or two " * (BODY // 14)),
    "an emoji in it": lambda: asked("a word or two " * (BODY // 14) + "\U0001f600"),
    "lines of code": lambda: asked('if a == "b":\n    \U0001f600\n' * (BODY // 26)),
    "files of 100 KB": lambda: asked([{"type": "text", "text": "\u00e9" * 50_000}] * (BODY // 100_000)),
}


WAYS: dict[Behave, int] = {takes_all: 200, takes_it_slowly: 200, refuses_early: 413}
MATRIX = [
    *((behave, kind) for kind in ("a text of ASCII", "an emoji in it") for behave in WAYS),
    *((takes_all, kind) for kind in ("lines of code", "files of 100 KB")),
]


@pytest.mark.parametrize(("behave", "kind"), MATRIX)
async def test_a_large_request_is_held_as_it_came_and_as_it_is_sent(behave: Behave, path: str, kind: str) -> None:
    copies = await copies_of(behave, path, LARGE[kind](), WAYS[behave])
    # Where nothing of it changes both are the same.
    assert copies < (MOST_COPIES if path == PATHS["translated"] else 1) + MARGIN


async def test_what_is_set_apart_arrives_as_it_came(path: str) -> None:
    came: list[bytes] = []

    async def keeps(connection: Connection) -> None:
        while True:
            came.append(await connection.request())
            await connection.say(answer())

    text = "".join(f'line {number} says "\U0001f600", and\n\ttells it \\ apart\n' for number in range(BODY // 1000))
    body = asked([{"type": "text", "text": text}, {"type": "text", "text": "and so on " * 9000}], timeout=60)
    await copies_of(keeps, path, body, 200)
    sent = json.loads(came[-1])
    assert sent["messages"] == json.loads(body)["messages"]
    assert "timeout" not in sent


NOBODY = "{kind: openai, base_url: 'http://127.0.0.1:9'}"
FAILED: dict[str, tuple[Behave, str]] = {
    "refused": (refuses_at_first, f"retries: {RETRIES}"),
    "unreachable": (takes_all, f"upstreams: {{gone: {NOBODY}}}\nroutes: {{m: [gone, main]}}"),
}


@pytest.mark.parametrize("how", FAILED)
async def test_of_an_attempt_that_has_failed_nothing_is_held(path: str, how: str) -> None:
    # `timeout` is the relay's, so that what is sent is never what came.
    body = asked("a word or two " * (BODY // 14), timeout=60)
    behave, more = FAILED[how]
    assert await copies_of(behave, path, body, 200, more) < MOST_COPIES + MARGIN


SMALL_TURNS = {"verbatim": 8.0, "translated": 12.0}
"""Times their bytes, for turns of 120 bytes each: what Python's dicts, lists and texts take while they are read."""


def small_turns(size: int) -> bytes:
    turns = [{"role": "user", "content": [{"type": "text", "text": "x" * 60}]}] * (size // 120)
    return json.dumps({"model": "m", "max_tokens": 5, "messages": turns}, separators=(",", ":")).encode()


@pytest.mark.parametrize("lane", SMALL_TURNS)
async def test_many_small_turns_are_held_as_values_for_a_moment(lane: str) -> None:
    assert await copies_of(takes_all, PATHS[lane], small_turns(BODY // 6), 200) < SMALL_TURNS[lane]


async def test_many_small_turns_are_not_held_as_values_while_they_are_answered(path: str) -> None:
    body, pids, seen = small_turns(BODY // 3), asyncio.Queue[int](), []

    async def looks(connection: Connection) -> None:
        while len(await connection.request()) < MIB:
            await connection.say(answer())
        seen.append(held(pids.get_nowait(), "VmRSS"))
        await connection.say(answer())

    async with upstream(looks) as there:
        with relay(there.port) as started, Wire(started.port) as wire:
            await asyncio.to_thread(wire.ask, post(asked("hi"), path))
            before = held(started.pid, "VmRSS")
            pids.put_nowait(started.pid)
            reply = await asyncio.to_thread(wire.ask, post(body, path))
    assert reply.status == 200
    assert (seen[0] - before) / len(body) < MOST_COPIES + 2 * MARGIN


async def test_clients_that_do_not_read_hold_their_upstreams_back(path: str) -> None:
    stuck = asyncio.Semaphore(0)

    async def floods(connection: Connection) -> None:
        if b'"stream":true' not in (await connection.request()).replace(b" ", b""):
            await connection.say(answer())
            return
        held_back = False
        await connection.say(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n")
        for _ in range(FLOOD // len(EVENT)):
            connection.writer.write(EVENT)
            if not held_back:
                try:
                    await asyncio.wait_for(connection.writer.drain(), 1)
                except TimeoutError:
                    held_back = True
                    stuck.release()
            await connection.writer.drain()
        await connection.say(LAST)

    async with upstream(floods) as there:
        with relay(there.port) as started, ExitStack() as open_:
            wire = open_.enter_context(Wire(started.port))
            await asyncio.to_thread(wire.ask, post(asked("hi"), path))
            before = held(started.pid, "VmRSS")
            clients = [open_.enter_context(small(started.port)) for _ in range(STREAMS)]
            for client in clients:
                client.send(post(asked("hi", stream=True), path))
            async with asyncio.timeout(6 * PATIENCE):
                for _ in range(STREAMS):
                    await stuck.acquire()
            a_stream = (held(started.pid, "VmHWM") - before) / STREAMS
            ends = await asyncio.gather(*(asyncio.to_thread(rest, client) for client in clients[:5]))
    assert a_stream < A_STREAM
    assert all(b"stop" in end for end in ends), "what was held back comes when it is read"


CHUNK = {"id": "x", "object": "chat.completion.chunk", "created": 1, "model": "m"}
EVENT = (
    b"data: "
    + json.dumps({**CHUNK, "choices": [{"index": 0, "delta": {"content": "word " * 3000}}]}).encode()
    + b"\n\n"
)
LAST = b"data: " + json.dumps({**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}).encode()
LAST += b"\n\ndata: [DONE]\n\n"


def small(port: int) -> Wire:
    """Return a client whose system takes little on its behalf."""
    wire = Wire(port)
    wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
    return wire


def rest(wire: Wire) -> bytes:
    """Return the end of what comes."""
    last = b""
    while not last.endswith(b"0\r\n\r\n") and (piece := wire.socket.recv(1 << 20)):
        last = (last + piece)[-1000:]
    return last


async def test_clients_that_do_not_write_are_given_no_more_room_than_they_have_filled() -> None:
    async with upstream(takes_all) as there:
        with relay(there.port) as started, ExitStack() as open_:
            wire = open_.enter_context(Wire(started.port))
            await asyncio.to_thread(wire.ask, post(asked("hi")))
            before = held(started.pid, "VmRSS")
            for _ in range(STREAMS):
                slow = open_.enter_context(Wire(started.port))
                await asyncio.to_thread(slow.send, post(b"", content_length=str(BODY)) + b" " * 256 * 1024)
            await asyncio.to_thread(wire.ask, post(asked("hi")))
            a_stream = (held(started.pid, "VmHWM") - before) / STREAMS
    assert a_stream < A_STREAM
