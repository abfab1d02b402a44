"""What a worker shares with the others through the supervisor: limits, lists of models, figures; and how it ends."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

import msgspec

from argo_relay.exchange.directory import Listing
from argo_relay.exchange.places import Capacity
from argo_relay.exchange.relay import Relay, Standing
from argo_relay.exchange.site import Site
from argo_relay.neutral.reply import Usage
from argo_relay.observe.record import Record
from argo_relay.server.lifecycle import Lifecycle
from argo_relay.workers import messages
from argo_relay.workers.board import Board
from argo_relay.workers.leases import Leases, SharedAdmission
from argo_relay.workers.link import Send
from argo_relay.workers.messages import Begin, ToWorker
from argo_relay.workers.pages import Application, PassedPage
from argo_relay.workers.pulse import BEATS

FIGURES: Final = "/metrics"
DOOR: Final = "/door"
"""The pool of all who are let in. No upstream's name has a slash."""
ALL: Final = "/all"
"""The pool of the whole relay's places."""
_FLUSH_SECONDS: Final = 0.05
"""Finished exchanges are told of together; so many may be lost to the figures when a worker is killed."""
_PATIENCE_SECONDS: Final = 2.0


class Fellow:
    """One worker, as the others see it: a `server.run.Sharing`."""

    def __init__(self, begin: Begin) -> None:
        self.beside = begin.beside
        self._begin = begin
        self._board = Board(begin.board)
        self._send: Send = lambda _: None
        self._leases: dict[str, Leases] = {}
        self._relay: Relay | None = None
        self._lifecycle: Lifecycle | None = None
        self._leading: list[asyncio.Task[None]] = []
        self._retiring: asyncio.Task[None] | None = None
        self._records: list[Record] = []
        self._flushing: asyncio.TimerHandle | None = None
        self._tickets = itertools.count(1)
        self._asked: dict[int, asyncio.Future[msgspec.Struct]] = {}
        self._alone = False
        self._retired = False
        self._left = False

    def connect(self, send: Send) -> None:
        """Say how to talk to the supervisor."""
        self._send = send

    @asynccontextmanager
    async def join(self, relay: Relay) -> AsyncIterator[Mapping[str, Application]]:
        """Share the relay's limits, lists and figures while the block runs; give pages to be had of others, by path."""
        self._relay = relay
        admission = SharedAdmission(DOOR, relay.admission, self._send)
        relay.admission = admission
        self._leases[DOOR] = admission.places
        relay.places = self._shared(ALL, relay.places)
        for site in relay.sites.values():
            site.places = self._shared(site.name, site.places)
            self._share_list(site)
        relay.standing = self._standing
        paths = [*([self.beside] if self.beside else []), *([FIGURES] if self._begin.figures else [])]
        try:
            yield dict.fromkeys(paths, PassedPage(self._page))
        finally:
            self._stop_leading()
            self._flush()

    def started(self, lifecycle: Lifecycle) -> None:
        """Take note that requests are taken."""
        self._lifecycle = lifecycle
        self._send(messages.Ready())
        if self._begin.config.worker_timeout is not None:
            self._pause(self._begin.config.worker_timeout / BEATS)
        if self._alone:
            self.ends()
        elif self._retired:
            self._retire()

    def busy(self, connections: int) -> bool:
        """Take note of how many connections there are; say whether another worker has fewer."""
        if self._retired or self._left:
            return False
        self._board.write(self._begin.slot, connections)
        least = self._board.least(self._begin.slot)
        return least is not None and least < connections

    def leaving(self) -> None:
        """Take note that no more requests are taken."""
        self._left = True
        self._stop_leading()
        self._board.clear(self._begin.slot)
        self._send(messages.Leaving())

    def note(self, record: Record) -> None:
        """Have a finished exchange counted."""
        self._records.append(_counted(record))
        if self._flushing is None:
            self._flushing = asyncio.get_running_loop().call_later(_FLUSH_SECONDS, self._flush)

    def hears(self, message: Begin | ToWorker) -> None:
        """Do what the supervisor says."""
        match message:
            case messages.Granted() | messages.Declined() | messages.Tight() | messages.Loose():
                self._lend(message)
            case messages.Summed(ticket) | messages.Written(ticket):
                asked = self._asked.pop(ticket, None)
                if asked is not None and not asked.done():
                    asked.set_result(message)
            case messages.Listed(upstream, listing):
                self._learn(upstream, listing)
            case messages.Look(ticket):
                self._tell(ticket)
            case messages.Lead():
                self._lead()
            case messages.Retire():
                self._retire()

    def ends(self) -> None:
        """Take note that the supervisor is gone: take nobody in any more, and drain."""
        self._alone = True
        for leases in self._leases.values():
            leases.set_free()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ConnectionError())
        if self._lifecycle is not None and not self._lifecycle.stops:
            self._lifecycle.stop()

    def _pause(self, seconds: float) -> None:
        asyncio.get_running_loop().call_later(seconds, self._beat, seconds)

    def _beat(self, seconds: float) -> None:
        """Say that this process is there, every so many seconds to its very end."""
        self._send(messages.Alive())
        self._pause(seconds)

    def _lend(self, message: messages.Granted | messages.Declined | messages.Tight | messages.Loose) -> None:
        leases = self._leases.get(message.pool)
        if leases is None:
            return
        match message:
            case messages.Granted():
                leases.granted(message)
            case messages.Declined():
                leases.declined(message)
            case messages.Tight():
                leases.tighten()
            case messages.Loose():
                leases.loosen()

    def _shared(self, pool: str, own: Capacity) -> Capacity:
        if own.most is None:
            return own
        leases = self._leases[pool] = Leases(pool, own.most, own.where, self._send)
        return leases

    def _share_list(self, site: Site) -> None:
        def share(listing: Listing) -> None:
            self._send(messages.Listed(site.name, listing))

        site.directory.share = share
        known = self._begin.lists.get(site.name)
        if known is not None:
            site.directory.learn(known)

    def _learn(self, upstream: str, listing: Listing) -> None:
        if self._relay is not None:
            self._relay.sites[upstream].directory.learn(listing)

    def _lead(self) -> None:
        if self._relay is not None and not self._leading:
            self._leading = [asyncio.create_task(looking) for looking in self._relay.keeping_fresh()]

    def _stop_leading(self) -> None:
        for looking in self._leading:
            looking.cancel()
        self._leading = []

    def _retire(self) -> None:
        # It may come before requests are taken.
        self._retired = True
        self._stop_leading()
        for leases in self._leases.values():
            leases.retire()
        self._board.clear(self._begin.slot)
        if self._lifecycle is not None and self._retiring is None:
            self._retiring = asyncio.create_task(self._lifecycle.retire())

    def _flush(self) -> None:
        if self._flushing is not None:
            self._flushing.cancel()
            self._flushing = None
        relay, records = self._relay, self._records
        if not records or relay is None:
            return
        listed = [relay.lists(record.upstream or "", record.served or "") for record in records]
        self._send(messages.Counted(records, listed, relay.losses.shown()))
        self._records = []

    def _tell(self, ticket: int) -> None:
        self._flush()
        relay = self._relay
        if relay is None:
            return
        sites = relay.sites.values()
        seen = messages.Seen(
            ticket,
            relay.admission.in_flight,
            relay.places.waiting,
            [(site.name, site.places.in_use, site.places.waiting) for site in sites],
            [(site.name, model, state) for site in sites for model, state in site.states().items()],
            relay.losses.shown(),
        )
        self._send(seen)

    async def _standing(self) -> Standing:
        """Tell of the whole relay; of this process alone when the supervisor does not answer."""
        try:
            summed = await self._ask(messages.Sum)
        except (TimeoutError, ConnectionError):
            return await self._relay.own_standing() if self._relay else Standing(0, {})
        return Standing(summed.in_flight, summed.losses) if isinstance(summed, messages.Summed) else Standing(0, {})

    async def _page(self, page: messages.Page) -> messages.Written:
        """Have the supervisor write a page."""
        try:
            written = await self._ask(lambda ticket: msgspec.structs.replace(page, ticket=ticket))
        except (TimeoutError, ConnectionError):
            return _NO_PAGE
        return written if isinstance(written, messages.Written) else _NO_PAGE

    async def _ask(self, question: Callable[[int], msgspec.Struct]) -> msgspec.Struct:
        """Ask the supervisor; raise ConnectionError when it is gone, TimeoutError when it says nothing."""
        if self._alone:
            raise ConnectionError
        ticket = next(self._tickets)
        asked: asyncio.Future[msgspec.Struct] = asyncio.get_running_loop().create_future()
        self._asked[ticket] = asked
        self._send(question(ticket))
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                return await asked
        finally:
            self._asked.pop(ticket, None)


def _counted(record: Record) -> Record:
    """Return what figures are made of: without the words of clients, and what upstreams write beside their counts."""
    usage = None
    if record.usage is not None:
        counts = msgspec.structs.asdict(record.usage) | {"raw": None}
        usage = Usage(**{kind: count for kind, count in counts.items() if count is None or abs(count) < _MOST})
    return msgspec.structs.replace(record, request_id="", user=None, model=None, losses=None, code=None, usage=usage)


_MOST: Final = 2**53
"""Beyond it a count is nonsense, for the figures too, and at some point no message can hold it."""
_NO_PAGE: Final = messages.Written(0, 503, [("content-type", "text/plain")], b"The supervisor does not answer.\n")
