"""Rows of the contract's table: what is asked of whom, how the upstream behaves, and whether the reply keeps to it."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, NamedTuple

import msgspec

from argo_relay.config.schema import Config, Upstream
from argo_relay.dialects.table import DIALECTS
from argo_relay.exchange.alarm import Alarm
from argo_relay.exchange.entry import Entry
from support import contract
from support.contract import End, Given, Limit
from support.contract_clients import BODIES, Got, ends_well, error_told, error_wanted, got, stop_wanted
from support.contract_upstreams import CALL, LATER, QUIET, SAYINGS, TEXTS, WHOLE, Piece, Script, answering, in_whole
from support.stage import FOREVER, FakeClient, Outcome, Play, Stage, stage

Kind = Literal["openai", "openai_responses", "anthropic", "google"]
KINDS: Final[dict[str, Kind]] = {
    "openai_chat": "openai",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
    "google": "google",
}
REQUEST_ID: Final = "asked-1"
UPLOAD: Final = 3.0
"""Seconds that the request's body takes: the total begins after them."""
BEFORE_WORDS: Final = ("no connection", "not sent", "no head", "head only")


class Who(NamedTuple):
    """Whose reply it is, and after how many attempts."""

    upstream: str
    attempts: int


MAIN: Final = Who("main", 1)


@dataclass(frozen=True)
class Row:
    """One row; `source` set this `timer`, or is meant to."""

    client: str
    way: str
    spoken: str
    timer: str
    source: str
    ending: str
    behaviour: str

    def __str__(self) -> str:
        """Return the row's name."""
        way = f"{self.client} {self.way} of {self.spoken}"
        return f"{way}: {self.timer} from {self.source}, {self.ending}, {self.behaviour}"

    @property
    def streamed(self) -> bool:
        """Whether the client gets a stream."""
        return self.way != "whole"

    @property
    def gathered(self) -> bool:
        """Whether a whole reply is asked for as a stream."""
        return not self.streamed and self.ending == "partial"

    @property
    def asked_as(self) -> str:
        """The way in which the upstream is asked."""
        if self.gathered or (self.way == "array" and self.client != self.spoken):
            return "stream"
        return self.way

    @property
    def verbatim(self) -> bool:
        """Whether the upstream's bytes are the reply."""
        return self.client == self.spoken and not self.gathered


def script(row: Row, gap: float) -> Script:
    """Return the upstream of a row; whoever drips does so all the time, with gaps of so many seconds."""
    dialect, behaviour = row.spoken, row.behaviour
    if behaviour == "no connection":
        return Script(connect=FOREVER)
    if behaviour == "not sent":
        return Script(connect=0.5, send=FOREVER)
    if behaviour == "no head":
        return Script(connect=0.5, send=0.25, head=FOREVER)
    if row.asked_as == "whole":
        waits = {"head only": [], "stops after text": [1.0] * 3, "drips": [gap] * 30}[behaviour]
        assert len(waits) < len(WHOLE[dialect])
        return in_whole(dialect, waits)
    return answering(dialect, row.asked_as, _pieces(dialect, behaviour, gap))


def _pieces(dialect: str, behaviour: str, gap: float) -> list[Piece]:
    if behaviour == "head only":
        return []
    if behaviour == "drips":
        text = SAYINGS["text"](dialect)
        return [Piece(gap, text[min(number, 1)]) for number in range(30)]
    if behaviour.startswith("only "):
        what, quiet = "", behaviour.removeprefix("only ")
    else:
        what, _, quiet = behaviour.removeprefix("stops after ").partition(", then ")
    said = [Piece(0.75, data) for data in SAYINGS[what](dialect)] if what else []
    fillers = QUIET[dialect] | LATER.get(dialect, {})
    return said + ([Piece(gap, fillers[quiet], False)] * 30 if quiet else [])


