"""Chaos: thousands of requests of all sorts, to upstreams that fail in all ways, and each has its one good end in time.

Two relays (one of them keeps replies for clients that come back) stand between clients of all four dialects and six
upstreams: the Argo simulator, raw servers of each dialect, and two that cannot be reached. What is asked, what the
upstreams do, and when clients leave is drawn from a seed (`chaos_draw`). What must hold:

- A client that stays and reads gets exactly one well-formed end in its dialect, at most 100 ms after its limit.
- A generation is over at most 100 ms after its client has its end, or has left (and has not come back in time).
- After it all nothing is left: no exchange, no call, no connection but idle ones, no descriptor, no memory.
- Log, figures, upstreams' accounts and what the clients saw are one and the same story.

Times are judged less what this machine owes: the load generator's own lag, and the time that the relay was ready to run
and was not run (`chaos_watch`). What is left may be late through Python itself, which stops for a moment when several
hundred events come at once, or collects garbage: half of one in a hundred requests may be up to 0.5 s late, and no
request more. A timer that does not work is late by more, or for more.

    python proofs/chaos.py --seed 7 --requests 2000 --jobs 60      repeats a run
    python proofs/chaos.py --seed 7 --only 1234                    one request of it
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AsyncExitStack, ExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from typing import Final
from urllib.request import urlopen

import psutil
import servers
from chaos_books import LATE_SECONDS, Books, overstayed, read_figures, read_log, simulated
from chaos_client import Asked, ask
from chaos_draw import KEEP_SECONDS, ROUTES, Case, draw
from chaos_upstreams import Upstreams, upstreams
from chaos_watch import Watch

_KINDS: Final = {
    "chat": "chat",
    "messages": "messages",
    "responses": "responses",
    "google": "google",
    "narrow": "chat",
}
_CONFIGURED: Final = {"chat": "openai", "messages": "anthropic", "responses": "openai_responses", "google": "google"}
_NAMES: Final = ("relay", "keeping relay")
_QUIET_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 0.05
_MOST_LATE: Final = 0.005
"""The part of all requests that may be more than 100 ms late."""
_TOO_LATE_SECONDS: Final = 0.5
_WARM: Final = 0.2
"""The part of all requests after which memory must not grow any more."""
_MOST_GROWN: Final = 24 * 2**20
_SHOWN: Final = 25


@dataclass
class Level:
    """What a relay's process holds, in a moment of quiet."""

    descriptors: int
    """Without connections to upstreams."""
    threads: int
    memory: int
    idle: int
    """Connections to upstreams."""
    odd: int
    """Of these: neither open nor gone."""


@dataclass
class Stand:
    """What runs."""

    there: Upstreams
    relays: list[int]
    """Ports."""
    figures: list[str]
    logs: list[Path]
    processes: list[psutil.Process]
    simulator: str
    watch: Watch
    ran: dict[str, float] = field(default_factory=dict)
    """Seconds of processor time, by process."""


def _config(there: Upstreams, simulator: str, figures: int, log: Path, *, keep: bool) -> str:
    rows = [
        f"  {name}: {{kind: {_CONFIGURED.get(name, 'openai')}, base_url: 'http://127.0.0.1:{port}'"
        f"{', max_in_flight: 4' if name == 'narrow' else ''}}}"
        for name, port in there.ports.items()
    ]
    kept = f"rejoin: {KEEP_SECONDS}\nrejoin_memory: 1MiB\nmax_in_flight: 12\nmax_queue: 6\n" if keep else ""
    beat = "{heartbeat: 0.3, whole_heartbeat: true}" if keep else "{heartbeat: 0.5}"
    routes = [f"  {name}: {route}" for name, route in ROUTES.items()]
    lines = [
        "user: chaos",
        f"upstream: {{kind: argo, base_url: '{simulator}'}}",
        "upstreams:",
        *rows,
        "routes:",
        *routes,
        f"metrics: {{port: {figures}}}",
        f"log: {{format: json, file: {log}}}",
        "breaker: {failures: 5, rest: 1s}",
        f"timeouts: {beat}",
        kept,
    ]
    return "\n".join(lines)


