"""What is measured of one gateway, in cells: a load each, with what its processes, the upstream and the load cost."""

from __future__ import annotations

import asyncio
import json
import os
import re
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Final

import processes
from asking import request
from load import Plan, Result
from peers import BARE, OURS, System, Wish
from running import CACHE, AbsentError, Running, install

_HERE: Final = Path(__file__).resolve().parent
_FULL: Final = 0.85
"""Who has this share of a core has no more to give."""
_LITTLE: Final = 0.25
"""With no more of the cores idle they are full: loads take a moment to begin and to end."""
_SETTLING: Final = 0.05
"""Seconds for what a gateway does after its last reply."""
_SAMPLING: Final = 0.2
_TURN: Final = 'some earlier words of a long talk, with "quotes" and a line\'s end\n' * 30
_AT_ONCE: Final = 8
_BURST: Final = 200
_PACED: Final = 40
_SHORT: Final = 5
"""Events of a short stream: what a longer one costs more is its events'."""
_WRK: Final = System(
    name="wrk",
    version="",
    by="debian",
    command="wrk",
    packages=("wrk", "libluajit-5.1-2", "libluajit-5.1-common"),
)


@dataclass(frozen=True)
class Subject:
    """A row: a system, asked in a dialect; or nobody, when the upstream is asked directly."""

    name: str
    system: System
    dialect: str = "chat"
    direct: bool = False
    many: bool = False
    """Whether it is shown 1,000 streams, too."""


@dataclass
class Seen:
    """What one round of one row showed: values by their metric's key, and remarks on them."""

    values: dict[str, float] = field(default_factory=dict)
    remarks: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Scale:
    """How long the loads are, and how many streams they open."""

    time: float = 1.0
    streams: int = 300
    many: int = 1000


@dataclass(frozen=True)
class Cell:
    """One load: what is asked for, on how many connections, in how many seconds new requests begin."""

    key: str
    play: str
    connections: int
    seconds: float
    turns: int = 0
    """Of talk before, each of 2 KB."""
    requests: int = 1_000_000
    """In all, at most."""
    ramp: float = 0.0
    """Seconds in which the connections begin."""
    events: int = 1
    """Of a reply."""


@dataclass
class Spent:
    """CPU time within a block, in seconds; memory at its highest, in MiB."""

    gateway: float = 0.0
    upstream: float = 0.0
    load: float = 0.0
    resident: float = 0.0
    idle: float = 0.0
    """The share of the machine's cores that nobody had a use for."""


@dataclass(frozen=True)
class Bench:
    """Where the upstream is, what loads there are, and how large they shall be."""

    port: int
    upstream: int
    """The upstream's session."""
    wrk: Path | None
    scale: Scale

    @property
    def url(self) -> str:
        """Return the upstream's address."""
        return f"http://127.0.0.1:{self.port}"

    async def measure(self, subject: Subject, there: Running) -> Seen:
        """Return what a subject that has just started costs: all of its cells, one after another."""
        return await _Row(self, subject, there).all()

    async def work(self, subject: Subject, there: Running, play: str, seconds: float) -> None:
        """Keep a subject busy with one kind of request."""
        await _Row(self, subject, there).work(play, seconds)


@asynccontextmanager
async def bench(scale: Scale) -> AsyncIterator[Bench]:
    """Run the upstream, and look for wrk."""
    try:
        wrk: Path | None = (await asyncio.to_thread(install, _WRK)) / "wrk"
    except AbsentError:
        wrk = None
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        _HERE / "fast_upstream.py",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Bench(int(await process.stdout.readline()), process.pid, wrk, scale)
    finally:
        process.stdin.close()
        await process.wait()


