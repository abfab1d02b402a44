"""Places at a worker: those that it has been lent, and those that it asks for when it has none left."""

from __future__ import annotations

import asyncio

from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure
from argo_relay.policy.admission import Admission, Held, crowded, full_house, stopping
from argo_relay.workers.link import Send
from argo_relay.workers.messages import Ask, Cancel, Declined, Give, Granted


class Leases:
    """An `exchange.places.Capacity` that several processes share; see `pool`."""

    def __init__(self, pool: str, most: int, where: str, send: Send) -> None:
        """`most` and `where`: as Places has them; `send` tells the supervisor."""
        self.in_use = 0
        self.most: int | None = most
        self.where = where
        self._pool = pool
        self._send = send
        self._idle = 0
        """Places that are here and not in use."""
        self._tight = False
        self._free = False
        """The supervisor is gone, and who counts places with it."""
        self._retired = False
        self._tickets = 0
        self._asking: dict[int, tuple[asyncio.Future[None], float]] = {}
        """Those that wait, with the seconds that they can."""
        self._held = Held()

    @property
    def waiting(self) -> int:
        """How many of this worker's wait."""
        return len(self._asking)

    @property
    def full(self) -> bool:
        """Whether others wait: then there is a line for all."""
        return self._tight and not self._idle and not self._free

    def take_now(self) -> bool:
        """Take a place if there is one here; say whether there was."""
        if not (self._idle or self._free):
            return False
        self._idle -= not self._free
        self.in_use += 1
        return True

    async def take(self, left: float) -> None:
        """Take a place, once there is one; raise Refused (503, Retry-After) when that would take longer than `left`.

        Cancelling it gives the turn to the next one.
        """
        if self.take_now():
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tickets += 1
        ticket = self._tickets
        self._asking[ticket] = turn, left
        self._send(Ask(self._pool, ticket, left, self._held.mean))
        try:
            await turn
        except asyncio.CancelledError:
            if self._asking.pop(ticket, None) is not None:
                self._send(Cancel(self._pool, ticket))
            elif not turn.cancelled() and turn.exception() is None:
                # The turn came in the same moment.
                self._back()
            raise

    def give(self, held: float) -> None:
        """Give a place back, after so many seconds."""
        self._held.saw(held)
        self._back()

    def granted(self, message: Granted) -> None:
        """Take what the supervisor lends."""
        self._idle += message.count
        turn, _ = self._asking.pop(message.ticket, (None, 0.0))
        # One that is cancelled leaves when its task goes on, which may be after this: it gets no place.
        if turn is not None and not turn.cancelled():
            self._idle -= 1
            self.in_use += 1
            turn.set_result(None)
        self._return_idle()

    def declined(self, message: Declined) -> None:
        """Refuse the one that would wait too long."""
        turn, left = self._asking.pop(message.ticket, (None, 0.0))
        if turn is not None and not turn.cancelled():
            turn.set_exception(Refused(self._refusal(message, left)))

    def tighten(self) -> None:
        """Give back what is not in use, and from now on whatever is given back here."""
        self._tight = True
        idle, self._idle = self._idle, 0
        self._send(Give(self._pool, idle, self._held.mean, answer=True))

    def loosen(self) -> None:
        """Keep what is given back here."""
        self._tight = False

    def retire(self) -> None:
        """Keep nothing any more: others go on serving."""
        self._retired = True
        self._return_idle()

    def set_free(self) -> None:
        """Ask nobody any more: the supervisor is gone, and so is whoever else was to be spared."""
        self._free = True
        for turn, _ in self._asking.values():
            if not turn.done():
                self.in_use += 1
                turn.set_result(None)
        self._asking.clear()

    def _refusal(self, message: Declined, left: float) -> Failure:
        return crowded(self.where, message.ahead, message.wait or 0.0, left)

    def _back(self) -> None:
        self.in_use -= 1
        self._idle += not self._free
        self._return_idle()

    def _return_idle(self) -> None:
        if self._idle and (self._tight or self._retired):
            idle, self._idle = self._idle, 0
            self._send(Give(self._pool, idle, self._held.mean))


class _Door(Leases):
    """The places of all who are let in: nobody waits for one."""

    def _refusal(self, message: Declined, left: float) -> Failure:
        return full_house(self.most or 0)


class SharedAdmission(Admission):
    """An `Admission` whose limit holds for all workers together."""

    def __init__(self, pool: str, own: Admission, send: Send) -> None:
        """`own`: as it would be for one process."""
        super().__init__(own.max_in_flight, own.max_queue)
        self.places: Leases = _Door(pool, own.most, "", send)

    async def admit(self) -> None:
        """Let one in; raise Refused (503 with Retry-After) when there is room for none."""
        if self.stopping:
            raise Refused(stopping())
        await self.places.take(0)
        self.in_flight += 1

    def leave(self) -> None:
        """Let one out."""
        self.in_flight -= 1
        self.places.give(0)
