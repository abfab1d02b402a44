"""Rows in which one attempt is not all: retries, pauses, fallbacks, hedges, waits in line; they would all overrun."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from argo_relay.config.schema import Route, Step, Upstream
from support import contract
from support.contract import End, Given, Limit
from support.contract_rows import KINDS, UPLOAD, Row, Who, client_of, ends, leaks, script
from support.stage import JSON, Play, Plays, Stage, stage

TOTAL: Final = 6.0
_GAP: Final = 0.5

Ends = list[tuple[str, float]]


def says(status: int, after: float, **headers: str) -> Play:
    """Return an upstream that answers with an error after so many seconds."""
    body = json.dumps({"error": {"message": "no", "type": "server_error", "code": "broken"}}).encode()
    return Play(status=status, headers=JSON | headers, head=after, body=[(0, body)])


@dataclass(frozen=True)
class Overrun:
    """What happens before the last attempt, which goes as its row's `behaviour` says, and what must come of it."""

    before: Mapping[str, Sequence[Play]]
    ended: Mapping[str, Ends]
    """How and when upstreams were left, seconds from the request on; the last attempt's end is not among them."""
    who: Who
    last: float
    """When the last attempt began."""
    timeout: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    hedge_after: float | None = None
    held: float | None = None
    """For how long other requests hold all places of the relay."""
    upstream_held: float | None = None
    """The same of the upstream's own."""


_REFUSES: Final = Play(refuse=True)
_SILENT: Final = Play(head=10.0**9)
OVERRUNS: Final[dict[str, Overrun]] = {
    "a retry after a refusal": Overrun({"main": [_REFUSES]}, {}, Who("main", 2), last=0.5),
    "a retry after a 503": Overrun({"main": [says(503, 1)]}, {"main": [("closed", 1)]}, Who("main", 2), last=1.5),
    "three attempts": Overrun(
        {"main": [says(503, 0.5), says(529, 0.5)]},
        {"main": [("closed", 0.5), ("closed", 1.5)]},
        Who("main", 3),
        last=2.5,
        settings={"retries": 50},
    ),
    "a Retry-After that fits": Overrun(
        {"main": [says(429, 1, **{"retry-after": "2"})]}, {"main": [("closed", 1)]}, Who("main", 2), last=3.0
    ),
    "a fallback after a 500": Overrun({"main": [says(500, 2)]}, {"main": [("closed", 2)]}, Who("spare", 2), last=2.0),
    "a fallback from a connect limit": Overrun(
        {"main": [Play(connect=10.0**9)]},
        {"main": [("cancelled", 2)]},
        Who("spare", 2),
        last=2.0,
        timeout={"connect": 2},
    ),
    "a fallback from a first_event limit": Overrun(
        {"main": [_SILENT]}, {"main": [("cancelled", 3.2)]}, Who("spare", 2), last=3.2, timeout={"first_event": 3.2}
    ),
    "a fallback from an idle limit": Overrun(
        {"main": [Play(headers=JSON, head=0.5, body=[(0.5, b"{"), (10.0**9, b"")])]},
        {"main": [("closed", 2.5)]},
        Who("spare", 2),
        last=2.5,
        timeout={"idle": 1.5},
    ),
    "two fallbacks": Overrun(
        {"main": [says(500, 1)], "spare": [_REFUSES]}, {"main": [("closed", 1)]}, Who("third", 3), last=1.0
    ),
    # Until the second one says something the first stands for the request, and the total ends both.
    "a hedge": Overrun(
        {"main": [_SILENT]}, {"main": [("cancelled", TOTAL)]}, Who("main", 2), last=2.0, hedge_after=2.0
    ),
    "a hedge that is taken": Overrun(
        {"main": [_SILENT]}, {"main": [("cancelled", 3.25)]}, Who("spare", 2), last=2.0, hedge_after=2.0
    ),
    "the relay's queue": Overrun({}, {}, Who("main", 1), last=3.0, settings={"max_in_flight": 1}, held=3.0),
    "an upstream's queue": Overrun({}, {}, Who("main", 1), last=3.0, upstream_held=3.0),
}
"""Each with a total of 6 s; an attempt that stops stops 2.75 s after it began, at the latest."""