class _Row:
    def __init__(self, bench: Bench, subject: Subject, there: Running) -> None:
        self._bench = bench
        self._subject = subject
        self._there = there
        self._port = int(there.url.rpartition(":")[2].partition("/")[0])
        self._seen = Seen()
        self._costs: dict[str, float] = {}

    async def all(self) -> Seen:
        values = self._seen.values
        if not self._subject.direct:
            values["start"] = self._there.took
            values["rss"] = processes.resident(self._there.session)
        await self._warm()
        low = await self._load(Cell("low", "whole", 1, 1.0, requests=300))
        values["p50"], values["p99"] = low.p50 * 1000, low.p99 * 1000
        first = await self._load(Cell("first", f"burst {_SHORT}", 1, 0.8, requests=200))
        values["first"] = first.first * 1000
        await self._whole()
        await self._load(Cell("large", "whole", 4, 1.2, turns=120))
        await self._load(Cell("short", f"burst {_SHORT}", _AT_ONCE, 0.8, events=_SHORT))
        burst = await self._load(Cell("burst", f"burst {_BURST}", _AT_ONCE, 1.5, events=_BURST))
        values["eps"] = burst.requests * _BURST / burst.elapsed
        await self._paced("begun", self._bench.scale.streams, _SHORT)
        await self._paced("paced", self._bench.scale.streams, _PACED)
        if self._subject.many:
            await self._paced("many", self._bench.scale.many, _PACED)
        if not self._subject.direct:
            self._note_costs()
        return self._seen

    def _note_costs(self) -> None:
        """Note microseconds: of a request, and of an event, which is what a long stream costs more than a short one."""
        costs = {key: cost * 1e6 for key, cost in self._costs.items()}
        values = self._seen.values
        values |= {f"cpu_{key}": costs[key] for key in ("whole", "large", "short") if key in costs}
        for long, short, events in (("burst", "short", _BURST), ("paced", "begun", _PACED), ("many", "begun", _PACED)):
            if long in costs and short in costs:
                values[f"cpu_{long}"] = (costs[long] - costs[short]) / (events - _SHORT)

    async def work(self, play: str, seconds: float) -> None:
        paced = play.startswith("paced")
        streams = self._bench.scale.streams if paced else _AT_ONCE
        await _load(self._plan(Cell("work", play, streams, seconds, ramp=1.0 if paced else 0.0)))

    async def _warm(self) -> None:
        for play in ("whole", "burst 50"):
            await _load(self._plan(Cell("warm", play, _AT_ONCE, 0.4)))

    async def _whole(self) -> None:
        cell = Cell("whole", "whole", _AT_ONCE, 1.2)
        result = await self._load(cell)
        if self._bench.wrk is None:
            self._seen.values["rps"] = result.requests / result.elapsed
            return
        async with self._spending() as spent:
            rate, elapsed, failed = await _wrk(self._bench.wrk, self._asks(cell), self._port)
        self._seen.values["rps"] = rate
        self._remark("rps", spent, elapsed, failed)

    async def _paced(self, key: str, streams: int, events: int) -> None:
        ramp = 0.6 * streams / 300
        await self._load(Cell(key, f"paced {events}", streams, 60.0, requests=streams, ramp=ramp, events=events))

    async def _load(self, cell: Cell) -> Result:
        """Put a load on it; keep its CPU time a request, in seconds."""
        async with self._spending() as spent:
            result = await _load(self._plan(cell))
        spent.load = result.busy * result.elapsed
        if result.requests:
            self._costs[cell.key] = spent.gateway / result.requests
        if cell.ramp:
            self._seen.values[f"rss_{cell.key}"] = spent.resident
        lost = cell.events > 1 and result.events < result.requests * cell.events * 0.95
        said = "events lost" if lost else f"{result.failed} failed" if result.failed else ""
        if said:
            self._seen.remarks[f"cpu_{cell.key}"] = said
        if cell.key == "burst":
            self._remark("eps", spent, result.elapsed, said)
        return result

    def _remark(self, key: str, spent: Spent, elapsed: float, said: str) -> None:
        """Say what else than the gateway has kept a rate from being higher."""
        if not said and spent.gateway < _FULL * elapsed:
            shares = {"load": spent.load, "upstream": spent.upstream}
            full = [name for name, took in shares.items() if took > _FULL * elapsed]
            said = f"{' and '.join(full) or ('cores' if spent.idle < _LITTLE else 'nobody')} full"
        if said:
            self._seen.remarks[key] = said

    @asynccontextmanager
    async def _spending(self) -> AsyncIterator[Spent]:
        """Take the time of the processes before and after the block, and their memory within."""
        spent = Spent()
        session = self._there.session
        sampling = asyncio.create_task(_sample(session, spent))
        try:
            with _difference(session, self._bench.upstream, spent):
                yield spent
                await asyncio.sleep(_SETTLING)
        finally:
            sampling.cancel()

    def _plan(self, cell: Cell) -> Plan:
        seconds = cell.seconds * self._bench.scale.time
        return Plan(self._port, self._asks(cell), cell.connections, seconds, cell.requests, cell.ramp)

    def _asks(self, cell: Cell) -> str:
        """Return a request's bytes as text: of 1 KB, or with some turns of 2 KB each before."""
        subject = self._subject
        asked = request(subject.system, subject.dialect, "", cell.play != "whole", Wish(self._bench.url))
        roles = ("user", "assistant")
        talk = [{"role": roles[number % 2], "content": _TURN} for number in range(cell.turns)]
        last = {"role": "user", "content": f"{'a few words of a prompt ' * 30}play {cell.play}"}
        body = json.dumps(asked.body | {"messages": [*talk, last]})
        path = self._there.url.partition("://")[2].partition("/")[2]
        heads = {"host": f"127.0.0.1:{self._port}", "content-type": "application/json", "user-agent": "bench"}
        heads |= asked.headers | {"content-length": str(len(body))}
        lines = [f"POST /{path}{asked.path} HTTP/1.1".replace("//", "/"), *(f"{k}: {v}" for k, v in heads.items())]
        return "\r\n".join(lines) + "\r\n\r\n" + body


