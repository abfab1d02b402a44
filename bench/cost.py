"""What a gateway costs: this project beside its peers, with nginx as the floor, in one run.

    .venv/bin/python bench/cost.py                          all that install here; 10 minutes, and once for installing
    .venv/bin/python bench/cost.py --only argo-relay nginx  some of them
    .venv/bin/python bench/cost.py --quick                  one short round: whether all works; its figures are noise
    .venv/bin/python bench/cost.py --again --markdown       the last run's tables, for docs/benchmarks.md
    .venv/bin/python bench/cost.py --profile                where argo-relay's own time goes, with py-spy

All ask one upstream of the bench's own on loopback, which answers from bytes made once; each gateway runs with one
worker, and with two where it can be told to, argo-relay with all that is on by default and its metrics. Rounds go A B C
A B C, each gateway started anew; cells are medians, with the lowest and the highest round behind. argo-relay stands
there twice: a Chat client (events are relayed as they came), and a Messages client (each event is translated). `bare
Python` is bench/bare_relay.py, which passes bytes on and does nothing else: what it costs is the language's share.

CPU time is that of all of a gateway's processes, user and system, from /proc: for a whole reply to a request of 1 KB
and of 250 KB, and for a stream of 5 events, some at once; for an event of streams that come in one burst of 200, and
of 300 streams at once with 50 to 100 ms from one event to the next: what a long stream costs more than one of 5.
Latency is that of one request at a time, less that of the upstream asked directly. A rate says behind it what was full
before the gateway was: the load, the upstream, or the machine's cores; or that nobody was.

What is needed is installed, pinned, into `.bench/`, once; what does not install or start here is left out, and named.
Results are kept in .bench/cost.json. Nothing else should run on the machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

from cells import Bench, Scale, Subject, bench, subjects
from chart import chart
from outcome import Run, machine, tables
from own_time import own_time
from peers import BARE, OURS, PEERS, System
from running import CACHE, AbsentError, Running, install, running
from tables import markdown, plain

_KEPT = CACHE / "cost.json"
_ELSEWHERE = ("ccr", "haproxy")
"""Of other benches: ccr is asked in Messages only, and one floor is enough."""
_FIRST = ("nginx", "bare Python", "argo-relay", "argo-proxy")
_KNOWN = {one.name: one for one in (BARE, OURS, *PEERS) if one.name not in _ELSEWHERE}
_ORDER = (*_FIRST, *(name for name in _KNOWN if name not in _FIRST))


def main() -> None:
    """Run the bench and print its tables."""
    options = _options()
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, max(soft, 16384)), hard))
    if options.profile:
        print("\n\n".join(asyncio.run(_profiles())))
        return
    if options.again:
        run = Run.read(_KEPT)
    else:
        scale = Scale(time=0.3, streams=50, many=100) if options.quick else Scale()
        run = asyncio.run(_all([_KNOWN[name] for name in options.only or _ORDER], options.rounds, scale))
    print("\n\n".join(tables(run, markdown if options.markdown else plain)))
    if options.chart:
        options.chart.write_text(chart(run))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=_ORDER, help=f"of {', '.join(_ORDER)}")
    parser.add_argument("--rounds", type=int, metavar="N", help="of each gateway [3; with --quick 1]")
    parser.add_argument("--quick", action="store_true", help="short loads with few streams")
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the CPU times")
    parser.add_argument("--again", action="store_true", help="measure nothing: show the last run")
    parser.add_argument("--profile", action="store_true", help="print what takes argo-relay's time, by its own time")
    options = parser.parse_args()
    options.rounds = options.rounds or (1 if options.quick else 3)
    return options


async def _all(systems: Sequence[System], rounds: int, scale: Scale) -> Run:
    """Measure all systems, round after round."""
    CACHE.mkdir(exist_ok=True)
    run = Run(machine())
    rows = subjects(tuple(systems))
    async with bench(scale) as there:
        if there.wrk is None:
            run.left_out["wrk"] = "not on PATH, and Debian's package did not come; bench/load.py stands in"
        for number in range(rounds):
            for row in rows:
                if row.name not in run.left_out:
                    _progress(f"round {number + 1} of {rounds}: {row.name}")
                    await _row(there, row, run)
            _KEPT.write_text(json.dumps(asdict(run)))
    return run


async def _row(there: Bench, row: Subject, run: Run) -> None:
    try:
        async with _started(there, row) as place:
            seen = await there.measure(row, place)
    except AbsentError as reason:
        _progress(f"{row.name}: left out: {reason}")
        run.left_out[row.name] = str(reason)
        return
    run.seen.setdefault(row.name, []).append(seen)
    for key, remark in seen.remarks.items():
        _progress(f"  {key}: {remark}")


@asynccontextmanager
async def _started(there: Bench, row: Subject) -> AsyncIterator[Running]:
    if row.direct:
        yield Running(there.url, there.upstream, 0.0)
        return
    commands = await asyncio.to_thread(install, row.system)
    async with running(row.system, commands, there.url) as place:
        yield place


async def _profiles() -> list[str]:
    """Return where the time goes, for whole replies and for streams relayed as they came."""
    ours = subjects((OURS,))[1]
    async with bench(Scale()) as there, _started(there, ours) as place:
        return [await own_time(there, ours, place, play) for play in ("whole", "burst 200", "paced 100")]


def _progress(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