def behaviours(row: Row) -> Iterator[str]:
    """Yield the behaviours under which a row's timer is the one that fires."""
    timer, streamed = row.timer, row.asked_as != "whole"
    quiet = [f"only {name}" for name in QUIET[row.spoken]] if streamed else []
    if timer == "queue":
        yield "no head"
    elif timer == "connect":
        yield "no connection"
    elif timer == "first_event":
        yield from ("no head", "head only", *quiet)
    elif timer == "idle":
        yield from _stops(row)
    else:
        # Within the built-in total others fire first where nobody connects, or somebody stops.
        long = row.source == "default"
        yield from BEFORE_WORDS[1 if long else 0 :]
        yield from (*quiet, "drips")
        yield from () if long else _stops(row)


def _stops(row: Row) -> Iterator[str]:
    if row.asked_as == "whole":
        yield "stops after text"
        return
    for name in QUIET[row.spoken] | LATER.get(row.spoken, {}):
        yield f"stops after text, then {name}"
    for what in SAYINGS:
        if SAYINGS[what](row.spoken):
            yield f"stops after {what}"


def body_of(row: Row, given: Given) -> tuple[bytes, Entry]:
    """Return a row's request."""
    members = BODIES[row.client] | ({"timeout": given.timeout} if given.timeout is not None else {})
    if row.client == "google":
        stream, array = row.streamed, row.way == "array"
        return json.dumps(members).encode(), Entry(dialect=DIALECTS["google"], model="m", stream=stream, array=array)
    return json.dumps(members | ({"stream": True} if row.streamed else {})).encode(), Entry(
        dialect=DIALECTS[row.client]
    )


def client_of(row: Row, given: Given) -> tuple[FakeClient, Entry]:
    """Return a row's client, whose request takes its time to arrive."""
    body, entry = body_of(row, given)
    headers = given.headers | {"x-request-id": REQUEST_ID}
    return FakeClient([(1.0, body[:10]), (UPLOAD - 1.0, body[10:])], headers), entry


def config_of(row: Row, given: Given, **more: Any) -> Config:
    """Return a row's configuration."""
    return given.config(upstream=Upstream(kind=KINDS[row.spoken]), **more)


async def run(row: Row, given: Given, upstream: Script | Play, **settings: Any) -> Outcome:
    """Run a row's request, whatever becomes of it."""
    play = upstream.play() if isinstance(upstream, Script) else upstream
    client, entry = client_of(row, given)
    return await stage(play, config_of(row, given, **settings), given.configured).run(client, entry)


async def problems(row: Row) -> list[str]:
    """Run a row; return what does not keep to the contract."""
    given = contract.given(row.timer, row.source)
    fires = row.timer if row.source in contract.PAIRS[row.timer] else contract.instead(row.timer, row.source)
    return await problems_with(row, given, fires)


async def problems_with(row: Row, given: Given, fires: str) -> list[str]:
    """Run a row in which this is given and this timer is to fire; return what does not keep to the contract."""
    if row.ending == "partial":
        given.wants_partial()
    upstream = script(row, contract.seconds_of(row.timer, row.source) / 12.5)
    queued = row.timer == "queue"
    config = config_of(row, given, **({"max_in_flight": 1} if queued else {}))
    on = stage(upstream.play(), config, given.configured)
    began = asyncio.get_running_loop().time()
    if queued:
        ending = End(contract.LIMIT if fires == "patience" else given.limits["total"].seconds, fires, "queued", 0, 0)
        await on.relay.places.take(0)
    else:
        ending = contract.end(given.limits, upstream, whole=not row.streamed)
    client, entry = client_of(row, given)
    done = await on.run(client, entry)
    if queued:
        on.relay.places.give(0)
    if ending.timer != fires:
        return [f"{row}: by the contract it is {ending.timer} that fires"]
    found = [*ends(row, given, ending, done), *_upstreams(row, ending, done, began), *leaks(on)]
    return [f"{row}: {problem}" for problem in found]


