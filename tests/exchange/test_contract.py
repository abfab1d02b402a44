"""The whole contract of docs/timeouts.md as one table on virtual time: timers, sources, dialects, lanes, ways, endings.

A test runs many rows; those that fail are named by what they are.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from support.contract import PAIRS, SOURCES, STAINLESS, TIMERS
from support.contract_budget import OVERRUNS, fits, overrun
from support.contract_clients import BODIES, WAYS
from support.contract_rows import Row, all_problems, behaviours

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
