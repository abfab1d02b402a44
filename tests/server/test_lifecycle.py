"""Signals, and what they make of a relay that serves."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

import pytest

from argo_relay.config.schema import Config
from argo_relay.server.app import create_app
from argo_relay.server.dispatch import Dispatch
from argo_relay.server.lifecycle import Lifecycle
from argo_relay.server.listen import listen
from argo_relay.server.serving import Server
from support.serving import PATIENCE, calling, header, until
from support.stage import FOREVER, Play, Stage, ask, chunk, stage

SILENT = Play(body=[(0, chunk()), (FOREVER, b"")])


class Running:
    """A relay that serves; its only reply never ends by itself."""

    def __init__(self, grace: float) -> None:
        self.stage: Stage = stage(SILENT, Config(user="tester", shutdown_grace=grace))
        relay = self.stage.relay
        self.server = Server(Dispatch(relay, create_app(relay)), relay.clock.wall)
        self.started = asyncio.Event()
        self.lifecycle = Lifecycle(self.server, relay, self.started.set)
        listening = listen("127.0.0.1", 0)
        self.port: int = listening.getsockname()[1]
        self.run = asyncio.create_task(self.lifecycle.run([listening]))


@asynccontextmanager
async def running(grace: float = 0.0) -> AsyncIterator[Running]:
    there = Running(grace)
    async with asyncio.timeout(PATIENCE):
        await there.started.wait()
        try:
            yield there
        finally:
            there.lifecycle.stop()
            there.lifecycle.stop()
            await there.run


def streaming() -> bytes:
    body = ask(stream=True)
    return b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_an_orderly_way(number: signal.Signals) -> None:
    async with running() as there, calling(there.port) as caller:
        caller.say(streaming())
        await until(lambda: there.stage.relay.admission.in_flight)
        signal.raise_signal(number)
        response, body = await caller.reply("POST")
        assert b"shutting_down" in body
        assert header(response, "content-type")
        await there.run
    assert [record.code for record in there.stage.records] == ["shutting_down"]


async def test_the_second_signal_waits_for_no_grace() -> None:
    async with running(grace=3600) as there, calling(there.port) as caller:
        caller.say(streaming())
        await until(lambda: there.stage.relay.admission.in_flight)
        there.lifecycle.stop()
        await until(lambda: there.server.draining)
        assert not there.run.done()
        signal.raise_signal(signal.SIGTERM)
        _, body = await caller.reply("POST")
        assert b"shutting_down" in body
        await there.run


async def test_two_signals_at_once() -> None:
    async with running(grace=3600) as there, calling(there.port) as caller:
        caller.say(streaming())
        await until(lambda: there.stage.relay.admission.in_flight)
        there.lifecycle.stop()
        there.lifecycle.stop()
        await there.run


async def test_signals_are_as_they_were_afterwards() -> None:
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)]
    async with running():
        assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] != before
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)] == before


@pytest.mark.parametrize("terminal", [(False, False), (True, True), (True, False)])
async def test_a_hang_up_asks_for_the_models_unless_our_terminal_is_gone(
    terminal: Iterable[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(terminal)
    gone = terminal == (True, False)
    asked = asyncio.Event()
    with monkeypatch.context() as patched:
        patched.setattr(sys.stderr, "isatty", lambda: next(seen))
        async with running() as there:
            patched.setattr(there.stage.relay.main.directory, "refresh_soon", asked.set)
            signal.raise_signal(signal.SIGHUP)
            if gone:
                await there.run
            else:
                await asked.wait()
                assert not there.run.done()
    assert asked.is_set() != gone
