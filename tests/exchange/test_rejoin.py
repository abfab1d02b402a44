"""Clients that leave and send the same request again, on virtual time: see docs/timeouts.md."""

from __future__ import annotations

import asyncio
import gc
import itertools
import random
import sys
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from argo_relay.config.schema import Config, Timeouts
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.entry import Entry
from argo_relay.exchange.rejoin import Recorded, Rejoin
from argo_relay.exchange.run import Exchange
from argo_relay.observe.record import Outcome, Record
from argo_relay.upstreams.base import Operation
from support.stage import DONE, FINISH, FOREVER, JSON, WHOLE, FakeClient, Play, Stage, ask, chunk, stage

pytestmark = pytest.mark.looptime

CHAT = Entry(dialect=DIALECTS["openai_chat"])
KEY = {"authorization": "Bearer mine"}
PIECES = [chunk(letter) for letter in "abcde"]
STREAM = b"".join(PIECES) + FINISH + DONE
DRIPPING = Play(head=1, body=[*((1.0, piece) for piece in PIECES), (1.0, FINISH), (0.0, DONE)])
"""Begins after 2 s, ends after 7."""
LATE = Play(head=5, headers=JSON, body=[(0, WHOLE)])
QUIET = Timeouts(heartbeat=None)


@dataclass
class Scene:
    """One relay, and the clients that come to it."""

    there: Stage
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    def come(self, client: FakeClient, entry: Entry = CHAT) -> FakeClient:
        self.tasks.append(asyncio.get_running_loop().create_task(Exchange(self.there.relay, entry, client).run()))
        return client

    async def over(self) -> None:
        """Wait until all exchanges have ended."""
        await asyncio.gather(*self.tasks)

    async def until(self, when: float) -> None:
        await asyncio.sleep(when - asyncio.get_running_loop().time())

    @property
    def calls(self) -> int:
        return len(self.there.upstream.calls)

    def record(self, request_id: str) -> Record:
        (record,) = [one for one in self.there.records if one.request_id == request_id]
        return record

    @property
    def ended(self) -> list[tuple[str, float]]:
        return self.there.upstream.ended

    @property
    def kept(self) -> int:
        """Bytes of memory that recordings take."""
        relay = self.there.relay
        return relay.config.rejoin_memory - relay.rejoin.free


def scene(play: Play, rejoin: float | None = 30.0, memory: int = 2**20, timeouts: Timeouts = QUIET) -> Scene:
    return Scene(stage(play, Config(user="tester", retries=0, rejoin=rejoin, rejoin_memory=memory, timeouts=timeouts)))


def client(
    name: str, body: bytes | None = None, headers: Mapping[str, str] | None = None, retry: int = 0, **does: Any
) -> FakeClient:
    given = {"x-request-id": name, "x-stainless-retry-count": str(retry), **(KEY if headers is None else headers)}
    return FakeClient([(0, ask(stream=True) if body is None else body)], given, **does)


@pytest.mark.parametrize("when", [0.5, 2.5, 6.5])
async def test_off_by_default_a_client_that_leaves_ends_its_generation(when: float) -> None:
    assert Config().rejoin is None
    play = scene(DRIPPING, rejoin=None)
    play.come(client("first", leave=when))
    await play.over()
    assert play.ended == [("cancelled" if when < 1 else "closed", when)]
    assert play.record("first").outcome is Outcome.CANCELLED
    again = play.come(client("again", retry=1))
    await play.over()
    assert again.body == STREAM
    assert play.calls == 2
    assert play.kept == 0


LEAVES = {"before the head": 0.5, "before the first event": 1.5, "mid-stream": 4.5, "just before the end": 6.9}
COMES = {"at once": 0.0, "later": 1.5, "after the end": 10.0}


