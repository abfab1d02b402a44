"""Two attempts side by side, the second begun when the first takes long: the first to have an answer goes on alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

Runner = Callable[[], Coroutine[Any, Any, None]]


class Race:
    """One race; `await run()` once."""

    def __init__(self) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        self._won: asyncio.Task[Any] | None = None
        self._decided = asyncio.Event()

    @property
    def aside(self) -> bool:
        """Whether the runner that asks is the second, and the first one still runs."""
        leader = self._tasks[0]
        return not leader.done() and asyncio.current_task() is not leader

    def win(self) -> None:
        """Say, from within a runner, that it goes on: the other one is cancelled at once."""
        if self._won is not None:
            return
        self._won = asyncio.current_task()
        self._decided.set()
        for task in self._tasks:
            if task is not self._won:
                task.cancel()

    async def run(self, first: Runner, second: Runner, after: float, granted: Callable[[], bool]) -> None:
        """Run `first`, and `second` too when nothing is decided after so many seconds and it is granted.

        Return when one of them has ended well; else raise the error of the winner, or of the last that failed.
        """
        try:
            leader = self._start(first)
            await self._quiet(leader, after)
            if not leader.done() and self._won is None and granted():
                self._start(second)
            await self._ended_well()
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            self._tasks.clear()

    def _start(self, runner: Runner) -> asyncio.Task[None]:
        task = asyncio.create_task(runner())
        self._tasks.append(task)
        return task

    async def _quiet(self, leader: asyncio.Task[None], after: float) -> None:
        deciding = asyncio.create_task(self._decided.wait())
        try:
            await asyncio.wait([leader, deciding], timeout=after, return_when=asyncio.FIRST_COMPLETED)
        finally:
            deciding.cancel()

    async def _ended_well(self) -> None:
        pending = set(self._tasks)
        failed: BaseException | None = None
        error: BaseException | None = None
        while pending:
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                if task.cancelled():
                    continue
                error = task.exception()
                if error is None:
                    return
                failed = failed if failed is not None and task is not self._won and self._won in done else error
        try:
            if failed is not None:
                raise failed
        finally:
            failed = error = None
