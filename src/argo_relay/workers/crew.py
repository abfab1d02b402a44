"""The workers that serve by one configuration: started together, and replaced one by one when they die."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from signal import SIGKILL, SIGTERM, Signals
from typing import Final

from argo_relay.clock import Clock, SystemClock
from argo_relay.errors import StartError
from argo_relay.workers.messages import Begin, ToSupervisor
from argo_relay.workers.worker import START_SECONDS, Worker

_STEADY_SECONDS: Final = 10.0
"""A worker that lived that long is replaced at once."""
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 30.0

_log = logging.getLogger("argo_relay")


class Crew:
    """See the module. `begin` makes the first word for a worker's number; `hears` gets what workers say."""

    def __init__(
        self,
        generation: int,
        count: int,
        begin: Callable[[int], Begin],
        hears: Callable[[Worker, ToSupervisor], object],
        gone: Callable[[Worker], object],
    ) -> None:
        """`gone` is told of each worker that has ended."""
        self.workers: set[Worker] = set()
        """All that have not ended."""
        self._count = count
        self._begin = begin
        self._hears = hears
        self._gone = gone
        self._clock: Clock = SystemClock()
        self._generation = generation
        self._over = asyncio.Event()
        """Nobody takes the places of those that end any more."""
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> list[Worker]:
        """Start all, and return them once all are ready; raise StartError, all told to go, when one of them is not."""
        try:
            async with asyncio.timeout(START_SECONDS):
                made = await asyncio.gather(*(self._one(number) for number in range(1, self._count + 1)))
                await asyncio.gather(*(_readiness(worker) for worker in made))
        except (StartError, TimeoutError) as error:
            self._dismiss()
            reason = str(error) or f"it was not ready within {START_SECONDS:g} s"
            raise StartError(f"A worker did not start: {reason}") from None
        for worker in made:
            self._keep(worker)
        return made

    @property
    def done(self) -> bool:
        """Whether all have ended, and none will be started any more."""
        return self._over.is_set() and not self.workers

    def retire(self) -> None:
        """Have all finish what they have, and end; nobody takes their places."""
        self._over.set()
        for worker in self.workers:
            worker.retire()

    def signal(self, number: Signals) -> None:
        """Have all end; nobody takes their places."""
        self._over.set()
        for worker in self.workers:
            worker.signal(number)

    def _dismiss(self) -> None:
        """Have all go that have been started in vain; those that are ready may have taken requests."""
        self._over.set()
        for worker in self.workers:
            if worker.ready.is_set():
                worker.retire()
            else:
                worker.signal(SIGKILL)

    async def stop(self, number: Signals) -> None:
        """Have all end, and wait until they have."""
        self.signal(number)
        await self.ended()

    async def ended(self) -> None:
        """Return when all that have been started have ended, and none will be started any more."""
        while self.workers:
            await asyncio.wait([worker.ended for worker in self.workers])
            # Each is taken note of in a callback of that future.
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()

    async def _one(self, number: int) -> Worker:
        worker = Worker(number, self._generation, self._hears)
        try:
            await worker.start(self._begin(number))
        except OSError as error:
            raise StartError(f"no process can be started ({error.strerror})") from None
        self.workers.add(worker)
        worker.ended.add_done_callback(lambda _: self._ended(worker))
        if self._over.is_set():
            worker.signal(SIGTERM)
        return worker

    def _ended(self, worker: Worker) -> None:
        self.workers.discard(worker)
        self._gone(worker)

    def _keep(self, worker: Worker) -> None:
        task = asyncio.create_task(self._keeping(worker))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keeping(self, worker: Worker) -> None:
        """Have another worker take the place of one that goes, and so on; later and later when they do not last."""
        failures = 0
        while not self._over.is_set():
            began = self._clock.now()
            await worker.left.wait()
            if self._over.is_set():
                return
            lasted = worker.ready.is_set() and self._clock.now() - began >= _STEADY_SECONDS
            failures = 0 if lasted else failures + 1
            _log.error("worker %d (pid %d) %s; another takes its place", worker.number, worker.pid, end_of(worker))
            worker = await self._another(worker, failures)

    async def _another(self, worker: Worker, failures: int) -> Worker:
        """Return who takes a worker's place, or that worker when nobody does any more."""
        while True:
            await asyncio.sleep(pause_after(failures))
            if self._over.is_set():
                return worker
            try:
                return await self._one(worker.number)
            except StartError as error:
                failures += 1
                _log.warning("worker %d cannot be replaced yet: %s", worker.number, error)


def pause_after(failures: int) -> float:
    """Return the seconds until another worker takes the place of one, after so many in a row that did not last."""
    return 0.0 if failures < 2 else min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** min(failures - 2, 10))


async def _readiness(worker: Worker) -> None:
    """Return when a worker is ready; raise StartError when it ends before."""
    waits = [asyncio.create_task(event.wait()) for event in (worker.ready, worker.left)]
    try:
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    if not worker.ready.is_set():
        raise StartError(worker.reason or f"its process {end_of(worker)}")


def end_of(worker: Worker) -> str:
    """Return how a worker went, as the end of a sentence."""
    if not worker.ended.done():
        return "was told to stop"
    code = worker.ended.result()
    return worker.reason or (f"was ended by signal {-code}" if code < 0 else f"ended with exit code {code}")