@pytest.mark.parametrize("comes", COMES)
@pytest.mark.parametrize("leaves", LEAVES)
async def test_the_same_request_joins_from_the_beginning(leaves: str, comes: str) -> None:
    play = scene(DRIPPING)
    left = LEAVES[leaves]
    first = play.come(client("first", leave=left))
    await play.until(left + COMES[comes])
    again = play.come(client("again", retry=1))
    await play.over()
    assert play.calls == 1
    assert play.ended == [("released", 7.0)]
    assert STREAM.startswith(first.body)
    assert (again.status, again.body) == (200, STREAM)
    assert again.headers["x-request-id"] == "again"
    assert again.headers["x-rejoined"] == "first"
    assert again.headers["content-type"].startswith("text/event-stream")
    assert "x-rejoined" not in first.headers
    joined = left + COMES[comes]
    # What had been written comes at once, the rest as it is written.
    times = [round(when + joined, 3) for when, data in again.written if data]
    assert times == [max(joined, written) for written in (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 7.0)]
    assert play.kept == 0
    one, other = play.record("first"), play.record("again")
    assert (one.outcome, one.events, one.rejoined, one.saved) == (Outcome.OK, 6, None, None)
    assert (other.outcome, other.status, other.rejoined, other.saved) == (Outcome.OK, 200, "first", None)
    assert (other.model, other.stream, other.bytes_out, other.bytes_in) == (
        "argo:gpt-4o",
        True,
        len(STREAM),
        one.bytes_in,
    )


@pytest.mark.parametrize("comes", [2.5, 9.0])
async def test_a_whole_reply_is_handed_over(comes: float) -> None:
    play = scene(LATE)
    play.come(client("first", ask(), leave=2))
    await play.until(comes)
    again = play.come(client("again", ask()))
    await play.over()
    assert play.calls == 1
    assert (again.status, again.body) == (200, WHOLE)
    assert again.headers["content-length"] == str(len(WHOLE))
    assert again.ended == max(5.0, comes) - comes


@pytest.mark.parametrize("rejoin", [30.0, None])
async def test_a_whole_reply_may_take_longer_than_its_client_waits_where_that_may_return(rejoin: float | None) -> None:
    play = scene(LATE, rejoin=rejoin)
    patient = KEY | {"x-stainless-read-timeout": "2"}
    first = play.come(client("first", ask(), headers=patient, leave=2))
    await play.until(2.5)
    again = play.come(client("again", ask(), headers=patient, retry=1))
    await play.over()
    assert (first.status, again.status, play.calls) == ((None, 200, 1) if rejoin else (504, 504, 2))


async def test_who_leaves_again_is_waited_for_as_long_again() -> None:
    play = scene(Play(head=50, headers=JSON, body=[(0, WHOLE)]), rejoin=20)
    play.come(client("first", ask(), leave=2))
    for count, when in ((1, 20), (2, 38)):
        await play.until(when)
        play.come(client(f"again-{count}", ask(), retry=count, leave=1))
    await play.until(58)
    last = play.come(client("last", ask(), retry=3))
    await play.over()
    assert last.body == WHOLE
    assert play.calls == 1
    assert play.ended == [("released", 50.0)]
    outcomes = {one.request_id: (one.outcome, one.rejoined, one.saved) for one in play.there.records}
    assert outcomes["first"] == (Outcome.OK, None, None)
    assert outcomes["again-1"] == outcomes["again-2"] == (Outcome.CANCELLED, "first", None)
    assert outcomes["last"] == (Outcome.OK, "first", None)


async def test_when_nobody_comes_the_upstream_stops() -> None:
    play = scene(Play(head=100, headers=JSON), rejoin=30)
    play.come(client("first", ask(), leave=2))
    await play.over()
    assert play.ended == [("cancelled", 32.0)]
    record = play.record("first")
    assert (record.outcome, record.phase, record.seconds, record.saved) == (Outcome.CANCELLED, "waiting", 32, 568)
    assert play.kept == 0
    again = play.come(client("again", ask(timeout=1), retry=1))
    await play.over()
    assert again.status == 504
    assert play.calls == 2


