"""Whether deadlines hold, and what becomes of an upstream whose client has gone: this project beside its peers.

    .venv/bin/python bench/deadlines_vs_peers.py                      all that install here; 10 minutes, later 5
    .venv/bin/python bench/deadlines_vs_peers.py --no-peers           argo-relay alone, half a minute
    .venv/bin/python bench/deadlines_vs_peers.py --only litellm ccr   some of them
    .venv/bin/python bench/deadlines_vs_peers.py --markdown           tables for docs/benchmarks.md

All ask one upstream that the bench itself plays, in real time; it sees each connection open and close. Every system is
given its limits in its own best way, and two retries where it has them; peers are asked in Chat Completions (ccr in
Messages), argo-relay in its four dialects. What is needed is installed, pinned, into `.bench/`, once; what does not
install or start here is left out, and named on stderr. A system takes about 25 s, and no wait is without an end.

How to read a cell: `504 timeout_error 2.0 s`: the client had its whole answer, with this status and type of error,
after 2.0 s; `x3`: the upstream was asked three times for it. `error event`: told within a stream that had begun.
`served`: the upstream's whole reply came, limit or not. `still open`: the client gave up first, after 14 s. `never`:
not within 8 s, when the upstream's work was nearly done.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Final

import httpx
from asking import Seen, answer, clients, leave, request
from official import Call, official
from peers import OURS, PEERS, RETRIES, System, Wish
from raw_upstream import Upstream, upstream
from running import AbsentError, install, running
from tables import Show, markdown, plain

from argo_relay.config.keys import KEYS

_WORK: Final = 9.5
"""Seconds that the upstream works for a client that leaves, or calls with an SDK, if nobody stops it."""
_LEAVING: Final = 1.0
_NEVER: Final = 8.0
"""Seconds after a client has left; whoever lets go only then has done so because the reply came."""


@dataclass(frozen=True)
class Cell:
    """One question about a limit."""

    heading: str
    play: str
    stream: bool
    limit: float
    timer: str


CELLS: Final = (
    Cell("whole reply of 9 s, limit 2 s", "slow 9", False, 2, "total"),
    Cell("stream silent for 9 s, limit 2 s", "slow 9", True, 2, "total"),
    Cell("drips for 9.5 s, limit 3 s", "drip 9.5", True, 3, "total"),
    Cell("stalls after 2 events, idle 2 s", "stall 20", True, 2, "idle"),
    Cell("only comments, first event 2 s", "ping 9", True, 2, "first_event"),
    Cell("2 events, then comments, idle 2 s", "pause 9", True, 2, "idle"),
)
LEAVES: Final = {
    "waiting for a stream's head": (f"slow {_WORK}", True),
    "waiting for a whole reply": (f"slow {_WORK}", False),
    "mid-stream": (f"drip {_WORK}", True),
}
_SDK: Final = "one SDK call, timeout=2: started / run to the end"
_OUR_KEYS: Final = {key.name for key in KEYS}
_REJOIN: Final = "the same with `rejoin: 30s`"


Places = dict[float | None, str]
"""Where a system listens, by the limit in its configuration."""


@dataclass
class Row:
    """What one system did in one dialect."""

    name: str
    asks: str
    ends: list[str]
    leaves: list[str]
    error: Seen


class Bench:
    """One run's upstream, and the numbers that tell its requests apart."""

    def __init__(self, there: Upstream, client: httpx.AsyncClient) -> None:
        self._there = there
        self._client = client
        self._probes = 0

    def _prompt(self, play: str) -> tuple[int, str]:
        self._probes += 1
        return self._probes, f"probe {self._probes} {play}"

    async def row(self, system: System, dialect: str, places: Places, calls: list[Call]) -> Row:
        """Fill all cells of one row, at the same time."""
        asks = [self._limited(system, dialect, cell, places[cell.limit]) for cell in CELLS]
        leaves = [self._left(system, dialect, name, places[None]) for name in LEAVES]
        seen, left, called = await asyncio.gather(
            asyncio.gather(*asks), asyncio.gather(*leaves), asyncio.gather(*map(self._called, calls))
        )
        return Row(
            name=f"{system.name} {system.version if system is not OURS else dialect}".strip(),
            asks=system.limited,
            ends=[text for text, _ in seen],
            leaves=[*left, *called],
            error=seen[0][1],
        )

    async def _limited(self, system: System, dialect: str, cell: Cell, url: str) -> tuple[str, Seen]:
        probe, prompt = self._prompt(cell.play)
        wish = Wish(self._there.url, cell.limit, cell.timer)
        seen = await answer(self._client, url, request(system, dialect, prompt, cell.stream, wish))
        asked = len(self._there.of(probe))
        return f"{seen.how} {seen.took:.1f} s{f' x{asked}' if asked != 1 else ''}", seen

    async def _left(self, system: System, dialect: str, name: str, url: str) -> str:
        play, stream = LEAVES[name]
        probe, prompt = self._prompt(play)
        left = await leave(self._client, url, request(system, dialect, prompt, stream, Wish(self._there.url)), _LEAVING)
        await asyncio.sleep(_WORK)
        ends = [one.closed for one in self._there.of(probe)]
        if not ends:
            return "never asked"
        closed = [max(0.0, end - left) for end in ends if end is not None]
        if len(closed) < len(ends) or max(closed) > _NEVER:
            return "never"
        return f"{max(closed) * 1000:.0f} ms"

    async def _called(self, call: Call) -> str:
        probe, prompt = self._prompt(f"slow {_WORK}")
        await asyncio.to_thread(call, prompt)
        await asyncio.sleep(_WORK + 0.5)  # whatever it has started has ended by then, if nobody has stopped it
        started = self._there.of(probe)
        return f"{len(started)} / {sum(one.finished is not None for one in started)}"


