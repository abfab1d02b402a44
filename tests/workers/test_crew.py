"""Workers are started together and replaced one by one; those here have no process, and time is virtual."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

import pytest

from argo_relay.errors import StartError
from argo_relay.workers import crew as module
from argo_relay.workers.crew import Crew, pause_after
from argo_relay.workers.messages import Begin, Failed, Leaving, Ready, Retire
from support.stage import LoopClock
from support.working import FakeWorker, first_word

pytestmark = pytest.mark.looptime

Hire = Callable[[int], Crew]


@pytest.fixture
def gone() -> list[FakeWorker]:
    return []


@pytest.fixture
def hire(monkeypatch: pytest.MonkeyPatch, gone: list[FakeWorker]) -> Hire:
    FakeWorker.made = []
    monkeypatch.setattr(module, "Worker", FakeWorker)
    monkeypatch.setattr(module, "SystemClock", LoopClock)
    begin = first_word()
    return lambda count: Crew(1, count, lambda _: begin, lambda *_: None, gone.append)  # type: ignore[arg-type]


async def started(crew: Crew, count: int) -> list[FakeWorker]:
    starting = asyncio.create_task(crew.start())
    await asyncio.sleep(0.1)
    for worker in FakeWorker.made[:count]:
        worker.says(Ready())
    await starting
    return list(FakeWorker.made)


async def over(crew: Crew) -> None:
    await crew.stop(signal.SIGKILL)


async def test_it_is_there_when_all_are_ready(hire: Hire) -> None:
    crew = hire(3)
    starting = asyncio.create_task(crew.start())
    await asyncio.sleep(1)
    for worker in FakeWorker.made:
        assert not starting.done()
        worker.says(Ready())
    workers = await starting
    assert [worker.number for worker in workers] == [1, 2, 3]
    assert crew.workers == set(workers)
    await over(crew)


async def test_one_that_cannot_start_ends_all_with_its_reason(hire: Hire, gone: list[FakeWorker]) -> None:
    crew = hire(2)
    starting = asyncio.create_task(crew.start())
    await asyncio.sleep(0.1)
    FakeWorker.made[0].says(Ready())
    FakeWorker.made[1].says(Failed("It has no legs."))
    FakeWorker.made[1].end(1)
    with pytest.raises(StartError, match=r"A worker did not start: It has no legs\."):
        await starting
    assert gone == [FakeWorker.made[1]]
    assert FakeWorker.made[0].told == [Retire()], "it may have taken requests"
    FakeWorker.made[0].end(0)
    await asyncio.sleep(0)
    assert crew.done


async def test_one_that_just_ends_is_told_of(hire: Hire) -> None:
    starting = asyncio.create_task(hire(1).start())
    await asyncio.sleep(0.1)
    FakeWorker.made[0].end(3)
    with pytest.raises(StartError, match="its process ended with exit code 3"):
        await starting


async def test_one_that_never_gets_ready_is_waited_for_a_minute(hire: Hire) -> None:
    with pytest.raises(StartError, match="it was not ready within 60 s"):
        await hire(1).start()
    assert asyncio.get_running_loop().time() == pytest.approx(60)


async def test_a_start_that_is_given_up_leaves_its_workers_to_be_stopped(hire: Hire) -> None:
    crew = hire(2)
    starting = asyncio.create_task(crew.start())
    await asyncio.sleep(0.1)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert len(crew.workers) == len(FakeWorker.made) == 2
    await over(crew)
    assert crew.done


async def test_where_no_process_can_be_made_it_is_told_or_tried_again(
    hire: Hire, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    crew = hire(1)
    (worker,) = await started(crew, 1)
    failures = 2

    async def start(self: FakeWorker, begin: Begin) -> None:
        nonlocal failures
        failures -= 1
        if failures >= 0:
            raise OSError(11, "Resource temporarily unavailable")
        FakeWorker.made.append(self)

    monkeypatch.setattr(FakeWorker, "start", start)
    worker.end(1)
    await asyncio.sleep(1)
    assert len(FakeWorker.made) == 1
    await asyncio.sleep(1)
    assert len(FakeWorker.made) == 2
    assert (
        caplog.messages[1:]
        == ["worker 1 cannot be replaced yet: no process can be started (Resource temporarily unavailable)"] * 2
    )
    await over(crew)
    failures = 1
    with pytest.raises(StartError, match="no process can be started"):
        await hire(1).start()


async def test_one_that_dies_is_replaced_at_once(
    hire: Hire, gone: list[FakeWorker], caplog: pytest.LogCaptureFixture
) -> None:
    crew = hire(2)
    workers = await started(crew, 2)
    await asyncio.sleep(100)
    workers[1].end(-9)
    await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert gone == [workers[1]]
    assert [worker.number for worker in FakeWorker.made] == [1, 2, 2]
    assert caplog.messages == ["worker 2 (pid 1002) was ended by signal 9; another takes its place"]
    await over(crew)


async def test_one_that_is_told_to_stop_is_replaced_while_it_drains(hire: Hire) -> None:
    crew = hire(1)
    (worker,) = await started(crew, 1)
    worker.says(Leaving())
    worker.left.set()
    await asyncio.sleep(0.1)
    assert len(FakeWorker.made) == len(crew.workers) == 2
    worker.end(0)
    await asyncio.sleep(0.1)
    assert len(FakeWorker.made) == 2
    await over(crew)


async def test_those_that_do_not_last_are_replaced_later_and_later(hire: Hire) -> None:
    crew = hire(1)
    await started(crew, 1)
    pauses = []
    for _ in range(6):
        death = asyncio.get_running_loop().time()
        FakeWorker.made[-1].end(1)
        await asyncio.sleep(31)
        pauses.append(FakeWorker.made[-1].born - death)
    assert pauses == pytest.approx([0, 0.5, 1, 2, 4, 8])
    FakeWorker.made[-1].says(Ready())
    await asyncio.sleep(11)
    FakeWorker.made[-1].end(1)
    await asyncio.sleep(0.1)
    assert len(FakeWorker.made) == 8, "one that lasted is replaced at once"
    await over(crew)


def test_pauses_have_an_end() -> None:
    assert [pause_after(failures) for failures in (0, 1, 2, 3, 8, 9, 10_000)] == [0, 0, 0.5, 1, 30, 30, 30]


async def test_those_that_retire_are_not_replaced(hire: Hire, gone: list[FakeWorker]) -> None:
    crew = hire(2)
    workers = await started(crew, 2)
    crew.retire()
    assert [worker.told[-1] for worker in workers] == [Retire()] * 2
    ending = asyncio.create_task(crew.ended())
    for worker in workers:
        worker.end(0)
    await ending
    assert (len(gone), len(FakeWorker.made)) == (2, 2)
    assert crew.workers == set()


async def test_one_that_is_being_started_when_all_end_ends_too(hire: Hire) -> None:
    crew = hire(1)
    (worker,) = await started(crew, 1)
    worker.end(1)
    crew.signal(signal.SIGTERM)
    await asyncio.sleep(40)
    assert len(FakeWorker.made) == 1
    await crew.ended()