async def test_too_late_for_a_reply_that_has_ended() -> None:
    play = scene(DRIPPING, rejoin=30)
    play.come(client("first", leave=2.5))
    await play.until(32)
    assert play.kept > len(STREAM)
    await play.until(33)
    assert play.kept == 0
    again = play.come(client("again", retry=1))
    await play.over()
    assert again.body == STREAM
    assert "x-rejoined" not in again.headers
    assert play.calls == 2


async def test_a_client_that_has_got_its_reply_leaves_nothing_behind() -> None:
    play = scene(DRIPPING)
    play.come(client("first"))
    await play.over()
    assert play.kept == 0
    play.come(client("again", retry=1))
    await play.over()
    assert play.calls == 2


OTHERS: dict[str, dict[str, Any]] = {
    "another key": {"headers": {"authorization": "Bearer theirs"}},
    "no key": {"headers": {}},
    "the key elsewhere": {"headers": {"x-api-key": "Bearer mine"}},
    "one key more": {"headers": KEY | {"x-goog-api-key": "k"}},
    "another body": {"body": ask(stream=True, seed=1)},
    "another form of the body": {"body": ask(stream=True) + b" "},
    "another limit": {"headers": KEY | {"x-request-timeout": "60"}},
    "another beta": {"headers": KEY | {"anthropic-beta": "x"}},
    "another intent": {"headers": KEY | {"idempotency-key": "1"}},
    "strictness": {"headers": KEY | {"x-strict": "true"}},
}


@pytest.mark.parametrize("other", OTHERS)
async def test_anything_else_never_joins(other: str) -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=2.5))
    await play.until(3)
    another = play.come(client("another", retry=1, **OTHERS[other]))
    await play.until(4)
    assert play.calls == 2
    again = play.come(client("again", retry=1))
    await play.over()
    assert another.body == again.body == STREAM
    assert ("x-rejoined" in again.headers, "x-rejoined" in another.headers) == (True, False)
    assert play.calls == 2


GOOGLE = Entry(dialect=DIALECTS["google"], model="a", stream=True)
ENTRIES = {
    "path": (CHAT, Entry(dialect=DIALECTS["openai_responses"])),
    "operation": (CHAT, msgspec.structs.replace(CHAT, operation=Operation.COMPLETE)),
    "model": (GOOGLE, msgspec.structs.replace(GOOGLE, model="b")),
    "query": (GOOGLE, msgspec.structs.replace(GOOGLE, array=True)),
    "method": (GOOGLE, msgspec.structs.replace(GOOGLE, stream=False)),
}


def kept(book: Rejoin, client: FakeClient, entry: Entry) -> Recorded:
    recorded = book.around(client, entry)
    assert recorded is not None
    return recorded


@pytest.mark.parametrize("case", ENTRIES)
async def test_another_path_never_joins(case: str) -> None:
    book = Rejoin(30, 1000)
    one, other = (kept(book, client("x", retry=at), entry) for at, entry in enumerate(ENTRIES[case]))
    for recorded in (one, other):
        assert await recorded.receive()
        assert recorded.twin("x") is None
        recorded.watch(lambda: None)
    same = kept(book, client("same", retry=1), ENTRIES[case][0])
    await same.receive()
    assert same.twin("same") is one


@pytest.mark.parametrize("operation", [Operation.COUNT, Operation.EMBED])
async def test_only_generations_are_kept(operation: Operation) -> None:
    """Nothing stands between other exchanges and their clients, who leave as from a relay that keeps nothing."""
    entry = Entry(dialect=DIALECTS["openai_chat"], operation=operation)
    assert Rejoin(30, 1000).around(client("x"), entry) is None


async def test_of_two_at_once_one_joins_and_the_other_goes_its_own_way() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=2.5))
    await play.until(3)
    one, other = play.come(client("one", retry=1)), play.come(client("other", retry=1))
    await play.over()
    assert one.body == other.body == STREAM
    assert (one.headers.get("x-rejoined"), other.headers.get("x-rejoined")) == ("first", None)
    assert play.calls == 2


