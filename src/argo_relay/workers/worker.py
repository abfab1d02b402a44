"""One worker as its supervisor knows it: a process, and the link to it."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Callable
from typing import Final

import msgspec

from argo_relay.workers.link import Link
from argo_relay.workers.messages import Begin, Failed, Leaving, Ready, Retire, ToSupervisor
from argo_relay.workers.pulse import Pulse

_COMMAND: Final = (sys.executable, "-P", "-m", "argo_relay.workers.child")
"""-P: a file of the user's in the working directory must not be taken for a module."""

START_SECONDS: Final = 60.0
"""A worker is ready within a second; on a machine that does not get on, others go on serving meanwhile."""


class Worker:
    """See the module. `hears` gets what it says but for what is its own state."""

    def __init__(self, number: int, generation: int, hears: Callable[[Worker, ToSupervisor], object]) -> None:
        self.number = number
        self.generation = generation
        """All that serve by one configuration have the same."""
        self.pid = 0
        self.slot: int | None = None
        """Its place on the page of connections."""
        self.ready = asyncio.Event()
        self.left = asyncio.Event()
        """It takes no more requests, whatever the reason; it may still be at work."""
        self.retired = False
        """It has been told to go."""
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        """Its exit code; negative: the signal that it died of."""
        self.reason: str | None = None
        """Why it could not start, in its own words, or why it had to be killed."""
        self._hears = hears
        self._link: Link[ToSupervisor] = Link(ToSupervisor, self._heard)
        self._pulse = Pulse(self._silent)
        self._limit: float | None = None
        """Seconds for which it may say nothing."""
        self._process: asyncio.subprocess.Process | None = None
        self._watching: asyncio.Task[None] | None = None

    async def start(self, begin: Begin) -> None:
        """Start the process, and say the first word."""
        ours, theirs = socket.socketpair()
        with theirs:
            await self._link.open(ours)
            self._process = await asyncio.create_subprocess_exec(
                *_COMMAND,
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), begin.clients, begin.board),
                # Ctrl-C and a terminal that goes are for the supervisor, which says what they mean.
                start_new_session=True,
            )
        self.pid, self.slot = self._process.pid, begin.slot
        self._limit = begin.config.worker_timeout
        # It cannot say anything before it is ready.
        self._pulse.watch(START_SECONDS)
        self._watching = asyncio.create_task(self._watch(self._process))
        self.send(begin)

    def send(self, message: msgspec.Struct) -> None:
        """Say something to it."""
        self._link.send(message)

    def retire(self) -> None:
        """Have it finish what it has, for as long as that takes, and end."""
        self.retired = True
        self.send(Retire())

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, unless it has ended."""
        self.retired = True
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        code = await process.wait()
        # What it said last may still be on its way.
        await self._link.ended()
        self._pulse.stop()
        self.left.set()
        self.ended.set_result(code)

    def _silent(self, seconds: float) -> None:
        """Kill it: what hangs, or is stopped, heeds nothing else."""
        if self._process is not None and self._process.returncode is None:
            self.reason = f"said nothing for {seconds:g} s and was killed"
            self._process.kill()

    def _heard(self, message: ToSupervisor) -> None:
        self._pulse.heard()
        match message:
            case Ready():
                self.ready.set()
                self._pulse.watch(self._limit)
            case Leaving():
                self.left.set()
            case Failed(reason):
                self.reason = reason
            case _:
                pass
        self._hears(self, message)
