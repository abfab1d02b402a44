"""What tests of workers share: a first word, and a worker that is none."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from typing import Any, ClassVar

import msgspec

from argo_relay.config.load import load
from argo_relay.workers.board import new_board
from argo_relay.workers.messages import Begin, Failed, Ready, Retire, ToSupervisor


def first_word(clients: int = 0, number: int = 1, **overrides: object) -> Begin:
    """Return the first word for a worker whose upstream nobody is."""
    loaded = load(environ={}, overrides={"user": "tester", "upstream.base_url": "http://127.0.0.1:9", **overrides})
    return Begin(
        number=number,
        config=loaded.config,
        origins=loaded.origins,
        base_url="http://127.0.0.1:9",
        beside=None,
        clients=clients,
        board=new_board(),
        slot=0,
        counts=True,
        figures=True,
        lists={},
    )


class FakeWorker:
    """A `workers.worker.Worker` without a process: it becomes ready, and ends, when the test says so."""

    made: ClassVar[list[FakeWorker]]
    """Set by whoever puts this class in the place of the real one: all that were made, in order."""

    def __init__(
        self, number: int = 1, generation: int = 1, hears: Callable[[Any, ToSupervisor], object] = lambda *_: None
    ) -> None:
        self.number, self.generation, self.pid = number, generation, 1000 + number
        self.slot: int | None = None
        self.born = 0.0
        """When it was started, by the loop's time."""
        self.ready, self.left = asyncio.Event(), asyncio.Event()
        self.retired = False
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.reason: str | None = None
        self.told: list[msgspec.Struct] = []
        self.signals: list[signal.Signals] = []
        self._hears = hears

    async def start(self, begin: Begin) -> None:
        self.slot = begin.slot
        self.born = asyncio.get_running_loop().time()
        type(self).made.append(self)

    def send(self, message: msgspec.Struct) -> None:
        self.told.append(message)

    def retire(self) -> None:
        self.retired = True
        self.told.append(Retire())

    def signal(self, number: signal.Signals) -> None:
        self.retired = True
        self.signals.append(number)
        if number is signal.SIGKILL:
            self.end(-9)

    def says(self, message: ToSupervisor) -> None:
        self.reason = message.reason if isinstance(message, Failed) else self.reason
        if isinstance(message, Ready):
            self.ready.set()
        self._hears(self, message)

    def end(self, code: int) -> None:
        self.left.set()
        if not self.ended.done():
            self.ended.set_result(code)

    def news(self) -> list[msgspec.Struct]:
        """Return what it has been told since this was last asked."""
        news, self.told[:] = list(self.told), []
        return news