@asynccontextmanager
async def _stand(place: Path, seed: int) -> AsyncIterator[Stand]:
    async with AsyncExitStack() as stack:
        there = await stack.enter_async_context(upstreams(_KINDS, lambda number: draw(seed, number).deeds))
        processes = stack.enter_context(ExitStack())
        command = str(Path(sys.executable).with_name("argo-relay"))
        port = servers.free_port()
        simulator = f"http://127.0.0.1:{port}"
        ports, figures, logs = [port], [], []
        simulating = servers.process([command, "simulate", "--port", str(port)], f"{simulator}/v1/models", place)
        await asyncio.to_thread(processes.enter_context, simulating)
        for name in _NAMES:
            ports.append(servers.free_port())
            figures_port, log, file = servers.free_port(), place / f"{name}.log", place / f"{name}.yaml"
            file.write_text(_config(there, simulator, figures_port, log, keep=name != _NAMES[0]))
            serving = [command, "serve", "--port", str(ports[-1]), "--config", str(file)]
            started = servers.process(serving, f"http://127.0.0.1:{ports[-1]}/health", place)
            await asyncio.to_thread(processes.enter_context, started)
            figures.append(f"http://127.0.0.1:{figures_port}/metrics")
            logs.append(log)
        children = [_child(port) for port in ports]
        watch = Watch(dict(zip(("simulator", *_NAMES), (child.pid for child in children), strict=True)))
        watching = asyncio.create_task(watch.run())
        try:
            yield Stand(there, ports[1:], figures, logs, children[1:], simulator, watch)
        finally:
            watching.cancel()
            await asyncio.to_thread(processes.close)


def _child(port: int) -> psutil.Process:
    return next(one for one in psutil.Process().children() if str(port) in one.cmdline())


async def _run(stand: Stand, cases: Iterable[Case], jobs: int) -> list[Asked]:
    """Ask everything, so many at once."""
    waiting = iter(cases)
    asked: list[Asked] = []

    async def work() -> None:
        for case in waiting:
            port = stand.relays[case.keep]
            asked.append(await ask(port, case))
            if case.back is not None:
                await asyncio.sleep(case.back)
                asked.append(await ask(port, case, again=True))

    async with asyncio.TaskGroup() as group:
        for _ in range(jobs):
            group.create_task(work())
    return asked


async def _quiet(stand: Stand) -> list[str]:
    """Wait until nothing is under way; return what still is after a while."""
    until = time.monotonic() + _QUIET_SECONDS
    while True:
        calls = stand.there.busy
        pages = [await asyncio.to_thread(_page, f"http://127.0.0.1:{port}/health") for port in stand.relays]
        busy = [page for page in pages if '"in_flight":0' not in page.replace(" ", "")]
        if not busy and calls == 0:
            return []
        if time.monotonic() > until:
            return [f"not quiet after {_QUIET_SECONDS:g} s: {busy}, {calls} calls upstream"]
        await asyncio.sleep(_PAUSE_SECONDS)


def _page(url: str) -> str:
    with urlopen(url, timeout=_QUIET_SECONDS) as reply:
        text: str = reply.read().decode()
        return text


def _levels(stand: Stand) -> list[Level]:
    ports = {*stand.there.ports.values(), int(stand.simulator.rpartition(":")[2])}
    levels = []
    for process in stand.processes:
        lines = Counter(one.status for one in process.net_connections() if getattr(one.raddr, "port", 0) in ports)
        # One that is still connecting is a look at the list of models of the upstream that never takes a connection.
        open_, connecting = lines[psutil.CONN_ESTABLISHED], min(1, lines[psutil.CONN_SYN_SENT])
        held = process.num_fds() - lines.total()
        memory = process.memory_info().rss
        odd = lines.total() - open_ - connecting
        levels.append(Level(held, process.num_threads(), memory, open_, odd))
    return levels


