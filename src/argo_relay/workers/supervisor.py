"""The process that starts workers and serves nobody itself: its signals, restarts without a gap, its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from argo_relay.config.load import Loaded
from argo_relay.errors import ConfigError, RelayError
from argo_relay.server.run import Companion, Doors
from argo_relay.server.signals import heeding_signals
from argo_relay.workers.board import Board, new_board
from argo_relay.workers.crew import Crew, end_of
from argo_relay.workers.messages import Begin
from argo_relay.workers.shared import Shared
from argo_relay.workers.worker import Worker

_FAREWELL_SECONDS: Final = 10.0
"""Beyond `shutdown_grace`: a worker that has not ended by then hangs, and is killed."""
_AT_ONCE_SECONDS: Final = 5.0
"""The same for a second signal, which has replies ended and not waited for."""

_NOT_YET: Final = 1 << 40

_log = logging.getLogger("argo_relay")


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be served: a configuration, how many workers, and the main upstream's address."""

    loaded: Loaded
    count: int
    base_url: str


class Supervisor:
    """See the module."""

    def __init__(
        self,
        doors: Doors,
        announce: Callable[[Sequence[int]], None],
        again: Callable[[], Job],
        companion: Companion | None = None,
    ) -> None:
        """`announce` is told the workers' process ids once; `again` reads the configuration anew (RelayError)."""
        self._doors = doors
        self._announce = announce
        self._again = again
        self._companion = companion
        self._beside: str | None = None
        """The address of what was started along with the relay."""
        self._shared = Shared()
        self._page = new_board()
        self._board = Board(self._page)
        self._job: Job | None = None
        """What is being served."""
        self._generation = 0
        self._crews: list[Crew] = []
        """Those that have not ended, the newest last."""
        self._told = asyncio.Event()
        self._on_second: Callable[[], object] = lambda: None
        """Called when one is told to stop for the second time."""
        self._stops = 0
        self._hung_up = asyncio.Event()

    async def run(self, job: Job) -> None:
        """Serve until told to stop, then have all workers drain; raise StartError when they cannot start."""
        self._doors.clients.setblocking(False)
        with heeding_signals(self._stop, self._hung_up.set):
            async with self._companionship(), self._figures():
                await self._serve(job)

    async def _serve(self, job: Job) -> None:
        starting = asyncio.create_task(self._enlist(job))
        told = asyncio.create_task(self._told.wait())
        try:
            await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                self._announce([worker.pid for worker in starting.result()])
                restarting = asyncio.create_task(self._restart())
                await told
                restarting.cancel()
                await asyncio.gather(restarting, return_exceptions=True)
        finally:
            told.cancel()
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            await self._end((self._job or job).loaded.config.shutdown_grace)

    async def _enlist(self, job: Job) -> list[Worker]:
        """Start workers for a job, let them take over when they are ready, and return them; raise StartError."""
        config = job.loaded.config
        before = tuple(self._crews)
        self._generation += 1
        generation = self._generation
        self._shared.prepare(generation, config, self._job.loaded.config if self._job else None)

        def begin(number: int) -> Begin:
            return Begin(
                number=number,
                config=config,
                origins=job.loaded.origins,
                base_url=self._beside or job.base_url,
                beside=self._companion.path if self._companion else None,
                clients=self._doors.clients.fileno(),
                board=self._page,
                slot=self._slot(),
                counts=self._shared.metrics is not None,
                figures=config.metrics.on_client_port,
                lists=self._shared.lists(generation),
            )

        crew = Crew(generation, job.count, begin, self._shared.hears, self._gone)
        self._crews.append(crew)
        workers = await crew.start()
        self._job = job
        for former in before:
            former.retire()
        self._shared.adopt(generation, config)
        return workers

    async def _restart(self) -> None:
        """Each time that it is asked for, have new workers take over from those there are."""
        while True:
            await self._hung_up.wait()
            self._hung_up.clear()
            try:
                workers = await self._enlist(self._again())
            except ConfigError as error:
                for problem in error.problems:
                    _log.error("the configuration cannot be used, and the one before goes on: %s", problem)
            except RelayError as error:
                _log.error("the workers there are go on: %s", error)
            except Exception:  # noqa: BLE001 - the border: whatever it is, those there are go on
                _log.exception("the restart failed, and the workers there are go on")
            else:
                pids = ", ".join(str(worker.pid) for worker in workers)
                _log.info("%d new workers (pids %s) have taken over", len(workers), pids)

    def _slot(self) -> int:
        """Return a new worker's slot; until it counts itself it has a number that nobody waits for."""
        slot = self._board.free()
        self._board.write(slot, _NOT_YET)
        return slot

    def _gone(self, worker: Worker) -> None:
        self._shared.leave(worker)
        if worker.slot is not None:
            self._board.clear(worker.slot)
        code = worker.ended.result()
        if code and worker.ready.is_set() and worker.retired and not self._stops:
            _log.error("worker %d (pid %d) did not end well: it %s", worker.number, worker.pid, end_of(worker))
        self._crews = [crew for crew in self._crews if not crew.done]

    async def _end(self, grace: float) -> None:
        """Have all workers drain; those that hang are killed in the end."""
        for crew in self._crews:
            crew.signal(signal.SIGTERM)
        ending = asyncio.gather(*(crew.ended() for crew in tuple(self._crews)))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(grace + _FAREWELL_SECONDS) as limit:
                self._on_second = lambda: limit.reschedule(asyncio.get_running_loop().time() + _AT_ONCE_SECONDS)
                await ending
            return
        for crew in self._crews:
            await crew.stop(signal.SIGKILL)

    @asynccontextmanager
    async def _companionship(self) -> AsyncIterator[None]:
        """Run what is started along with the relay while the block runs, once for all workers."""
        async with contextlib.AsyncExitStack() as stack:
            if self._companion is not None:
                self._beside = await stack.enter_async_context(self._companion.running())
                self._shared.pages[self._companion.path] = self._companion.app
            yield

    @asynccontextmanager
    async def _figures(self) -> AsyncIterator[None]:
        """Have the port for figures answer while the block runs."""
        if self._doors.figures is None:
            yield
            return
        from argo_relay.server.scrape import Figures, scraped  # noqa: PLC0415 - Prometheus's library takes long

        metrics = self._shared.count()
        async with scraped(Figures(metrics, self._shared.look), self._doors.figures):
            yield

    def _stop(self) -> None:
        """Begin to stop; told again, have the workers stop waiting."""
        self._stops += 1
        # Who comes now is refused, and does not wait for nobody.
        self._doors.clients.close()
        self._told.set()
        if self._stops == 2:
            for crew in self._crews:
                crew.signal(signal.SIGTERM)
            self._on_second()
