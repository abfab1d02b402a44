"""What all workers share, kept by the supervisor: places, figures, and what is known of the upstreams' models."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from argo_relay.config.named import every_upstream
from argo_relay.config.schema import Config
from argo_relay.exchange.directory import Listing
from argo_relay.observe.losses import LossCount
from argo_relay.policy.admission import Admission
from argo_relay.workers import messages
from argo_relay.workers.fellow import ALL, DOOR, FIGURES
from argo_relay.workers.messages import Seen, ToSupervisor
from argo_relay.workers.pages import Application, answered
from argo_relay.workers.pool import Pool
from argo_relay.workers.worker import Worker

if TYPE_CHECKING:
    from argo_relay.observe.metrics import Metrics
    from argo_relay.observe.present import Present

_PATIENCE_SECONDS: Final = 1.0
"""How long one waits for what a worker does not say: then the last that it said counts."""


Lists = dict[str, Listing]
"""The newest of each upstream, by its name."""


class Shared:
    """See the module."""

    def __init__(self) -> None:
        self.metrics: Metrics | None = None
        self.pages: dict[str, Application] = {}
        """What workers pass on to, by path."""
        self._pools: dict[str, Pool[Worker]] = {}
        self._deciding: dict[str, asyncio.TimerHandle] = {}
        """Pools that wait for a worker's answer, by name."""
        self._workers: list[Worker] = []
        """Those that take requests or finish some, in the order in which they began to."""
        self._lists: dict[int, Lists] = {}
        """By generation: all that serve by one configuration."""
        self._leaders: dict[int, Worker] = {}
        self._seen: dict[Worker, Seen] = {}
        self._losses: dict[Worker, Mapping[str, int]] = {}
        self._past = LossCount()
        """Losses at workers that are gone."""
        self._listed = False
        self._looks = itertools.count(1)
        self._looking: dict[int, tuple[set[Worker], asyncio.Event]] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def prepare(self, generation: int, config: Config, former: Config | None) -> None:
        """Be ready for workers that serve by a configuration; `former` is that of the generation before."""
        for name, most in _limits(config).items():
            if name not in self._pools:
                pool = self._pools[name] = Pool(name, most, name != DOOR, lambda worker, message: worker.send(message))
                for worker in self._workers:
                    pool.join(worker)
        rows, before = every_upstream(config), {} if former is None else every_upstream(former)
        known = self._lists.get(generation - 1, {}).items()
        self._lists[generation] = {name: one for name, one in known if before.get(name) == rows.get(name)}
        if config.metrics.on_client_port:
            self.count()

    def adopt(self, generation: int, config: Config) -> None:
        """Let the limits of a configuration hold: those who serve by it have taken over."""
        for name, most in _limits(config).items():
            self._pools[name].resize(most)
        self._lists = {one: lists for one, lists in self._lists.items() if one >= generation}

    def lists(self, generation: int) -> Lists:
        """Return what is known of the upstreams' models."""
        return self._lists[generation]

    def count(self) -> Metrics:
        """Keep figures from now on."""
        if self.metrics is None:
            from argo_relay.observe.metrics import Metrics  # noqa: PLC0415 - its library takes 30 ms to import

            self.metrics = Metrics()
            self.metrics.watch(self._present())
        return self.metrics

    def join(self, worker: Worker) -> None:
        """Share with a worker, which takes requests now."""
        self._workers.append(worker)
        for pool in self._pools.values():
            pool.join(worker)
        for name, listing in self._lists.get(worker.generation, {}).items():
            worker.send(messages.Listed(name, listing))
        self._elect(worker.generation)

    def leave(self, worker: Worker) -> None:
        """Share with a worker no more: it has ended."""
        if worker not in self._workers:
            return
        self._workers.remove(worker)
        self._seen.pop(worker, None)
        self._past.add(self._losses.pop(worker, {}))
        for pool in self._pools.values():
            pool.leave(worker)
        for ticket in tuple(self._looking):
            self._found(ticket, worker)
        self._elect(worker.generation)

    def hears(self, worker: Worker, message: ToSupervisor) -> None:
        """Do what a worker asks for, or take note of what it says."""
        match message:
            case messages.Ask(pool):
                self._ask(worker, message, self._pools[pool])
            case messages.Give(pool):
                self._pools[pool].give(worker, message)
            case messages.Cancel(pool, ticket):
                self._pools[pool].cancel(worker, ticket)
            case messages.Counted():
                self._count(worker, message)
            case messages.Seen():
                self._saw(worker, message)
            case messages.Sum() | messages.Page():
                self._answer(worker, message)
            case messages.Listed():
                self._spread(worker, message)
            case messages.Ready():
                self.join(worker)
            case messages.Leaving():
                self._elect(worker.generation)

    async def look(self) -> None:
        """Ask all workers how things stand, and wait for what they say."""
        if not self._workers:
            return
        ticket, told = next(self._looks), asyncio.Event()
        self._looking[ticket] = set(self._workers), told
        for worker in self._workers:
            worker.send(messages.Look(ticket))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await told.wait()
        del self._looking[ticket]

    @property
    def in_flight(self) -> int:
        """Exchanges under way, as far as was seen."""
        return sum(seen.in_flight for seen in self._seen.values())

    def losses(self) -> dict[str, int]:
        """Return all losses since the start, the most frequent first."""
        total = Counter(self._past.shown())
        for counts in self._losses.values():
            total.update(counts)
        return dict(sorted(total.items(), key=lambda item: (-item[1], item[0])))

    def _ask(self, worker: Worker, ask: messages.Ask, pool: Pool[Worker]) -> None:
        """Have a pool serve one who wants a place; a worker that hangs must not keep others from a refusal."""
        pool.ask(worker, ask)
        if pool.undecided and pool.name not in self._deciding:
            loop = asyncio.get_running_loop()
            self._deciding[pool.name] = loop.call_later(_PATIENCE_SECONDS, self._decide, pool)

    def _decide(self, pool: Pool[Worker]) -> None:
        del self._deciding[pool.name]
        pool.decide()

    def _count(self, worker: Worker, counted: messages.Counted) -> None:
        self._losses[worker] = counted.losses
        if self.metrics is None:
            return
        for record, listed in zip(counted.records, counted.listed, strict=True):
            self._listed = listed
            self.metrics.note(record)

    def _saw(self, worker: Worker, seen: Seen) -> None:
        if worker in self._workers:
            self._seen[worker] = seen
            self._losses[worker] = seen.losses
        self._found(seen.ticket, worker)

    def _found(self, ticket: int, worker: Worker) -> None:
        missing, told = self._looking.get(ticket, (set(), None))
        missing.discard(worker)
        if told is not None and not missing:
            told.set()

    def _elect(self, generation: int) -> None:
        """See to it that some worker keeps the lists fresh."""
        here = [worker for worker in self._workers if worker.generation == generation]
        able = [worker for worker in here if not worker.retired and not worker.left.is_set()]
        if able and self._leaders.get(generation) not in able:
            self._leaders[generation] = able[0]
            able[0].send(messages.Lead())
        if not here:
            self._leaders.pop(generation, None)

    def _spread(self, worker: Worker, message: messages.Listed) -> None:
        """Tell all that serve by the same configuration what one has seen of an upstream's list."""
        lists = self._lists.get(worker.generation)
        if lists is None:
            return
        known, listing = lists.get(message.upstream), message.listing
        if listing.body is None and known is not None:
            listing = msgspec.structs.replace(listing, body=known.body)
        lists[message.upstream] = listing
        for other in self._workers:
            if other is not worker and other.generation == worker.generation:
                other.send(message)

    def _answer(self, worker: Worker, message: messages.Sum | messages.Page) -> None:
        work = self._sum(worker, message) if isinstance(message, messages.Sum) else self._write(worker, message)
        writing = asyncio.create_task(work)
        self._writing.add(writing)
        writing.add_done_callback(self._writing.discard)

    async def _sum(self, worker: Worker, message: messages.Sum) -> None:
        await self.look()
        worker.send(messages.Summed(message.ticket, self.in_flight, self.losses()))

    async def _write(self, worker: Worker, page: messages.Page) -> None:
        application = self.pages.get(page.path)
        if application is not None:
            worker.send(await answered(application, page))
        elif page.path == FIGURES and self.metrics is not None:
            from argo_relay.server.scrape import Figures  # noqa: PLC0415 - Prometheus's library takes long to import

            written = await Figures(self.metrics, self.look).page(page.query, page.accept, page.encoding)
            worker.send(messages.Written(page.ticket, written.status, list(written.headers.items()), written.body))

    def _present(self) -> Present:
        """Say where the figures of the moment are: in what was seen last."""
        from argo_relay.observe.present import Breaker, Places, Present  # noqa: PLC0415 - the same library

        def places() -> Iterable[Places]:
            taken, waiting = Counter[str](), Counter[str]()
            for seen in self._seen.values():
                for name, here, line in seen.places:
                    taken[name] += here
                    waiting[name] += line
            return [Places(name, taken[name], waiting[name]) for name in taken]

        return Present(
            in_flight=lambda: self.in_flight,
            waiting=lambda: sum(seen.waiting for seen in self._seen.values()),
            losses=self.losses,
            places=places,
            breakers=lambda: [Breaker(*one) for seen in self._seen.values() for one in seen.breakers],
            lists=lambda *_: self._listed,
        )


def _limits(config: Config) -> dict[str, int]:
    """Return how many places there are, by pool."""
    rows = every_upstream(config).items()
    admission = Admission(config.max_in_flight, config.max_queue)
    limited = {name: row.max_in_flight for name, row in rows if row.max_in_flight is not None}
    return {DOOR: admission.most, ALL: config.max_in_flight, **limited}