async def test_the_same_request_twice_is_two_generations() -> None:
    play = scene(DRIPPING)
    one, other = play.come(client("one")), play.come(client("other"))
    await play.over()
    assert one.body == other.body == STREAM
    assert play.calls == 2


@pytest.mark.parametrize("when", [0.5, 4.5])
async def test_a_retry_that_is_seen_before_the_old_connections_end(when: float) -> None:
    play = scene(DRIPPING)
    old = play.come(client("first"))
    await play.until(when)
    again = play.come(client("again", retry=1))
    await play.over()
    assert old.aborted == when
    assert STREAM.startswith(old.body)
    assert again.body == STREAM
    assert play.calls == 1
    assert play.record("first").outcome is play.record("again").outcome is Outcome.OK


async def test_a_second_retry_takes_it_from_the_first() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=1.5))
    await play.until(2.5)
    one = play.come(client("one", retry=1))
    await play.until(4.5)
    two = play.come(client("two", retry=2))
    await play.until(5.5)
    own = play.come(client("own", retry=2))
    await play.over()
    assert one.aborted == 2.0
    assert two.body == own.body == STREAM
    assert play.record("one").outcome is Outcome.CANCELLED
    assert (play.record("two").rejoined, play.record("own").rejoined) == ("first", None)
    assert play.calls == 2


@pytest.mark.parametrize("comes", [2.5, 4.5, 6.5, 7.5])
async def test_a_reader_that_takes_its_time_gets_everything_in_order(comes: float) -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=2.5))
    await play.until(comes)
    again = play.come(client("again", retry=1, pace=0.8))
    await play.over()
    assert again.body == STREAM
    assert play.kept == 0


async def test_a_retry_that_comes_while_the_one_before_is_still_handed_the_beginning() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=4.5))
    await play.until(5)
    one = play.come(client("one", retry=1, reads=1))
    await play.until(7)
    two = play.come(client("two", retry=2, pace=0.1))
    await play.over()
    assert one.aborted == 2.0
    assert play.record("one").outcome is Outcome.CANCELLED
    assert play.record("one").bytes_out == 2 * len(PIECES[0])
    assert two.body == STREAM
    assert play.calls == 1


class Uncut(FakeClient):
    """A client of a server that cannot cut connections."""

    def abort(self) -> None:
        self.aborted = self.now


async def test_whose_reply_was_taken_over_is_done_even_if_its_connection_cannot_be_cut() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=2.5))
    await play.until(3)
    play.come(Uncut([(0, ask(stream=True))], KEY | {"x-request-id": "one", "x-stainless-retry-count": "1"}))
    await play.until(5)
    two = play.come(client("two", retry=2))
    await play.over()
    assert (play.record("one").outcome, play.record("one").seconds) == (Outcome.CANCELLED, 2)
    assert two.body == STREAM


async def test_a_recording_goes_when_its_reply_has_been_delivered() -> None:
    book = Rejoin(30, 50_000)
    reader = client("x")
    one = kept(book, reader, CHAT)
    await one.receive()
    assert one.twin("x") is None
    data = bytes(10_000)
    before = sys.getrefcount(data)
    await one.begin(200, [])
    await one.write(data)
    assert book.free < 40_000
    await one.write(b"", last=True)
    reader.written.clear()
    assert sys.getrefcount(data) == before
    assert book.free == 50_000


@pytest.mark.parametrize("count", ["-1", "x", "", "1e3", "9999", "²"])
async def test_a_count_that_is_none_takes_nothing_from_a_client_that_is_there(count: str) -> None:
    play = scene(DRIPPING)
    play.come(client("first"))
    await play.until(2.5)
    play.come(client("again", headers=KEY | {"x-stainless-retry-count": count}))
    await play.over()
    assert play.calls == 2
    assert {one.outcome for one in play.there.records} == {Outcome.OK}