def leaks(on: Stage) -> Iterator[str]:
    """Yield what is left over of exchanges that have ended."""
    loop = asyncio.get_running_loop()
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    if tasks:
        yield f"tasks are left: {tasks}"
    timers = [one for one in getattr(loop, "_scheduled", ()) if not (one.cancelled() or _waits_for_a_guard(one))]
    if timers:
        yield f"timers are left: {timers}"
    relay = on.relay
    if relay.running or relay.admission.in_flight or relay.places.in_use or relay.places.waiting:
        yield "the relay believes that something is under way"


def _waits_for_a_guard(timer: Any) -> bool:
    """Say whether a timer is an alarm that nobody has any more, and the next guard will take."""
    owner = getattr(timer._callback, "__self__", None)
    return isinstance(owner, Alarm) and owner.call is None


def ends(row: Row, given: Given, ending: End, done: Outcome, who: Who = MAIN) -> Iterator[str]:
    """Yield what is wrong with how an exchange has ended for its client, and in its record."""
    limit = given.limits["total" if ending.timer == "queue" else ending.timer]
    when = round(UPLOAD + ending.when, 3)
    if done.took != when or done.client.ended != when:
        yield f"it ended after {done.took} s (for the client {done.client.ended}), not after {when}"
    partial = _what_is_handed_over(row, ending)
    yield from _headers(row, given, ending, done, who)
    if partial is None:
        yield from _failed(row, ending, limit, done, who)
    else:
        yield from _handed_over(row, ending, partial, done)
    yield from _recorded(done, ending, limit, partial=partial is not None)


def _upstreams(row: Row, ending: End, done: Outcome, began: float) -> Iterator[str]:
    if ending.phase == "queued":
        if done.upstream.calls:
            yield "the upstream was asked"
    else:
        how = "cancelled" if row.behaviour in BEFORE_WORDS[:3] else "closed"
        closed = [(one, round(at - began, 3)) for one, at in done.upstream.ended]
        if closed != [(how, round(UPLOAD + ending.when, 3))]:
            yield f"the upstream's end is {closed}, not {how} at {UPLOAD + ending.when}"
        if b"timeout" in (done.upstream.calls[0].body or b""):
            yield "`timeout` went upstream"


def _what_is_handed_over(row: Row, ending: End) -> Got | None:
    if row.ending != "partial" or ending.timer not in ("total", "idle", "patience") or not ending.words:
        return None
    stop = stop_wanted(row.client)
    behaviour = row.behaviour
    if behaviour == "stops after half a call":
        # Gemini's calls are whole or nothing.
        return Got("", [], stop, True) if row.streamed and row.client != "google" else None
    if behaviour == "stops after a call":
        return Got("", [CALL], stop, True)
    if behaviour == "drips":
        return Got(TEXTS[0] + TEXTS[1] * (ending.words - 1), [], stop, True)
    return Got("".join(TEXTS), [], stop, True)


def _headers(row: Row, given: Given, ending: End, done: Outcome, who: Who) -> Iterator[str]:
    total = given.limits["total"]
    if not row.streamed:
        total = given.limits.get("patience", total)
    wanted = {
        "x-request-id": REQUEST_ID,
        "x-timeout": f"{total.seconds:g}",
        "x-timeout-source": total.word,
    }
    if ending.phase != "queued":
        wanted |= {"x-model": "m", "x-upstream": who.upstream, "x-attempts": str(who.attempts)}
    for name, value in wanted.items():
        if done.client.headers.get(name) != value:
            yield f"the header {name} is {done.client.headers.get(name)}, not {value}"


