"""A worker's process, from its supervisor's side; the other side, `child`, with it."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from argo_relay.server.listen import listen
from argo_relay.workers import messages
from argo_relay.workers.worker import Worker
from support.process import PATIENCE
from support.working import first_word


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listen("127.0.0.1", 0) as made:
        made.setblocking(False)
        yield made


async def ask(listening: socket.socket) -> bytes:
    reader, writer = await asyncio.open_connection(*listening.getsockname())
    writer.write(b"GET /version HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    try:
        return await reader.read()
    finally:
        writer.close()
        await writer.wait_closed()


async def test_it_serves_until_it_is_retired(listening: socket.socket) -> None:
    said: list[msgspec.Struct] = []
    worker = Worker(3, 1, lambda one, message: said.append(message) if one is worker else None)
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno(), 3))
        await worker.ready.wait()
        assert (await ask(listening)).startswith(b"HTTP/1.1 200 ")
        worker.send(messages.Look(1))
        worker.retire()
        assert await worker.ended == 0
    assert worker.left.is_set()
    kinds = [type(message) for message in said]
    assert (kinds[0], kinds[-1]) == (messages.Ready, messages.Leaving)
    assert messages.Seen in kinds
    worker.signal(signal.SIGTERM)


async def test_it_stops_on_a_signal(listening: socket.socket) -> None:
    worker = Worker(1, 1, lambda *_: None)
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno()))
        await worker.ready.wait()
        worker.signal(signal.SIGTERM)
        assert worker.retired
        assert await worker.ended == 0


async def test_one_that_stands_still_is_killed_and_one_that_has_nothing_to_do_is_not(listening: socket.socket) -> None:
    said: list[msgspec.Struct] = []
    beats = asyncio.Semaphore(0)

    def hears(_: Worker, message: msgspec.Struct) -> None:
        said.append(message)
        if isinstance(message, messages.Alive):
            beats.release()

    worker = Worker(1, 1, hears)
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno(), worker_timeout=3))
        await worker.ready.wait()
        for _ in range(8):
            await beats.acquire()
        assert not worker.left.is_set(), "it has had nothing to do for longer than it may be silent"
        os.kill(worker.pid, signal.SIGSTOP)
        assert await worker.ended == -9
    assert worker.reason == "said nothing for 3 s and was killed"
    assert {type(message) for message in said} == {messages.Ready, messages.Alive}


async def test_one_that_may_stand_still_says_nothing_of_itself(listening: socket.socket) -> None:
    said: list[msgspec.Struct] = []
    worker = Worker(1, 1, lambda _, message: said.append(message))
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno(), worker_timeout=None))
        await worker.ready.wait()
        worker.signal(signal.SIGTERM)
        assert await worker.ended == 0
    assert messages.Alive() not in said


async def test_one_that_never_gets_ready_is_killed(
    listening: socket.socket, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import time\ntime.sleep(600)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setattr("argo_relay.workers.worker.START_SECONDS", 0.5)
    worker = Worker(1, 1, lambda *_: None)
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno(), worker_timeout=None))
        assert await worker.ended == -9
    assert worker.reason == "said nothing for 0.5 s and was killed"


async def test_one_that_is_killed_is_noticed(listening: socket.socket) -> None:
    worker = Worker(1, 1, lambda *_: None)
    async with asyncio.timeout(PATIENCE):
        await worker.start(first_word(listening.fileno()))
        worker.signal(signal.SIGKILL)
        assert await worker.ended == -9
    assert not worker.ready.is_set()
    worker._silent(30.0)
    assert worker.reason is None, "who has ended says nothing any more"