def main() -> None:
    """Run the bench and print its tables."""
    options = _options()
    rows, left_out = asyncio.run(_all(options.systems))
    print("\n\n".join(_tables(rows, markdown if options.markdown else plain)))
    for name, why in left_out.items():
        print(f"\nLeft out: {name}: {why}.")


def _options() -> argparse.Namespace:
    known = {one.name: one for one in (OURS, *PEERS)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", metavar="NAME", choices=known, help=f"of {', '.join(known)}")
    parser.add_argument(
        "--peers", action=argparse.BooleanOptionalAction, default=True, help="measure the peers, too [yes]"
    )
    parser.add_argument("--markdown", action="store_true", help="print tables in Markdown")
    options = parser.parse_args()
    names = options.only or (known if options.peers else [OURS.name])
    options.systems = [known[name] for name in names]
    return options


async def _all(systems: Sequence[System]) -> tuple[list[Row], dict[str, str]]:
    """Measure systems one after another; return their rows, and why which were left out."""
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    # Official SDKs wait in threads, all at the same time.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(16))
    async with upstream() as there, clients() as client:
        bench = Bench(there, client)
        for system in systems:
            try:
                _progress(f"{system.name}: installing")
                commands = await asyncio.to_thread(install, system)
                _progress(f"{system.name}: starting")
                rows += await _measured(bench, system, commands, there.url)
            except AbsentError as reason:
                _progress(f"{system.name}: left out: {reason}")
                left_out[system.name] = str(reason)
    return rows, left_out


async def _measured(bench: Bench, system: System, commands: Path, url: str) -> list[Row]:
    limits = sorted({cell.limit for cell in CELLS})
    async with AsyncExitStack() as stack:

        async def run(limit: float | None = None, extra: str = "") -> str:
            return (await stack.enter_async_context(running(system, commands, url, limit, extra))).url

        ours = system is OURS
        plain = await run(extra=f"retries: {RETRIES}\n" if ours and "retries" in _OUR_KEYS else "")
        places: Places = {None: plain}
        for limit in limits:
            places[limit] = await run(limit) if system.static else plain
        called = [plain]
        if ours and "rejoin" in _OUR_KEYS:
            called.append(await run(extra="rejoin: 30s\n"))
        _progress(f"{system.name}: measuring, about 20 s")
        calls = {
            dialect: [official(system, dialect, place, Wish(url)) for place in called] for dialect in system.dialects
        }
        for call in chain.from_iterable(calls.values()):
            await asyncio.to_thread(call, "hello")  # first calls load much, and would hold up all that is timed
        return list(
            await asyncio.gather(*(bench.row(system, dialect, places, calls[dialect]) for dialect in system.dialects))
        )


def _progress(line: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {line}", file=sys.stderr, flush=True)


def _tables(rows: list[Row], show: Show) -> Iterator[str]:
    """Yield three tables, each row a system's: how limits end, what leaving does, what the error says."""
    yield show([["", *(cell.heading for cell in CELLS)], *([row.name, *row.ends] for row in rows)])
    rejoin = [_REJOIN] if "rejoin" in _OUR_KEYS else []
    heads = ["", *(f"left {name}" for name in LEAVES), _SDK, *rejoin]
    yield show([heads, *([row.name, *row.leaves, *[""] * (len(heads) - 1 - len(row.leaves))] for row in rows)])
    said = [[row.name, row.asks, row.error.names_timer, row.error.retry, row.error.message] for row in rows]
    yield show([["", "asked for by", "names the timer", "x-should-retry", "the first cell's error"], *said])


if __name__ == "__main__":
    main()
