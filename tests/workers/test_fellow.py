"""A worker as the others see it."""

from __future__ import annotations

import asyncio
import os
from typing import Any, cast

import msgspec
import pytest

from argo_relay.config.schema import Config, Upstream
from argo_relay.errors import Refused
from argo_relay.exchange.directory import Listing
from argo_relay.exchange.places import Places
from argo_relay.exchange.relay import Standing
from argo_relay.neutral.reply import Usage
from argo_relay.observe.record import Outcome, Record
from argo_relay.server.lifecycle import Lifecycle
from argo_relay.workers import messages
from argo_relay.workers.board import Board
from argo_relay.workers.fellow import ALL, DOOR, Fellow
from argo_relay.workers.leases import Leases
from argo_relay.workers.pulse import BEATS
from support.site import lists_models
from support.stage import FakeClient, Stage, ask, stage
from support.working import first_word

pytestmark = pytest.mark.looptime

LISTING = Listing(body=b'{"data": [{"id": "gpt9new", "object": "model"}]}', trouble=None, seen=5.0, looked=2.0)
RECORD = Record(
    time=1.5, request_id="r", dialect="openai_chat", outcome=Outcome.OK, seconds=1, upstream="main", served="gpt4o"
)


class Server:
    """A server that notes how it is ended."""

    def __init__(self) -> None:
        self.stops = False
        self.ends: list[str] = []

    def stop(self) -> None:
        self.stops = True
        self.ends.append("stopped")

    async def retire(self) -> None:
        self.ends.append("retired")


class Worker:
    """A fellow on a stage, and what it says."""

    def __init__(self, config: Config | None = None) -> None:
        self.begin = first_word()
        self.fellow = Fellow(self.begin)
        self.said: list[msgspec.Struct] = []
        self.fellow.connect(self.said.append)
        self.stage: Stage = stage(lists_models("gpt4o"), config)
        self.server = Server()

    def starts(self) -> None:
        self.fellow.started(cast("Lifecycle", self.server))

    def of(self, kind: type[Any]) -> list[Any]:
        return [message for message in self.said if isinstance(message, kind)]


async def test_limits_are_asked_for_where_there_are_any() -> None:
    config = Config(user="tester", upstreams={"small": Upstream(max_in_flight=2)})
    worker = Worker()
    worker.stage = stage(lists_models("gpt4o"), config, others={"small": lists_models("gpt4o")})
    relay = worker.stage.relay
    async with worker.fellow.join(relay):
        assert isinstance(relay.places, Leases)
        assert isinstance(relay.sites["small"].places, Leases)
        assert isinstance(relay.main.places, Places), "without a limit there is nothing to ask"
        running = asyncio.create_task(worker.stage.run(FakeClient([(0, ask())])))
        await asyncio.sleep(0.1)
        assert [asked.pool for asked in worker.of(messages.Ask)] == [DOOR]
        worker.fellow.hears(messages.Granted(DOOR, 1, 1))
        await asyncio.sleep(0.1)
        assert [asked.pool for asked in worker.of(messages.Ask)] == [DOOR, ALL]
        worker.fellow.hears(messages.Declined(ALL, 1, 3, 700.0))
        outcome = await running
    assert outcome.record.code == "queue_too_long"
    assert relay.admission.in_flight == 0


async def test_lists_are_shared_both_ways() -> None:
    worker = Worker()
    relay = worker.stage.relay
    async with worker.fellow.join(relay):
        directory = relay.main.directory
        await directory.refresh()
        (listed,) = worker.of(messages.Listed)
        assert (listed.upstream, listed.listing.trouble) == ("main", None)
        assert b"gpt4o" in listed.listing.body
        worker.fellow.hears(messages.Listed("main", LISTING))
        assert directory.knows("gpt9new")
        worker.fellow.hears(messages.Lead())
        worker.fellow.hears(messages.Lead())
        await asyncio.sleep(1)
        assert len(worker.stage.upstream.calls) == 2
        assert not directory.knows("gpt9new")
        await asyncio.sleep(3600)
        assert len(worker.stage.upstream.calls) == 3
        worker.fellow.leaving()
        await asyncio.sleep(7200)
        assert len(worker.stage.upstream.calls) == 3


async def test_what_is_known_of_models_is_there_from_the_start() -> None:
    worker = Worker()
    worker.fellow = Fellow(msgspec.structs.replace(worker.begin, lists={"main": LISTING}))
    async with worker.fellow.join(worker.stage.relay):
        assert worker.stage.relay.knows("gpt9new")


async def test_what_has_ended_is_told_of_together_and_before_anything_that_is_asked() -> None:
    worker = Worker()
    async with worker.fellow.join(worker.stage.relay):
        for _ in range(3):
            worker.fellow.note(RECORD)
        assert worker.of(messages.Counted) == []
        await asyncio.sleep(0.06)
        (counted,) = worker.of(messages.Counted)
        assert (len(counted.records), counted.listed) == (3, [True] * 3)
        worker.fellow.note(RECORD)
        worker.fellow.hears(messages.Look(7))
        assert [type(message) for message in worker.said[-2:]] == [messages.Counted, messages.Seen]
        seen = worker.said[-1]
        assert isinstance(seen, messages.Seen)
        assert (seen.ticket, seen.in_flight, seen.waiting) == (7, 0, 0)
        assert seen.places == [("main", 0, 0)]
        assert seen.breakers == [("main", None, "closed")]
        worker.fellow.note(RECORD)
    assert len(worker.of(messages.Counted)) == 3, "the last words are said, too"