@contextmanager
def _difference(session: int, upstream: int, spent: Spent) -> Iterator[None]:
    before = processes.cpu(session), processes.cpu(upstream), _children(), processes.idle(), time.perf_counter()
    yield
    spent.gateway = processes.cpu(session) - before[0]
    spent.upstream = processes.cpu(upstream) - before[1]
    spent.load = _children() - before[2]
    spent.idle = (processes.idle() - before[3]) / (time.perf_counter() - before[4]) / (os.cpu_count() or 1)


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


async def _sample(session: int, spent: Spent) -> None:
    while True:
        spent.resident = max(spent.resident, processes.resident(session))
        await asyncio.sleep(_SAMPLING)


async def _load(plan: Plan) -> Result:
    process = await asyncio.create_subprocess_exec(
        sys.executable, _HERE / "load.py", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(asdict(plan)).encode())
    return Result(**json.loads(out))


async def _wrk(wrk: Path, asked: str, port: int) -> tuple[float, float, str]:
    """Return requests a second, for how many seconds, and how many failed, in words."""
    script = CACHE / "wrk.lua"
    text = "".join(f"\\{byte:03}" for byte in asked.encode())  # Lua reads an end of line as one character
    script.write_text(f'local asked = "{text}"\nrequest = function() return asked end\n')
    process = await asyncio.create_subprocess_exec(
        wrk, "-t1", f"-c{_AT_ONCE}", "-d1s", "-s", script, f"http://127.0.0.1:{port}/",
        env={"LD_LIBRARY_PATH": str(wrk.parent.parent / "lib")},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    began = time.perf_counter()
    said = (await process.communicate())[0].decode()
    took = time.perf_counter() - began
    rate = re.search(r"Requests/sec:\s*([\d.]+)", said)
    if rate is None:
        return 0.0, took, "wrk failed"
    wrong = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    return float(rate[1]), took, f"{wrong[1]} failed" if wrong else ""


def subjects(systems: tuple[System, ...]) -> list[Subject]:
    """Return the rows: the upstream itself, then each system, then those with two workers that can have them.

    Ours is there in two dialects, with all that is on by default and its metrics.
    """
    ours = replace(OURS, files={"relay.yaml": "metrics: {port: $other_port}\n"}, dialects=("chat",))
    rows = [Subject("direct", ours, direct=True)]
    for system in systems:
        if system is OURS:
            rows.append(Subject(OURS.name, ours, many=True))
            translated = replace(ours, dialects=("messages",))
            rows.append(Subject(f"{OURS.name}, translating", translated, "messages", many=True))
        else:
            floor = system is BARE or system.name == "nginx"
            name = system.name if floor else f"{system.name} {system.version}"
            rows.append(Subject(name, system, many=floor))
    pairs = [replace(row, name=f"{row.name}, 2 workers", system=replace(row.system, workers=2)) for row in rows]
    return [*rows, *(pair for pair in pairs if pair.system.scales and not pair.direct and pair.dialect == "chat")]
