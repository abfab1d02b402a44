"""What workers share, kept by the supervisor; the workers here have no process."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from argo_relay.config.schema import Config, Metrics, Upstream
from argo_relay.exchange.directory import Listing
from argo_relay.observe.record import Outcome, Record
from argo_relay.workers import messages
from argo_relay.workers.fellow import ALL, DOOR
from argo_relay.workers.messages import Granted, Lead, Leaving, Look, Ready, Tight
from argo_relay.workers.shared import Shared
from argo_relay.workers.worker import Worker
from support.working import FakeWorker

pytestmark = pytest.mark.looptime

CONFIG = Config(user="tester", max_in_flight=2, max_queue=1, metrics=Metrics(on_client_port=True))
LISTING = Listing(body=b"[]", trouble=None, seen=1.0, looked=None)
FAILED = Listing(body=None, trouble="it is away", seen=1.0, looked=None)


def record(outcome: Outcome = Outcome.OK, model: str = "gpt4o") -> Record:
    return Record(
        time=1, request_id="r", dialect="openai_chat", outcome=outcome, seconds=1, upstream="main", served=model
    )


class House:
    """Two workers of one generation that have joined."""

    def __init__(self, config: Config = CONFIG) -> None:
        self.shared = Shared()
        self.shared.prepare(1, config, None)
        self.a, self.b = self.joined(1), self.joined(1)

    def joined(self, generation: int) -> FakeWorker:
        worker = FakeWorker(generation=generation)
        self.says(worker, Ready())
        return worker

    def says(self, worker: FakeWorker, message: Any) -> None:
        self.shared.hears(cast("Worker", worker), message)

    def leaves(self, worker: FakeWorker) -> None:
        self.shared.leave(cast("Worker", worker))


async def test_one_keeps_the_lists_fresh_and_another_when_that_one_goes() -> None:
    house = House()
    assert house.a.news() == [Lead()]
    assert house.b.news() == []
    house.a.left.set()
    house.says(house.a, Leaving())
    assert house.b.news() == [Lead()]
    house.leaves(house.a)
    assert house.b.news() == []
    house.leaves(house.b)
    assert house.joined(1).news() == [Lead()]


async def test_a_list_goes_to_all_others_of_its_generation_and_to_those_that_come() -> None:
    house = House()
    house.shared.prepare(2, CONFIG, None)
    later = house.joined(2)
    for worker in (house.a, house.b, later):
        worker.news()
    house.says(house.a, messages.Listed("main", LISTING))
    assert (house.a.news(), house.b.news(), later.news()) == ([], [messages.Listed("main", LISTING)], [])
    house.says(house.b, messages.Listed("main", FAILED))
    known = house.shared.lists(1)["main"]
    assert (known.body, known.trouble) == (b"[]", "it is away"), "the last list known stays in use"
    assert house.joined(1).news() == [messages.Listed("main", known)]
    assert house.shared.lists(2) == {}


async def test_the_next_generation_knows_the_lists_of_upstreams_that_are_the_same() -> None:
    first = Config(user="tester", upstreams={"one": Upstream(environment="dev"), "two": Upstream(environment="dev")})
    second = Config(user="tester", upstreams={"one": Upstream(environment="dev"), "two": Upstream(environment="test")})
    house = House(first)
    for name in ("main", "one", "two"):
        house.says(house.a, messages.Listed(name, LISTING))
    house.shared.prepare(2, second, first)
    assert set(house.shared.lists(2)) == {"main", "one"}
    house.shared.adopt(2, second)
    house.says(house.a, messages.Listed("main", FAILED))
    assert house.shared.lists(2)["main"] == LISTING


async def test_places_are_those_of_the_whole() -> None:
    house = House()
    for worker in (house.a, house.b):
        house.says(worker, messages.Ask(ALL, 1, 100.0, None))
        assert worker.news()[-1] == Granted(ALL, 1, 1)
    house.says(house.b, messages.Ask(ALL, 2, 100.0, None))
    assert house.a.news() == [Tight(ALL)]
    for worker in (house.a, house.b):
        house.says(worker, messages.Give(ALL, 0, None, answer=True))
    house.says(house.b, messages.Cancel(ALL, 2))
    house.says(house.b, messages.Ask(ALL, 3, 100.0, None))
    house.leaves(house.a)
    assert Granted(ALL, 3, 1) in house.b.news()


async def test_a_new_configurations_limits_hold_once_it_has_taken_over() -> None:
    house = House()
    wider = Config(user="tester", max_in_flight=3, upstream=Upstream(max_in_flight=1))
    house.shared.prepare(2, wider, CONFIG)
    for ticket in (1, 2, 3):
        house.says(house.a, messages.Ask(ALL, ticket, 100.0, None))
    assert house.a.news()[-1] == Tight(ALL)
    house.shared.adopt(2, wider)
    assert house.a.news()[-1] == Granted(ALL, 3, 1)
    house.says(house.b, messages.Ask("main", 1, 100.0, None))
    assert house.b.news()[-1] == Granted("main", 1, 1), "a limit that is new holds for all"
    house.says(house.b, messages.Ask(DOOR, 1, 100.0, None))
    assert isinstance(house.b.news()[-1], Granted)


async def test_a_worker_that_hangs_keeps_nobody_from_a_refusal() -> None:
    house = House(Config(user="tester", max_in_flight=1, max_queue=0))
    house.says(house.a, messages.Ask(DOOR, 1, 0, None))
    for ticket in (1, 2):
        house.says(house.b, messages.Ask(DOOR, ticket, 0, None))
    house.says(house.b, messages.Give(DOOR, 0, None, answer=True))
    house.b.news()
    await asyncio.sleep(0.5)
    assert house.b.news() == []
    await asyncio.sleep(1)
    assert house.b.news() == [messages.Declined(DOOR, ticket, 0, None) for ticket in (1, 2)]
    house.says(house.a, messages.Give(DOOR, 1, None, answer=True))
    house.says(house.b, messages.Ask(DOOR, 3, 0, None))
    assert house.b.news() == [messages.Loose(DOOR), Granted(DOOR, 3, 1)]


async def page(house: House) -> str:
    """Return the page of figures as worker `a` gets it."""
    house.says(house.a, messages.Page(9, "GET", "/metrics", "", "", ""))
    while not (written := [one for one in house.a.told if isinstance(one, messages.Written)]):
        await asyncio.sleep(0.01)  # the page is written in a thread
        for worker in (house.a, house.b):
            for look in [one for one in worker.told if isinstance(one, Look)]:
                worker.told.remove(look)
                seen(house, worker, look.ticket)
    house.a.news()
    return written[0].body.decode()


def exchanges(text: str) -> float:
    line = next(line for line in text.splitlines() if line.startswith("argo_relay_exchanges_total"))
    return float(line.split()[-1])


def seen(house: House, worker: FakeWorker, ticket: int, losses: int = 2) -> None:
    state = "closed" if worker is house.a else "resting"
    house.says(
        worker,
        messages.Seen(ticket, 3, 1, [("main", 2, 1)], [("main", None, state)], {"top_k": losses, f"own-{state}": 1}),
    )


async def test_figures_are_sums_and_what_ended_workers_have_counted_stays() -> None:
    house = House()
    for worker in (house.a, house.b):
        house.says(worker, messages.Counted([record(), record()], [True, True], {"top_k": 2}))
    text = await page(house)
    assert 'argo_relay_exchanges_total{dialect="openai_chat",model="gpt4o",outcome="ok"' in text
    assert exchanges(text) == 4
    assert "\nargo_relay_in_flight 6.0\n" in text
    assert "\nargo_relay_queue_depth 2.0\n" in text
    assert '\nargo_relay_upstream_in_flight{upstream="main"} 4.0\n' in text
    assert '\nargo_relay_breaker_state{model="",upstream="main"} 1.0\n' in text, "the worse of the two"
    assert '\nargo_relay_losses_total{loss="top_k"} 4.0\n' in text
    house.leaves(house.b)
    house.leaves(house.b)
    text = await page(house)
    assert exchanges(text) == 4
    assert "\nargo_relay_in_flight 3.0\n" in text
    assert '\nargo_relay_losses_total{loss="top_k"} 4.0\n' in text


async def test_clients_words_do_not_pile_up_over_restarts() -> None:
    house = House()
    for restart in range(10):
        worker = house.joined(1)
        house.says(worker, messages.Counted([], [], {f"word-{restart}-{number}": 1 for number in range(100)}))
        house.leaves(worker)
    losses = house.shared.losses()
    assert len(losses) <= 201
    assert sum(losses.values()) == 1000


async def test_a_name_has_series_of_its_own_where_its_worker_says_that_it_is_listed() -> None:
    house = House()
    failed = [record(Outcome.ERROR, "listed"), record(Outcome.ERROR, "made-up")]
    house.says(house.a, messages.Counted(failed, [True, False], {}))
    text = await page(house)
    assert 'model="listed"' in text
    assert "made-up" not in text


async def test_how_the_whole_stands_is_asked_of_all() -> None:
    house = House()
    house.says(house.a, messages.Sum(5))
    await asyncio.sleep(0)
    ticket = next(one.ticket for one in house.b.told if isinstance(one, Look))
    seen(house, house.a, ticket)
    await asyncio.sleep(0.5)
    assert not isinstance(house.a.told[-1], messages.Summed)
    seen(house, house.b, ticket)
    await asyncio.sleep(0.01)
    assert house.a.told[-1] == messages.Summed(5, 6, {"top_k": 4, "own-closed": 1, "own-resting": 1})


async def test_one_that_says_nothing_is_not_waited_for_long() -> None:
    house = House()
    looking = asyncio.create_task(house.shared.look())
    await asyncio.sleep(0)
    seen(house, house.a, 1)
    await looking
    assert asyncio.get_running_loop().time() == pytest.approx(1.0)
    looking = asyncio.create_task(house.shared.look())
    await asyncio.sleep(0)
    seen(house, house.a, 2)
    house.leaves(house.b)
    await looking
    assert asyncio.get_running_loop().time() == pytest.approx(1.0), "nor one that has gone"
    assert house.shared.in_flight == 3
    house.leaves(house.a)
    await house.shared.look()


async def test_pages_of_what_was_started_beside_are_passed_on() -> None:
    house = House()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 201, "headers": [(b"a", scope["path"].encode())]})
        await send({"type": "http.response.body", "body": b"beside"})

    house.shared.pages["/beside"] = application
    house.says(house.a, messages.Page(4, "GET", "/beside", "", "", ""))
    await asyncio.sleep(0.01)
    assert house.a.told[-1] == messages.Written(4, 201, [("a", "/beside")], b"beside")