async def test_how_the_whole_stands_is_the_supervisors_to_say() -> None:
    worker = Worker()
    relay = worker.stage.relay
    async with worker.fellow.join(relay):
        asking = asyncio.ensure_future(relay.standing())
        await asyncio.sleep(0)
        (asked,) = worker.of(messages.Sum)
        worker.fellow.hears(messages.Summed(asked.ticket, 12, {"top_k": 3}))
        worker.fellow.hears(messages.Summed(asked.ticket, 13, {}))
        assert await asking == Standing(12, {"top_k": 3})
        began = asyncio.get_running_loop().time()
        assert await relay.standing() == Standing(0, {}), "nobody answers"
        assert asyncio.get_running_loop().time() - began == pytest.approx(2.0)


async def test_pages_are_asked_for() -> None:
    worker = Worker()
    worker.fellow = Fellow(msgspec.structs.replace(worker.begin, beside="/beside"))
    worker.fellow.connect(worker.said.append)
    async with worker.fellow.join(worker.stage.relay) as pages:
        assert list(pages) == ["/beside", "/metrics"]
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> Any:
            raise AssertionError

        scope = {"method": "GET", "path": "/metrics", "query_string": b"a=b", "headers": [(b"accept", b"x/y")]}
        answering = asyncio.create_task(cast("Any", pages["/metrics"](scope, receive, send)))
        await asyncio.sleep(0)
        (asked,) = worker.of(messages.Page)
        assert asked == messages.Page(asked.ticket, "GET", "/metrics", "a=b", "x/y", "")
        worker.fellow.hears(messages.Written(asked.ticket, 200, [("Content-Type", "text/plain")], b"page"))
        await answering
        assert sent[0]["headers"] == [(b"content-type", b"text/plain")]
        assert sent[1]["body"] == b"page"
        answering = asyncio.create_task(cast("Any", pages["/metrics"](scope, receive, send)))
        await asyncio.sleep(0)
        worker.fellow.ends()
        await answering
        assert sent[2]["status"] == 503


async def test_it_says_when_it_is_ready_and_when_it_leaves() -> None:
    worker = Worker()
    async with worker.fellow.join(worker.stage.relay):
        worker.starts()
        worker.fellow.leaving()
    assert worker.said == [messages.Ready(), messages.Leaving()]


async def test_from_then_on_it_says_now_and_then_that_it_is_there() -> None:
    worker = Worker()
    async with worker.fellow.join(worker.stage.relay):
        await asyncio.sleep(29)
        assert worker.of(messages.Alive) == []
        worker.starts()
        await asyncio.sleep(30.1)
        assert len(worker.of(messages.Alive)) == BEATS
        worker.fellow.leaving()
    await asyncio.sleep(30)
    assert len(worker.of(messages.Alive)) == 2 * BEATS, "what drains is no less alive"


async def test_it_knows_whether_others_have_fewer_connections() -> None:
    worker = Worker()
    other = Board(os.dup(worker.begin.board))
    assert not worker.fellow.busy(5)
    other.write(1, 4)
    assert worker.fellow.busy(5)
    assert not worker.fellow.busy(4)
    assert other.least(1) == 4
    worker.fellow.leaving()
    assert other.least(1) is None


async def test_it_retires() -> None:
    worker = Worker()
    async with worker.fellow.join(worker.stage.relay):
        worker.starts()
        worker.fellow.hears(messages.Lead())
        worker.fellow.hears(messages.Granted(DOOR, 99, 5))
        worker.fellow.hears(messages.Retire())
        worker.fellow.hears(messages.Retire())
        await asyncio.sleep(0)
        assert worker.server.ends == ["retired"]
        assert worker.said[-1] == messages.Give(DOOR, 5, None)
        assert not worker.fellow.busy(5)


async def test_it_retires_once_it_serves_when_it_is_told_so_before() -> None:
    worker = Worker()
    worker.fellow.hears(messages.Retire())
    async with worker.fellow.join(worker.stage.relay):
        worker.starts()
        await asyncio.sleep(0)
        assert worker.server.ends == ["retired"]


async def test_what_is_told_of_an_exchange_holds_no_words_and_no_number_without_end() -> None:
    worker = Worker()
    usage = Usage(input=3, output=2**70, raw={"prompt_tokens": 2**80})
    record = msgspec.structs.replace(RECORD, model="a client\ud800", user="jdoe", usage=usage)
    async with worker.fellow.join(worker.stage.relay):
        worker.fellow.note(record)
        await asyncio.sleep(0.1)
        (counted,) = worker.of(messages.Counted)
        (told,) = counted.records
    assert told == msgspec.structs.replace(RECORD, request_id="", usage=Usage(input=3))
    assert b"jdoe" not in msgspec.msgpack.encode(counted)


@pytest.mark.parametrize("late", [False, True])
async def test_without_its_supervisor_it_drains(late: bool) -> None:
    worker = Worker()
    async with worker.fellow.join(worker.stage.relay):
        if late:
            worker.starts()
        worker.fellow.ends()
        if not late:
            worker.starts()
        assert worker.server.ends == ["stopped"]
        await worker.stage.relay.admission.admit()
        assert await worker.stage.relay.standing() == Standing(1, {})
        worker.stage.relay.stop()
        with pytest.raises(Refused):
            await worker.stage.relay.admission.admit()