async def test_the_total_of_the_first_request_goes_on_holding() -> None:
    play = scene(Play(body=[(1.0, chunk())] * 1000))
    body = ask(stream=True, timeout=10)
    play.come(client("first", body, leave=2.5))
    await play.until(4)
    again = play.come(client("again", body, retry=1))
    await play.over()
    assert again.ended == 6.0
    assert b'"code":"timeout_total"' in again.body.replace(b" ", b"")
    assert play.ended == [("closed", 10.0)]
    assert play.record("first").outcome is play.record("again").outcome is Outcome.TIMEOUT
    assert play.record("first").timer == play.record("again").timer == "total"
    assert play.kept == 0


async def test_a_generation_that_nobody_waits_for_ends_at_its_total_and_the_next_is_a_new_one() -> None:
    play = scene(Play(head=FOREVER))
    body = ask(timeout=10)
    play.come(client("first", body, leave=2))
    await play.over()
    assert play.ended == [("cancelled", 10.0)]
    assert play.record("first").outcome is Outcome.TIMEOUT
    assert play.kept == 0
    again = play.come(client("again", body, retry=1))
    await play.over()
    assert (again.status, again.ended) == (504, 10.0)
    assert play.calls == 2


async def test_a_failure_is_told_to_who_has_joined_and_is_not_kept() -> None:
    play = scene(Play(head=5, status=503, headers=JSON, body=[(0, b'{"error": {"message": "busy"}}')]))
    play.come(client("first", leave=2))
    await play.until(3)
    again = play.come(client("again", retry=1))
    await play.over()
    assert (again.status, again.headers["x-rejoined"]) == (503, "first")
    assert play.record("again").outcome is Outcome.ERROR
    play.come(client("second", leave=2))
    await play.over()
    assert (play.calls, play.kept) == (2, 0)
    play.come(client("third", retry=1))
    await play.over()
    assert play.calls == 3


async def test_a_reader_that_is_slow_holds_the_upstream_back() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=3.5))
    await play.until(4.5)
    again = play.come(client("again", retry=1, reads=1))
    await play.until(100)
    (answer,) = play.there.upstream.answers
    assert answer.read_calls == 4
    assert again.body == PIECES[0]
    again.read_again()
    await play.over()
    assert again.body == STREAM
    assert play.ended == [("released", 102.0)]


async def test_a_client_that_leaves_while_it_does_not_read_loses_nothing() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=6.5, reads=1))
    await play.until(7)
    again = play.come(client("again", retry=1, reads=1, leave=3))
    await play.until(11)
    last = play.come(client("last", retry=2))
    await play.over()
    assert again.body == PIECES[0]
    assert last.body == STREAM
    assert play.calls == 1


async def test_a_reply_that_outgrows_the_memory_is_given_up() -> None:
    play = scene(DRIPPING, memory=1000)
    play.come(client("first", leave=3.5))
    await play.over()
    ((how, when),) = play.ended
    assert how == "closed"
    assert 3.5 < when < 7, "nobody could have got it any more"
    assert play.record("first").outcome is Outcome.CANCELLED
    assert play.kept == 0


async def test_a_reply_without_room_goes_on_for_a_client_that_stays() -> None:
    play = scene(DRIPPING, memory=1000)
    first = play.come(client("first"))
    other = play.come(client("other", leave=6.9))
    await play.over()
    assert first.body == STREAM
    assert play.record("first").outcome is Outcome.OK
    assert STREAM.startswith(other.body)
    assert play.ended == [("closed", 6.9), ("released", 7.0)]
    assert play.kept == 0


async def test_the_memory_is_one_for_all() -> None:
    play = scene(DRIPPING, memory=3000)
    for number in range(50):
        play.come(client(f"{number}", ask(stream=True, seed=number), leave=6.5))
        await play.until(number * 0.1)
        assert play.kept <= 3000
    await play.over()
    assert play.kept <= 3000
    await play.until(100)
    assert play.kept == 0