async def _chaos(options: argparse.Namespace, place: Path) -> int:
    numbers = [options.only] if options.only is not None else range(options.requests)
    warm = int(len(numbers) * _WARM)
    problems: list[str] = []
    async with _stand(place, options.seed) as stand:
        offset = time.time() - time.monotonic()
        gc.disable()
        began = time.monotonic()
        asked = await _run(stand, (draw(options.seed, number) for number in numbers[:warm]), options.jobs)
        problems += await _quiet(stand)
        before = await asyncio.to_thread(_levels, stand)
        asked += await _run(stand, (draw(options.seed, number) for number in numbers[warm:]), options.jobs)
        took = time.monotonic() - began
        problems += await _quiet(stand)
        after = await asyncio.to_thread(_levels, stand)
        stand.ran = {
            one: round(sum(process.cpu_times()[:2]), 1) for one, process in zip(_NAMES, stand.processes, strict=True)
        }
        stand.ran["load"] = round(time.process_time(), 1)
        gc.enable()
        generations = [*stand.there.generations, *await asyncio.to_thread(simulated, stand.simulator, offset)]
        books = []
        for name, log, url in zip(_NAMES, stand.logs, stand.figures, strict=True):
            records, others = read_log(log)
            mine = [one for one in asked if one.case.keep == (name != _NAMES[0])]
            calls = Counter(one.number for one in generations)
            figures = await asyncio.to_thread(read_figures, url)
            books.append(Books(name, mine, records, others, figures, calls))
    problems += stand.there.odd
    problems += [f"{one.id}: {what} ({one.case.told})" for one in asked for what in one.problems]
    for book in books:
        problems += book.check()
    problems += _left_over(before, after)
    late = _lateness(asked, stand.watch)
    problems += _too_many(late, "requests")
    stayed = list(overstayed(generations, asked, stand.watch, _NAMES))
    problems += _too_many([(seconds, f"{one} for {of.case.told}") for seconds, one, of in stayed], "generations")
    _show(stand, asked, books, took)
    raw = [one.over - one.due for one in asked if not one.left and one.case.reading == "well"]
    _show_times("told after the limit, as measured", raw)
    _show_times("the same, less what the machine owes", [seconds for seconds, _ in late])
    _show_times("generating after the client's end, less the same", [seconds for seconds, _, _ in stayed])
    for name, one, other in zip(_NAMES, before, after, strict=True):
        print(f"{name}: {one} -> {other}")
    print(f"\n{len(problems)} problems, seed {options.seed}")
    for problem in problems[:_SHOWN]:
        print(f"- {problem[:1500]}")
    return 1 if problems else 0


def _lateness(asked: Sequence[Asked], watch: Watch) -> list[tuple[float, str]]:
    """Return how late each client that stayed and read was told, less what the machine owes; and who that was."""
    found = []
    for one in asked:
        if one.left or one.case.reading != "well" or not one.over:
            continue
        late = one.over - one.due
        told = one.case.told
        if late > LATE_SECONDS:
            name = _NAMES[one.case.keep]
            owed = watch.own(one.due - 0.05, one.over + 0.05), watch.kept(name, one.due - 0.05, one.over)
            begun = watch.kept(name, one.begun, one.begun + 0.2)
            told = f"{told}: {late:.3f} s late, {owed[0]:.3f} s the load's, {owed[1]:.3f} + {begun:.3f} s the machine's"
            late -= sum(owed) + begun
        found.append((late, told))
        if one.end and one.end.timer == "total" and one.over < one.begun + one.case.total - 0.002 and not one.again:
            found.append((_TOO_LATE_SECONDS * 2, f"{one.case.told} was told {-late:.3f} s before its limit"))
    return found


