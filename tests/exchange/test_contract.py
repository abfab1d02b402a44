"""The whole contract of docs/timeouts.md as one table on virtual time: timers, sources, dialects, lanes, ways, endings.

A test runs many rows; those that fail are named by what they are.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from support import contract
from support.contract import IN_ORDER, OF_THE_TOTAL, PAIRS, SOURCES, STAINLESS, TIMERS
from support.contract_budget import OVERRUNS, fits, overrun, says
from support.contract_clients import BODIES, WAYS, ends_well, error_told, error_wanted, got
from support.contract_rows import REQUEST_ID, Row, all_problems, behaviours, problems_with, run
from support.contract_upstreams import SAYINGS, TEXTS, Piece, Script, answering, fine_stream, fine_whole
from support.stage import FOREVER

pytestmark = pytest.mark.looptime

ANOTHER = {
    "openai_chat": "anthropic",
    "anthropic": "google",
    "google": "openai_responses",
    "openai_responses": "openai_chat",
}
POSSIBLE = [(timer, source) for timer in TIMERS for source in PAIRS[timer]]
IMPOSSIBLE = [(timer, source) for timer in TIMERS for source in SOURCES if source not in PAIRS[timer]]
CLIENTS = pytest.mark.parametrize("client", BODIES)


def paired(pairs: list[tuple[str, str]]) -> pytest.MarkDecorator:
    """Give a test each of these timers and sources."""
    return pytest.mark.parametrize(("timer", "source"), pairs, ids=lambda word: word.replace(" ", "-"))


def rows(client: str, spoken: str, timer: str, source: str) -> Iterator[Row]:
    """Yield the rows of a pair: each way, each ending, each behaviour of the upstream."""
    for way, ending in itertools.product(WAYS[client], ("error", "partial")):
        if timer == "patience" and way != "whole":
            continue
        row = Row(client, way, spoken, timer, source, ending, "")
        for behaviour in behaviours(row):
            yield Row(client, way, spoken, timer, source, ending, behaviour)


def fine(row: Row) -> Script:
    """Return an upstream that answers well, and at once."""
    return fine_whole(row.spoken) if row.asked_as == "whole" else fine_stream(row.spoken, row.asked_as)


def told(found: list[str], count: int) -> str:
    return "\n".join(["", f"{len(found)} problems in {count} rows:", *found[:40]])


@CLIENTS
@paired(POSSIBLE)
async def test_each_timer_from_each_source_in_both_lanes(client: str, timer: str, source: str) -> None:
    both = [*rows(client, client, timer, source), *rows(client, ANOTHER[client], timer, source)]
    found = await all_problems(both)
    assert not found, told(found, len(both))


@CLIENTS
@paired(IMPOSSIBLE)
async def test_a_source_that_cannot_set_a_timer_leaves_it_as_it_is(client: str, timer: str, source: str) -> None:
    behaviour = {"connect": "no connection", "idle": "stops after text"}.get(timer, "no head")
    # Of patience only whole replies know.
    ways = [way for way in WAYS[client] if way == "whole" or source not in STAINLESS]
    lanes = [Row(client, way, spoken, timer, source, "error", behaviour) for way in ways for spoken in BODIES]
    found = await all_problems(lanes)
    assert not found, told(found, len(lanes))


BEHAVIOURS = {"total": "no head", "connect": "no connection", "first_event": "no head", "idle": "stops after text"}


@CLIENTS
@pytest.mark.parametrize("timer", BEHAVIOURS)
async def test_of_two_sources_the_stronger_holds(client: str, timer: str) -> None:
    order = [source for source in IN_ORDER if source in PAIRS[timer]]
    found, count = [], 0
    for way, (stronger, weaker) in itertools.product(WAYS[client], itertools.combinations(order, 2)):
        row = Row(client, way, client, timer, f"{stronger} before {weaker}", "error", BEHAVIOURS[timer])
        found += await problems_with(row, contract.both(timer, stronger, weaker), timer)
        count += 1
    assert count >= 6
    assert not found, told(found, count)


@CLIENTS
@pytest.mark.parametrize("source", [source for source in OF_THE_TOTAL if source != "capped"])
async def test_no_source_gets_beyond_the_cap(client: str, source: str) -> None:
    lanes = [Row(client, way, client, "total", f"{source}, capped", "error", "no head") for way in WAYS[client]]
    found = [one for row in lanes for one in await problems_with(row, contract.capped(source), "total")]
    assert not found, told(found, len(lanes))


def test_the_pairs_are_all_there_are() -> None:
    assert len(POSSIBLE) + len(IMPOSSIBLE) == len(TIMERS) * len(SOURCES)
    assert {timer for timer, _ in POSSIBLE} == set(TIMERS)
    assert {source for _, source in POSSIBLE} == set(SOURCES)


@pytest.mark.parametrize("spoken", BODIES)
@CLIENTS
async def test_all_crossings(client: str, spoken: str) -> None:
    pairs = (("total", "body number"), ("first_event", "body object"), ("idle", "body object"))
    crossed = [row for pair in pairs for row in rows(client, spoken, *pair)]
    found = await all_problems(crossed)
    assert not found, told(found, len(crossed))


@CLIENTS
@pytest.mark.parametrize("name", OVERRUNS)
async def test_what_would_overrun_ends_at_the_total(client: str, name: str) -> None:
    ran, found = 0, list[str]()
    for way, spoken, ending in itertools.product(WAYS[client], (client, ANOTHER[client]), ("error", "partial")):
        for behaviour in ("no connection", "no head", "head only", "stops after text", "stops after half a call"):
            row = Row(client, way, spoken, "total", "body object", ending, behaviour)
            if fits(row, name):
                found += await overrun(row, name)
                ran += 1
    assert ran > 3
    assert not found, told(found, ran)


@CLIENTS
@pytest.mark.parametrize("source", OF_THE_TOTAL)
async def test_a_reply_that_keeps_within_it_says_so_and_no_more(client: str, source: str) -> None:
    """The headers of a good reply: the total and where it came from, and nothing of a timer."""
    found = []
    lanes = [Row(client, way, spoken, "total", source, "error", "fine") for way in WAYS[client] for spoken in BODIES]
    for row in lanes:
        given = contract.given("total", source)
        done = await run(row, given, fine(row))
        total = given.limits["total"]
        wanted = {"x-request-id": REQUEST_ID, "x-timeout": f"{total.seconds:g}", "x-timeout-source": total.word}
        wanted |= {"x-model": "m", "x-upstream": "main", "x-attempts": "1"}
        ours = {name: value for name, value in done.client.headers.items() if name.startswith("x-")}
        ours.pop("x-accel-buffering", None)
        ours.pop("x-losses", None)
        if (done.client.status, done.record.outcome, ours) != (200, "ok", wanted):
            found.append(f"{row}: {done.client.status}, {done.record.outcome}, {ours} and not {wanted}")
        if got(client, row.way, done.client.body).text != "".join(TEXTS):
            found.append(f"{row}: {done.client.body!r}")
    assert not found, told(found, len(lanes))


@CLIENTS
@pytest.mark.parametrize("source", STAINLESS)
async def test_patience_ends_nothing_that_is_kept_alive_or_kept(client: str, source: str) -> None:
    found = []
    cases = {
        "a stream": (["stream"], {}, {}),
        "a whole reply with white space before": (["whole"], {"heartbeat": 15.0, "whole_heartbeat": True}, {}),
        "a whole reply that can be asked for again": (["whole"], {}, {"rejoin": 30.0}),
    }
    for name, (ways, timeouts, settings) in cases.items():
        for way, spoken in itertools.product(ways, BODIES):
            row = Row(client, way, spoken, "patience", source, "error", name)
            given = contract.given("patience", source)
            given.timeouts = {"heartbeat": 15.0} | timeouts
            done = await run(row, given, fine(row)._replace(head=20.0), **settings)
            if (done.client.status, done.took) != (200, 23.0) or done.client.headers["x-timeout-source"] != "default":
                found.append(f"{row}: {done.client.status} after {done.took}")
            gaps = [later - at for (at, _), (later, _) in itertools.pairwise([(3.0, b""), *done.client.written])]
            if "rejoin" not in settings and max(gaps) > 5.5 / 3 + 0.001:
                found.append(f"{row}: nothing came for {max(gaps)} s")
    assert not found, told(found, 12)


@CLIENTS
async def test_after_a_sign_of_life_the_error_is_told_within(client: str) -> None:
    found, lanes = [], [(way, spoken) for way in WAYS[client] for spoken in BODIES]
    for way, spoken in lanes:
        row = Row(client, way, spoken, "total", "body number", "error", "no head")
        given = contract.given("total", "body number")
        given.timeouts = {"heartbeat": 2.0, "whole_heartbeat": True}
        done = await run(row, given, Script(head=FOREVER))
        streamed = way != "whole"
        error, message = error_told(client, way, done.client.body, streamed=streamed)
        wanted = error_wanted(client, "total", None if streamed else REQUEST_ID)
        if (done.client.status, done.took, error) != (200, 8.0, wanted) or "nothing had arrived" not in message:
            found.append(f"{row}: {done.client.status} after {done.took}: {done.client.body!r}")
        if [at for at, data in done.client.written if data] != [5.0, 7.0, 8.0]:
            found.append(f"{row}: {done.client.written}")
        if streamed and ends_well(client, way, done.client.body):
            found.append(f"{row}: it ends as if it were complete")
    assert not found, told(found, len(lanes))


NO_LIMITS = (
    0,
    -1,
    "0",
    "x",
    "1_0",
    "",
    True,
    [5],
    {"total": 0},
    {"total": True},
    {"idle": "x"},
    {"sum": 5},
    "nan",
    "inf",
)


@CLIENTS
async def test_what_is_no_limit_is_a_400_and_nothing_is_sent(client: str) -> None:
    found, asked = [], list[tuple[object, dict[str, str], str]]()
    asked += [(value, {}, "timeout") for value in (*NO_LIMITS, {"on_timeout": "half"})]
    asked += [(None, {name: "soon"}, name) for name in ("x-request-timeout", "x-server-timeout", "x-on-timeout")]
    for way, (value, headers, param) in itertools.product(WAYS[client], asked):
        row = Row(client, way, client, "total", "body object", "error", f"{value!r} {headers}")
        given = contract.Given(timeout=value, headers=dict(headers))
        done = await run(row, given, fine(row))
        told_so = json.loads(done.client.body)
        named = json.dumps(told_so) if client in ("anthropic", "google") else told_so["error"]["param"]
        if done.client.status != 400 or param not in named or done.upstream.calls:
            found.append(f"{row}: {done.client.status} {done.client.body!r}")
        if "x-timeout-timer" in done.client.headers:
            found.append(f"{row}: {done.client.headers}")
    assert not found, told(found, len(asked))


@CLIENTS
async def test_an_error_that_cannot_be_mended_in_time_goes_back_at_once_and_whole(client: str) -> None:
    found = []
    for way, spoken in itertools.product(WAYS[client], (client, ANOTHER[client])):
        row = Row(client, way, spoken, "total", "body number", "error", "a Retry-After that does not fit")
        given = contract.given("total", "body number")
        done = await run(row, given, says(503, 1, **{"retry-after": "20"}))
        headers = done.client.headers
        if (done.took, done.client.status, headers.get("retry-after")) != (4.0, 503, "20"):
            found.append(f"{row}: {done.client.status} after {done.took}: {headers}")
        if "x-should-retry" in headers or len(done.upstream.calls) != 1:
            found.append(f"{row}: {headers}")
    assert not found, told(found, len(WAYS[client]))


@CLIENTS
@pytest.mark.parametrize("ending", ["error", "partial"])
async def test_what_has_begun_is_never_asked_for_again(client: str, ending: str) -> None:
    found = []
    for way, spoken in itertools.product(WAYS[client][1:], (client, ANOTHER[client])):
        row = Row(client, way, spoken, "total", "body object", ending, "breaks after text")
        given = contract.given("total", "body object")
        if ending == "partial":
            given.wants_partial()
        begun = answering(spoken, row.asked_as, [Piece(1.0, data) for data in SAYINGS["text"](spoken)])
        done = await run(row, given, replace(begun.play(), body=begun.play().body[:-1], cut=True), retries=5)
        if len(done.upstream.calls) != 1 or done.record.outcome != "error" or ends_well(client, way, done.client.body):
            found.append(f"{row}: {len(done.upstream.calls)} calls, {done.record.outcome}: {done.client.body[-200:]!r}")
    assert not found, told(found, len(WAYS[client]))