def _failed(row: Row, ending: End, limit: Limit, done: Outcome, who: Who) -> Iterator[str]:
    client, headers = done.client, done.client.headers
    early = _began_before(ending, client)
    if early and not (row.streamed and ending.size):
        yield "the reply began before anything had come"
    if row.streamed and ending.words and not early and not (row.client == "google" and "a call" in row.behaviour):
        yield "what had come has not been passed on"
    told: dict[str, str | None] = {"x-timeout-partial": None, "x-should-retry": None, "x-timeout-timer": None}
    if not early:
        told |= {"x-should-retry": "false", "x-timeout-timer": ending.timer, "content-type": "application/json"}
        told["content-length"] = str(len(client.body))
    if client.status != (200 if early else 504):
        yield f"the status is {client.status}"
    for name, value in told.items():
        if headers.get(name) != value:
            yield f"the header {name} is {headers.get(name)}, not {value}"
    try:
        error, message = error_told(row.client, row.way, client.body, streamed=early)
    except (ValueError, KeyError, AssertionError, IndexError, TypeError) as unreadable:
        yield f"no error can be read ({unreadable!r}): {client.body[-300:]!r}"
        return
    wanted = error_wanted(row.client, ending.timer, None if early else REQUEST_ID)
    if error != wanted:
        yield f"the error is {error}, not {wanted}"
    if early and ends_well(row.client, row.way, client.body):
        yield "after the error the answer is said to be complete"
    yield from _sentence(row, ending, limit, message, who.attempts)


def _sentence(row: Row, ending: End, limit: Limit, message: str, attempts: int) -> Iterator[str]:
    start = contract.sentence(ending, limit)
    if not message.startswith(start):
        yield f"the message is {message!r}, not {start!r}"
        return
    match = re.fullmatch(contract.arrived(ending, attempts), message.removeprefix(start))
    if match is None:
        yield f"what had arrived is told as {message.removeprefix(start)!r}, not {contract.arrived(ending, attempts)!r}"
    elif ending.size and row.asked_as != "whole" and (match["events"] is None) is (ending.words > 0):
        yield f"of {ending.words} pieces with content it says {match['events']}"
    if "secret-upstream" in message:
        yield "the upstream's address is told"


def _began_before(ending: End, client: FakeClient) -> bool:
    return any(at < ending.when + UPLOAD and data for at, data in client.written)


def _handed_over(row: Row, ending: End, wanted: Got, done: Outcome) -> Iterator[str]:
    client, headers = done.client, done.client.headers
    if client.status != 200:
        yield f"the status is {client.status}: {client.body!r}"
        return
    told = {} if _began_before(ending, client) else {"x-timeout-partial": "true", "x-timeout-timer": ending.timer}
    for name in ("x-timeout-partial", "x-timeout-timer", "x-should-retry"):
        if headers.get(name) != told.get(name):
            yield f"the header {name} is {headers.get(name)}, not {told.get(name)}"
    try:
        found = got(row.client, row.way, client.body)
    except (ValueError, KeyError, AssertionError, IndexError, TypeError) as unreadable:
        yield f"the reply cannot be read ({unreadable!r}): {client.body[-300:]!r}"
        return
    if found != wanted:
        yield f"the reply is {found}, not {wanted}"


def _recorded(done: Outcome, ending: End, limit: Limit, *, partial: bool) -> Iterator[str]:
    wanted: dict[str, Any] = {
        "outcome": "timeout",
        "timer": ending.timer,
        "timer_source": limit.word,
        "phase": ending.phase,
        "partial": partial,
        "code": f"timeout_{ending.timer}",
        "status": done.client.status,
        "request_id": REQUEST_ID,
        "seconds": round(UPLOAD + ending.when, 3),
    }
    record = msgspec.to_builtins(done.record) | {"partial": done.record.partial}
    record["seconds"] = round(record["seconds"], 3)
    for name, value in wanted.items():
        if record.get(name) != value:
            yield f"the record's {name} is {record.get(name)}, not {value}"


async def all_problems(rows: Sequence[Row]) -> list[str]:
    """Run rows one after the other; return what does not keep to the contract, each with its row."""
    assert rows
    return [problem for row in rows for problem in await problems(row)]
