"""The supervisor: starts, restarts, signals, ends. Its workers have no process; those of the e2e tests do."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from typing import ClassVar

import pytest

from argo_relay.config.load import load
from argo_relay.errors import ConfigError, StartError
from argo_relay.server.listen import listen
from argo_relay.server.run import Companion, Doors
from argo_relay.workers import crew
from argo_relay.workers.messages import Begin, Failed, Ready, Retire
from argo_relay.workers.supervisor import Job, Supervisor
from support.process import PATIENCE
from support.working import FakeWorker

GRACE = 0.5


def job(count: int = 2, **values: object) -> Job:
    loaded = load(environ={}, overrides={"user": "tester", "shutdown_grace": GRACE, **values})
    return Job(loaded=loaded, count=count, base_url="http://upstream")


class Willing(FakeWorker):
    """Gets ready by itself, unless told otherwise, and ends when it is told to."""

    made: ClassVar[list[FakeWorker]] = []
    able = True
    stubborn = False
    changed: asyncio.Event
    begun: ClassVar[list[Begin]] = []

    async def start(self, begin: Begin) -> None:
        await super().start(begin)
        type(self).begun.append(begin)
        loop = asyncio.get_running_loop()
        loop.call_soon(self.says, Ready() if self.able else Failed("It is not able."))
        if not self.able:
            loop.call_soon(self.end, 1)
        self.changed.set()

    def retire(self) -> None:
        super().retire()
        asyncio.get_running_loop().call_soon(self.end, 0)

    def signal(self, number: signal.Signals) -> None:
        super().signal(number)
        self.changed.set()
        if number is not signal.SIGKILL and (not self.stubborn or len(self.signals) > 1):
            asyncio.get_running_loop().call_soon(self.end, 0)


@pytest.fixture
def willing(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Willing]]:
    Willing.made, Willing.begun = [], []
    Willing.able, Willing.stubborn = True, False
    Willing.changed = asyncio.Event()
    monkeypatch.setattr(crew, "Worker", Willing)
    yield Willing
    Willing.able = True


class Running:
    """A supervisor that runs, and what it has announced."""

    def __init__(self, again: Callable[[], Job] = job, companion: Companion | None = None) -> None:
        self.pids: list[Sequence[int]] = []
        self.announced = asyncio.Event()
        self.listening = listen("127.0.0.1", 0)
        self.supervisor = Supervisor(Doors(clients=self.listening), self._announce, again, companion)

    def _announce(self, pids: Sequence[int]) -> None:
        self.pids.append(pids)
        self.announced.set()

    @contextlib.asynccontextmanager
    async def running(self, first: Job | None = None) -> AsyncIterator[asyncio.Task[None]]:
        """Have it run until it is told to stop within the block."""
        async with asyncio.timeout(PATIENCE):
            task = asyncio.create_task(self.supervisor.run(first or job()))
            await self.announced.wait()
            yield task
            await task


async def until(true: Callable[[], object]) -> None:
    """Wait until a worker is started or told something, and it is true."""
    async with asyncio.timeout(PATIENCE):
        while not true():
            Willing.changed.clear()
            await Willing.changed.wait()


def reachable(listening: socket.socket) -> bool:
    return listening.fileno() >= 0


async def test_it_says_who_serves_and_has_all_drain_when_it_is_told_to(willing: type[Willing]) -> None:
    there = Running()
    async with there.running():
        assert there.pids == [[1001, 1002]]
        assert reachable(there.listening)
        signal.raise_signal(signal.SIGTERM)
    assert not reachable(there.listening)
    assert [worker.signals for worker in willing.made] == [[signal.SIGTERM]] * 2


async def test_told_twice_it_passes_that_on(willing: type[Willing]) -> None:
    willing.stubborn = True
    there = Running()
    async with there.running(job(shutdown_grace=1000)):
        signal.raise_signal(signal.SIGINT)
        await until(lambda: willing.made[0].signals)
        signal.raise_signal(signal.SIGINT)
    assert [worker.signals for worker in willing.made] == [[signal.SIGTERM] * 2] * 2


async def test_those_that_hang_are_killed(willing: type[Willing], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argo_relay.workers.supervisor._FAREWELL_SECONDS", 0.0)
    willing.stubborn = True
    there = Running()
    async with there.running(job(shutdown_grace=0)):
        signal.raise_signal(signal.SIGTERM)
    assert [worker.signals for worker in willing.made] == [[signal.SIGTERM, signal.SIGKILL]] * 2


async def test_workers_that_cannot_start_are_an_error(willing: type[Willing]) -> None:
    willing.able = False
    there = Running()
    with pytest.raises(StartError, match="A worker did not start: It is not able"):
        await there.supervisor.run(job())
    assert there.pids == []
    there.listening.close()


async def test_a_restart_has_others_take_over(willing: type[Willing], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "argo_relay")
    there = Running(lambda: job(3, max_in_flight=5))
    async with there.running():
        old = list(willing.made)
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: len(willing.made) == 5)
        await asyncio.gather(*(worker.ended for worker in old))
        assert [worker.told[-1] for worker in old] == [Retire()] * 2
        assert [begin.config.max_in_flight for begin in willing.begun[2:]] == [5] * 3
        assert {worker.generation for worker in willing.made[2:]} == {2}
        signal.raise_signal(signal.SIGTERM)
    told = "3 new workers (pids 1001, 1002, 1003) have taken over"
    assert caplog.record_tuples == [("argo_relay", logging.INFO, told)]
    assert len(there.pids) == 1, "it is announced once"


async def test_one_that_was_to_finish_and_did_not_is_told_of(
    willing: type[Willing], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stays(worker: Willing) -> None:
        FakeWorker.retire(worker)
        worker.changed.set()

    monkeypatch.setattr(Willing, "retire", stays)
    there = Running()
    async with there.running():
        former = willing.made[:2]
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: all(worker.retired for worker in former))
        former[0].reason = "said nothing for 30 s and was killed"
        former[0].end(-9)
        former[1].end(-11)
        await asyncio.gather(*(worker.ended for worker in former))
        await asyncio.sleep(0)
        signal.raise_signal(signal.SIGTERM)
    assert [message.partition(" did not end well: ")[2] for message in caplog.messages] == [
        "it said nothing for 30 s and was killed",
        "it was ended by signal 11",
    ]
    assert {record.levelname for record in caplog.records} == {"ERROR"}


async def test_a_configuration_that_cannot_be_used_changes_nothing(
    willing: type[Willing], caplog: pytest.LogCaptureFixture
) -> None:
    asked = asyncio.Event()

    def again() -> Job:
        asked.set()
        raise ConfigError(["x.yaml:1: one thing", "x.yaml:2: another"])

    there = Running(again)
    async with there.running():
        signal.raise_signal(signal.SIGHUP)
        await asked.wait()
        signal.raise_signal(signal.SIGTERM)
    assert [message.rpartition(": ")[2] for message in caplog.messages] == ["one thing", "another"]
    assert len(willing.made) == 2


async def test_a_restart_that_fails_leaves_those_there_are(
    willing: type[Willing], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = logging.getLogger("argo_relay").error
    told = asyncio.Event()

    def error(*said: object) -> None:
        log(*said)
        told.set()

    monkeypatch.setattr("argo_relay.workers.supervisor._log.error", error)
    there = Running()
    async with there.running():
        willing.able = False
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: len(willing.made) == 4)
        await asyncio.gather(*(worker.ended for worker in willing.made[2:]))
        await told.wait()
        assert not [worker for worker in willing.made[:2] if worker.retired]
        signal.raise_signal(signal.SIGTERM)
    assert caplog.messages == ["the workers there are go on: A worker did not start: It is not able."]


async def test_what_is_started_along_is_started_once_and_all_use_it(willing: type[Willing]) -> None:
    states: list[str] = []

    @contextlib.asynccontextmanager
    async def beside() -> AsyncIterator[str]:
        states.append("started")
        yield "http://beside"
        states.append("ended")

    async def app(*_: object) -> None:
        raise AssertionError

    there = Running(companion=Companion(running=beside, app=app, path="/beside"))
    async with there.running():
        assert {(begin.base_url, begin.beside) for begin in willing.begun} == {("http://beside", "/beside")}
        assert len({begin.slot for begin in willing.begun}) == 2
        assert states == ["started"]
        signal.raise_signal(signal.SIGTERM)
    assert states == ["started", "ended"]


async def test_after_a_restart_that_failed_workers_that_died_and_came_back_are_still_its_own(
    willing: type[Willing],
) -> None:
    there = Running()
    async with there.running(job(1)):
        willing.able = False
        signal.raise_signal(signal.SIGHUP)
        await until(lambda: len(willing.made) == 3)
        await asyncio.gather(*(worker.ended for worker in willing.made[1:]))
        willing.able = True
        willing.made[0].end(1)
        await until(lambda: len(willing.made) == 4)
        signal.raise_signal(signal.SIGTERM)
    assert willing.made[3].signals == [signal.SIGTERM]
