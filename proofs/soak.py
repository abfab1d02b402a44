"""Soak: the real relay for an hour, bounded in rate, with a mixed load, a restart, and an upstream that flaps.

    .venv/bin/python proofs/soak.py                          an hour
    .venv/bin/python proofs/soak.py --minutes 2              a try
    .venv/bin/python proofs/soak.py --workers 2              with workers, which SIGHUP replaces in the middle
    .venv/bin/python proofs/soak.py --minutes 75 --restart 10    ten minutes, and then a life of more than an hour

30 requests a second in four dialects (one verbatim, three translated), whole and in streams, with 0.5 to 250 KB; some
leave midway, some have limits that pass, some read slowly. They go to an upstream that is well, to one that in turn
refuses, resets, stalls, says 500 and breaks off, with the first behind it, and to that one alone. What must hold:

- Each reply is the right one (its words name the request), or an error, in its dialect, of an upstream that failed.
- The upstreams are well, and limits kept, as far as this process, which plays upstreams and clients, gets its turns:
  what happened while it stood still for more than a second is counted, and is nobody's fault.
- Nobody is turned away but where nothing listens: between the end of a process and the start of the next one. A request
  that was under way then gets its reply. With workers nobody is.
- Memory does not grow: a line through what was resident, the first quarter of each life left out, rises by less than
  8 MiB an hour (judged from ten minutes a life on). Descriptors at the end are as many as at the start.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

import psutil
import servers
from soak_client import ask, draw
from soak_report import Life, chart, judged, table
from soak_upstream import Upstream, upstreams

_SAMPLE_SECONDS: Final = 5.0
_LINE_SECONDS: Final = 60.0
_STARTING_SECONDS: Final = 30.0
_QUIET_SECONDS: Final = 60.0
"""For idle connections to the upstream to be closed."""
_MOMENT_SECONDS: Final = 0.25
"""A connection that the system has made and the relay has not yet read from ends with it."""
_STALL_SECONDS: Final = 1.0
_BANNER: Final = b"\n  listening "
_SHOWN: Final = 10


@dataclass
class Relay:
    """The process (with workers: the first of several), started again where it has been ended."""

    command: list[str]
    port: int
    place: Path
    began: float = field(default_factory=time.monotonic)
    lives: list[Life] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    away: bool = False
    """Nothing listens."""
    ended: float = 0.0
    """When it was last told to end."""

    def start(self) -> None:
        """Start it, and wait until it listens."""
        log = (self.place / "relay.log").open("ab")
        home = {"PATH": os.environ["PATH"], "HOME": str(self.place)}
        with log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log, cwd=self.place, env=home)
        servers.wait(self.process, f"http://127.0.0.1:{self.port}/health", self.place)
        # Where several serve, the first one answers before all are there; then it says where it listens.
        while (self.place / "relay.log").read_bytes().count(_BANNER) <= len(self.lives):
            time.sleep(_MOMENT_SECONDS)
        self.away = False
        _, descriptors = self._level()
        self.lives.append(Life(self.minutes, descriptors))

    def end(self) -> None:
        """End it in order, and wait for that."""
        assert self.process is not None
        self.away, self.ended = True, time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(_QUIET_SECONDS)

    @property
    def minutes(self) -> float:
        """How long all has run."""
        return (time.monotonic() - self.began) / 60

    def sample(self) -> tuple[float, int]:
        """Note the MiB resident of all its processes, unless it is away; return them, and the descriptors."""
        memory, descriptors = self._level()
        if not self.away:
            self.lives[-1].memory.append((self.minutes, memory))
            self.lives[-1].descriptors = descriptors
        return memory, descriptors

    def _level(self) -> tuple[float, int]:
        assert self.process is not None
        memory, descriptors = 0.0, 0
        with suppress(psutil.NoSuchProcess):
            first = psutil.Process(self.process.pid)
            for one in (first, *first.children(recursive=True)):
                memory += one.memory_info().rss / 2**20
                descriptors += one.num_fds()
        return memory, descriptors


@dataclass
class Books:
    """What became of all requests."""

    ends: Counter[tuple[str, str]] = field(default_factory=Counter)
    """By kind and end."""
    wrong: list[str] = field(default_factory=list)
    begun: int = 0
    stalls: list[tuple[float, float]] = field(default_factory=list)
    """When this process stood still, from and to."""

    def note(self, kind: str, end: str, *, began: float, ending: bool) -> None:
        """Note an end; `ending`: nothing listened when it was asked, or ceased to at that moment."""
        if end in ("not reached", "cut off"):
            end = "while it restarts" if ending else f"WRONG: {end}"
        if end.startswith("LATE"):
            stood_still = any(began < to for _, to in self.stalls)
            end = "while all stood still" if stood_still else f"WRONG: {end}"
        if end.startswith("WRONG"):
            self.wrong.append(f"{kind}: {end}")
            end = "WRONG"
        self.ends[kind, end] += 1

    async def notice_stalls(self) -> None:
        """Take note of each time when it takes far longer to get a turn than it should."""
        while True:
            began = time.monotonic()
            await asyncio.sleep(_MOMENT_SECONDS)
            if time.monotonic() - began > _MOMENT_SECONDS + _STALL_SECONDS:
                self.stalls.append((began, time.monotonic()))


def main() -> None:
    """Run it, and exit with 1 where something does not hold."""
    options = _options()
    sys.exit(asyncio.run(_soak(options)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--restart", type=float, metavar="MINUTE", help="of the restart; the middle if left out")
    parser.add_argument("--rate", type=float, default=30.0, help="requests a second")
    parser.add_argument("--workers", type=int, default=0, help="`serve --workers N`; 0 leaves the option out")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--chart", type=Path, metavar="FILE.svg", help="draw the memory")
    return parser.parse_args()


async def _soak(options: argparse.Namespace) -> int:
    books = Books()
    async with upstreams() as (steady, flaky):
        with _relay(steady, flaky, options.workers) as relay:
            await asyncio.to_thread(relay.start)
            watching = [asyncio.create_task(_watch(relay, books)), asyncio.create_task(books.notice_stalls())]
            restarting = asyncio.create_task(_restart(relay, options))
            await _load(relay, books, options)
            await restarting
            for task in watching:
                task.cancel()
            await _quiet(relay)
        calls = steady.calls + flaky.calls
    problems = judged(relay.lives, books.wrong)
    print(table(books.ends, relay.lives, calls))
    for since, until in books.stalls:
        print(f"all stood still for {until - since:.1f} s, {(since - relay.began) / 60:.1f} min from the start")
    for problem in problems[:_SHOWN]:
        print(f"problem: {problem}")
    print(f"{len(problems)} problems")
    if options.chart:
        options.chart.write_text(chart(relay.lives))
    return 1 if problems else 0


@contextmanager
def _relay(steady: Upstream, flaky: Upstream, workers: int) -> Iterator[Relay]:
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="argo-relay-soak-")))
        port = servers.free_port()
        config = place / "argo-relay.yaml"
        config.write_text(
            f"upstream: {{kind: openai, base_url: 'http://127.0.0.1:{steady.port}'}}\n"
            f"upstreams: {{flaky: {{kind: openai, base_url: 'http://127.0.0.1:{flaky.port}'}}}}\n"
            "routes: {flappy: [flaky, main], alone: {to: [flaky], retries: 0}}\n"
            "timeouts: {first_event: 2, idle: 2}\nbreaker: {failures: 5, rest: 2s}\nshutdown_grace: 20\n"
        )
        command = [str(Path(sys.executable).with_name("argo-relay")), "serve", "--port", str(port)]
        command += ["--config", str(config), *(["--workers", str(workers)] if workers else [])]
        relay = Relay(command, port, place)
        try:
            yield relay
        finally:
            if relay.process is not None and relay.process.poll() is None:
                relay.end()


async def _load(relay: Relay, books: Books, options: argparse.Namespace) -> None:
    """Begin requests at a rate, and wait for the last of them."""
    rng, running = Random(options.seed), set[asyncio.Task[None]]()
    loop = asyncio.get_running_loop()
    began, count = loop.time(), int(options.minutes * 60 * options.rate)
    for number in range(count):
        await asyncio.sleep(began + number / options.rate - loop.time())
        task = asyncio.create_task(_one(number, rng, relay, books))
        running.add(task)
        task.add_done_callback(running.discard)
    await asyncio.gather(*running)


async def _one(number: int, rng: Random, relay: Relay, books: Books) -> None:
    asked = draw(number, rng)
    books.begun += 1
    was_away, began = relay.away, time.monotonic()
    end = await ask(asked, relay.port)
    ending = was_away or began <= relay.ended < began + _MOMENT_SECONDS
    if end.startswith("LATE"):
        # A stall that has just ended has been noticed by then.
        await asyncio.sleep(2 * _MOMENT_SECONDS)
    books.note(f"{asked.dialect} {asked.kind}", end, began=began, ending=ending)


async def _restart(relay: Relay, options: argparse.Namespace) -> None:
    """SIGTERM, and a new process; with workers SIGHUP, which nobody is to notice."""
    minute = options.minutes / 2 if options.restart is None else options.restart
    await asyncio.sleep(minute * 60)
    assert relay.process is not None
    if options.workers:
        relay.process.send_signal(signal.SIGHUP)
        relay.lives.append(Life(relay.minutes, relay.lives[-1].at_first))
        return
    await asyncio.to_thread(relay.end)
    await asyncio.to_thread(relay.start)


async def _watch(relay: Relay, books: Books) -> None:
    """Take samples, and say once a minute how far it is."""
    due = 0.0
    while True:
        memory, descriptors = await asyncio.to_thread(relay.sample)
        if time.monotonic() >= due:
            due = time.monotonic() + _LINE_SECONDS
            done = sum(books.ends.values())
            print(
                f"{relay.minutes:5.1f} min  {memory:6.1f} MiB  {descriptors:4} descriptors  {done:7} done  "
                f"{books.begun - done:3} under way  {len(books.wrong)} wrong",
                flush=True,
            )
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _quiet(relay: Relay) -> None:
    """Wait until no more descriptors are open than at the start, or for as long as idle connections may live."""
    until = time.monotonic() + _QUIET_SECONDS
    while time.monotonic() < until:
        _, descriptors = await asyncio.to_thread(relay.sample)
        if descriptors <= relay.lives[-1].at_first:
            return
        await asyncio.sleep(1)


if __name__ == "__main__":
    main()