def _too_many(late: Sequence[tuple[float, str]], what: str) -> list[str]:
    over = sorted((one for one in late if one[0] > LATE_SECONDS), reverse=True)
    problems = [f"{seconds:.3f} s: {told}" for seconds, told in over if seconds > _TOO_LATE_SECONDS]
    if len(over) > _MOST_LATE * len(late):
        problems.append(f"{len(over)} of {len(late)} {what} late, as {over[:5]}")
    return problems


def _left_over(before: Sequence[Level], after: Sequence[Level]) -> list[str]:
    problems = []
    for name, one, other in zip(_NAMES, before, after, strict=True):
        if other.descriptors > one.descriptors or other.odd:
            problems.append(f"{name}: descriptors are left over: {one} -> {other}")
        if other.threads > one.threads + 2:
            problems.append(f"{name}: threads are left over: {one} -> {other}")
        if other.memory > one.memory + _MOST_GROWN:
            problems.append(f"{name}: its memory has grown: {one} -> {other}")
    return problems


def _show(stand: Stand, asked: Sequence[Asked], books: Sequence[Books], took: float) -> None:
    kinds = Counter((one.case.dialect, "left" if one.left else one.end.kind if one.end else "cut") for one in asked)
    columns = sorted({kind for _, kind in kinds})
    rows = sorted({dialect for dialect, _ in kinds})
    print(f"\n{'':10}" + "".join(f"{kind:>16}" for kind in columns))
    for row in rows:
        print(f"{row:10}" + "".join(f"{kinds[row, kind]:>16}" for kind in columns))
    print()
    for book in books:
        outcomes = Counter(record["outcome"] for record in book.records)
        names = ("attempts", "fallbacks", "hedges", "partial", "rejoined", "queued")
        sums = {
            name: sum(bool(one.get(name)) if name in names[3:] else one.get(name, 0) for one in book.records)
            for name in names
        }
        print(f"{book.relay}: {len(book.records)} exchanges, {dict(outcomes)}, {sums}")
    deeds = Counter((one.upstream, one.how) for one in stand.there.generations)
    print("upstreams:", ", ".join(f"{name} {how} {count}" for (name, how), count in sorted(deeds.items())))
    lags = sorted(stand.watch.lags)
    waited = {name: round(seconds[-1], 1) for name, seconds in stand.watch.waited.items()}
    print(f"{len(asked)} requests in {took:.1f} s; the load's own lag: {_percentiles(lags)}")
    for name, sizes in stand.watch.memory.items():
        print(f"memory of {name}, MB: {[size >> 20 for size in sizes[:: max(1, len(sizes) // 20)]]}")
    print(f"seconds that processes were ready to run and were not run: {waited}; that they ran: {stand.ran}")


def _show_times(what: str, seconds: Sequence[float]) -> None:
    counts = [sum(one > limit for one in seconds) for limit in (LATE_SECONDS, _TOO_LATE_SECONDS, 1.0)]
    print(f"{what}: {_percentiles(sorted(seconds))}; of {len(seconds)} more than 0.1 / 0.5 / 1 s: {counts}")


def _percentiles(ordered: Sequence[float]) -> str:
    if not ordered:
        return "none"
    return ", ".join(
        f"p{share * 100:g} {ordered[int((len(ordered) - 1) * share)] * 1000:.0f} ms" for share in (0.5, 0.99, 0.999, 1)
    )


def main() -> int:
    """Run it; return the exit status."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**6))
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--jobs", type=int, default=80, help="requests at once")
    parser.add_argument("--only", type=int, default=None, help="the number of the one request to send")
    options = parser.parse_args()
    print(f"chaos: --seed {options.seed} --requests {options.requests} --jobs {options.jobs}", flush=True)
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        return asyncio.run(_chaos(options, Path(folder)))


if __name__ == "__main__":
    sys.exit(main())