async def test_when_the_process_stops_what_nobody_waits_for_ends_at_once() -> None:
    play = scene(Play(head=1, body=[(1.0, chunk())] * 1000))
    play.come(client("kept", leave=2.5))
    play.come(client("first", ask(stream=True, seed=1), leave=2.5))
    stays = play.come(client("stays", ask(stream=True, seed=2)))
    await play.until(3)
    again = play.come(client("again", ask(stream=True, seed=1), retry=1))
    leaves = play.come(client("leaves", ask(stream=True, seed=3), leave=3))
    await play.until(5)
    play.there.relay.stop()
    await play.until(5.5)
    assert play.record("kept").outcome is Outcome.CANCELLED
    assert play.ended == [("closed", 5.0)]
    await play.until(7)
    assert play.ended == [("closed", 5.0), ("closed", 6.0)], "nobody is waited for any more"
    play.there.relay.end_all()
    await play.over()
    for one in (stays, again):
        assert b"shutting_down" in one.body
        assert one.ended is not None
        assert one.aborted is None
    assert not leaves.ended
    assert play.kept == 0


async def test_a_reply_that_has_ended_is_not_kept_beyond_the_stop() -> None:
    play = scene(DRIPPING)
    play.come(client("first", leave=2.5))
    await play.over()
    assert play.kept
    play.there.relay.stop()
    assert play.kept == 0


async def test_a_reply_that_is_kept_holds_no_more_than_itself() -> None:
    play = scene(DRIPPING, timeouts=Timeouts(heartbeat=15))
    exchange = Exchange(play.there.relay, CHAT, client("first", leave=2.5))
    held = weakref.ref(exchange)
    await exchange.run()
    del exchange
    gc.collect()
    assert play.kept
    assert held() is None


async def test_signs_of_life_are_kept_in_their_places() -> None:
    play = scene(Play(head=40, body=[(0, STREAM)]), timeouts=Timeouts(heartbeat=15))
    play.come(client("first", leave=20))
    await play.until(21)
    again = play.come(client("again", retry=1))
    await play.over()
    alive = b": keep-alive\n\n"
    assert again.body == alive + alive + STREAM
    assert [when for when, data in again.written if data] == [0, 9, 19]


@pytest.mark.parametrize("seed", range(60))
async def test_whoever_comes_last_gets_what_an_undisturbed_client_would_have_got(seed: int) -> None:
    chance = random.Random(seed)
    streamed = chance.random() < 0.7
    pieces = [chunk("x" * chance.randrange(200)) for _ in range(chance.randrange(30))]
    body = b"".join([*pieces, FINISH, DONE]) if streamed else WHOLE
    cuts = sorted({0, len(body), *(chance.randrange(len(body)) for _ in range(chance.randrange(20)))})
    steps = [(chance.choice([0, 0, 0.3, 2, 20]), body[start:end]) for start, end in itertools.pairwise(cuts)]
    moves = Play(head=chance.choice([0, 1, 16]), headers=Play().headers if streamed else JSON, body=steps)
    timeouts = Timeouts(heartbeat=chance.choice([None, 5]), whole_heartbeat=chance.random() < 0.5)
    request = ask(stream=streamed)
    calm = scene(moves, timeouts=timeouts)
    undisturbed = calm.come(client("calm", request))
    await calm.over()

    play = scene(moves, timeouts=timeouts)
    for number in range(chance.randrange(1, 5)):
        play.come(client(f"{number}", request, retry=number, leave=chance.choice([0.05, 0.7, 9, 40])))
        await asyncio.sleep(chance.choice([0, 0.1, 1, 8, 29]))
    last = play.come(client("last", request, retry=99))
    await play.over()
    assert (last.status, last.body) == (undisturbed.status, undisturbed.body)
    for name in ("content-type", "content-length", "x-timeout"):
        assert last.headers.get(name) == undisturbed.headers.get(name)
    assert last.ended is not None
    await asyncio.sleep(100)
    assert play.kept == 0


async def test_what_is_recorded_does_not_go_past_the_recording() -> None:
    reader = client("x", reads=10)
    one = Rejoin(30, 50_000).around(reader, CHAT)
    assert one is not None
    await one.receive()
    one.twin("x")
    await one.begin(200, [])
    assert not one.write_nowait(b"at once")
    await one.write(b"in turn")
    assert reader.body == b"in turn"
