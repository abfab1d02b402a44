"""The places of one limit, given out to workers: never more in all than there are, and first come, first served.

Workers keep places that they have been given, so that usually nobody has to ask: the pool lends. Once somebody asks and
nothing is left, all are told that it is tight, and give back what they do not use; from then on each place comes back
when it is given back, and goes to whoever has waited longest, at whichever worker. When the line is gone and a place is
left, it is loose again. Asking for each place took 21 us of processor time (11 at the worker, 10 here), twice a
request; one that is lent takes 0.25 us.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, Generic, TypeVar

import msgspec

from argo_relay.policy.admission import expected_wait
from argo_relay.workers.messages import Ask, Declined, Give, Granted, Loose, Tight

_Worker = TypeVar("_Worker", bound=Hashable)
_SHARE: Final = 4
"""Of what is left, a worker that asks gets this part of its fair share to keep."""


class Pool(Generic[_Worker]):
    """See the module. `send` takes a worker and what is said to it; workers are told apart by any key."""

    def __init__(self, name: str, most: int, lines: bool, send: Callable[[_Worker, msgspec.Struct], object]) -> None:
        """`lines`: who comes when all places are taken waits for one; else that one is declined."""
        self.name = name
        self.most = most
        self._lines = lines
        self._send = send
        self._lent: dict[_Worker, int] = {}
        self._held: dict[_Worker, float] = {}
        self._line: list[tuple[_Worker, Ask]] = []
        self._judged = 0
        """How many at the head of the line have been told to wait."""
        self._tight = False
        self._unanswered: set[_Worker] = set()
        """Workers that have been told that it is tight, and have not said yet what they can spare."""

    @property
    def spare(self) -> int:
        """Places that no worker has; less than none while a limit that was lowered is not kept yet."""
        return self.most - sum(self._lent.values())

    @property
    def undecided(self) -> bool:
        """Whether there is a line, and nobody can be told how long it is before some worker has answered."""
        return bool(self._line and self._unanswered)

    def decide(self) -> None:
        """Wait no longer for workers that do not answer: what they were lent counts as in use."""
        self._unanswered.clear()
        self._settle()

    def join(self, worker: _Worker) -> None:
        """Lend to a worker from now on."""
        self._lent[worker] = 0
        if self._tight:
            self._unanswered.add(worker)
            self._send(worker, Tight(self.name))

    def leave(self, worker: _Worker) -> None:
        """Take back all that a worker has: it is gone."""
        self._lent.pop(worker, None)
        self._held.pop(worker, None)
        self._unanswered.discard(worker)
        for place in [place for place, (asker, _) in enumerate(self._line) if asker == worker][::-1]:
            self._remove(place)
        self._settle()

    def resize(self, most: int) -> None:
        """Have another number of places."""
        self.most = most
        self._settle()

    def ask(self, worker: _Worker, ask: Ask) -> None:
        """Serve one who wants a place: now, later, or not at all."""
        self._saw(worker, ask.held)
        self._line.append((worker, ask))
        self._settle()

    def cancel(self, worker: _Worker, ticket: int) -> None:
        """Take one out of the line; who is not in it any more has been answered."""
        for place, (asker, ask) in enumerate(self._line):
            if (asker, ask.ticket) == (worker, ticket):
                self._remove(place)
                break
        self._settle()

    def give(self, worker: _Worker, given: Give) -> None:
        """Take places back."""
        self._saw(worker, given.held)
        if worker in self._lent:
            self._lent[worker] -= given.count
        if given.answer:
            self._unanswered.discard(worker)
        self._settle()

    def _saw(self, worker: _Worker, held: float | None) -> None:
        if held is not None:
            self._held[worker] = held

    def _remove(self, place: int) -> None:
        del self._line[place]
        self._judged -= place < self._judged

    def _settle(self) -> None:
        """Give what there is to those in the line, in order; then see to those that are left."""
        while self._line and (spare := self.spare) > 0:
            worker, ask = self._line[0]
            self._remove(0)
            more = 0 if self._tight else (spare - 1) // (_SHARE * max(1, len(self._lent)))
            self._lent[worker] += 1 + more
            self._send(worker, Granted(self.name, ask.ticket, 1 + more))
        if self._line and not self._tight:
            self._tighten()
        elif self._line and not self._unanswered:
            self._judge()
        if self._tight and not self._line and not self._unanswered and self.spare > 0:
            self._tight = False
            self._tell(Loose(self.name))

    def _tighten(self) -> None:
        self._tight = True
        self._unanswered = set(self._lent)
        self._tell(Tight(self.name))

    def _tell(self, message: msgspec.Struct) -> None:
        for worker in self._lent:
            self._send(worker, message)

    def _judge(self) -> None:
        """Tell those whose turn would come too late, now that all idle places are back."""
        while self._judged < len(self._line):
            worker, ask = self._line[self._judged]
            ahead = self._judged
            wait = expected_wait(ahead, self.most, self._mean())
            if self._lines and (wait is None or wait <= ask.left):
                self._judged += 1
                continue
            del self._line[ahead]
            self._send(worker, Declined(self.name, ask.ticket, ahead, wait if self._lines else None))

    def _mean(self) -> float | None:
        return sum(self._held.values()) / len(self._held) if self._held else None