def fits(row: Row, name: str) -> bool:
    """Say whether a row's last attempt can be what it says after what comes before it."""
    case, behaviour = OVERRUNS[name], row.behaviour
    if behaviour == "stops after half a call" and (row.asked_as == "whole" or row.spoken == "google"):
        return False
    if behaviour == "no connection" and "connect" in case.timeout:
        return False
    if "idle" in case.timeout:
        # A stream that has begun is its client's, and goes nowhere else.
        return row.asked_as == "whole"
    if case.hedge_after is None:
        return True
    # A whole reply that is not complete is no answer, nor is what the client's dialect cannot say.
    says_something = behaviour == "stops after text" and row.asked_as != "whole"
    return behaviour != "stops after half a call" and says_something == (case.who.upstream == "spare")


async def overrun(row: Row, name: str) -> list[str]:
    """Run a row after what comes before; return what does not keep to the contract."""
    case, given = OVERRUNS[name], _given(row, name)
    upstream = script(row, _GAP)
    on = _stage(row, case, upstream.play())
    began = asyncio.get_running_loop().time()
    await _hold(on, case)
    client, entry = client_of(row, given)
    done = await on.run(client, entry)
    left = {key: value for key, value in given.limits.items() if key in ("total", "idle", "connect")}
    left["total"] = Limit(TOTAL - case.last, "body", left["total"].place)
    left["connect"] = contract.Limit(10.0**6, "", "")
    last = contract.end(left, upstream, whole=True)
    ending = End(TOTAL, last.timer, last.phase, last.words, last.size)
    both = name == "a hedge"
    if both:
        ending = End(TOTAL, "total", "waiting", 0, 0)
    problems = [*ends(row, given, ending, done, case.who), *leaks(on)]
    how = "cancelled" if row.behaviour in ("no connection", "no head") else "closed"
    wanted = {key: [(one, UPLOAD + at) for one, at in value] for key, value in case.ended.items()}
    there = "spare" if both else case.who.upstream
    wanted[there] = [*wanted.get(there, []), (how, UPLOAD + TOTAL)]
    found = {key: [(one, round(at - began, 3)) for one, at in up.ended] for key, up in on.upstreams.items() if up.ended}
    if found != wanted:
        problems.append(f"the upstreams' ends are {found}, not {wanted}")
    return [f"{row}, after {name}: {problem}" for problem in problems]


def _given(row: Row, name: str) -> Given:
    given = contract.given("total", "body object")
    given.timeout = {"total": TOTAL, **OVERRUNS[name].timeout}
    if row.ending == "partial":
        given.wants_partial()
    given.limits["total"] = Limit(TOTAL, "body", "`timeout.total` in the request body")
    return given


def _stage(row: Row, case: Overrun, last: Play) -> Stage:
    kind = KINDS[row.spoken]
    several = case.hedge_after is not None or case.who.upstream != "main"
    names = ["main", *(("spare",) if several else ()), *(("third",) if case.who.upstream == "third" else ())]
    steps = tuple(Step(upstream=name) for name in names)
    routes = {"m": Route(to=steps, hedge_after=case.hedge_after, hedge_share=1.0)} if len(names) > 1 else {}
    config = contract.Given().config(
        upstream=Upstream(kind=kind, max_in_flight=1 if case.upstream_held is not None else None),
        upstreams={name: Upstream(kind=kind) for name in names[1:]},
        routes=routes,
        **case.settings,
    )
    plays: dict[str, Plays] = {name: [*case.before.get(name, ()), last] for name in names}
    return stage(plays.pop("main"), config, others=plays)


async def _hold(on: Stage, case: Overrun) -> None:
    loop = asyncio.get_running_loop()
    site = on.relay.main
    for held, places in ((case.held, on.relay.places), (case.upstream_held, site.places)):
        if held is not None:
            await places.take(0)
            give: Callable[[float], None] = places.give
            loop.call_later(UPLOAD + held, give, held)
