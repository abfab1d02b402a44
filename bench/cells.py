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
from peers import OURS, System, Wish
from running import CACHE, AbsentError, Running, install

_HERE: Final = Path(__file__).resolve().parent
_FULL: Final = 0.85
"""Who has this share of a core has no more to give."""
_SETTLING: Final = 0.05
"""Seconds for what a gateway does after its last reply."""
_SAMPLING: Final = 0.2
_TURN: Final = 'some earlier words of a long talk, with "quotes" and a line\'s end\n' * 30
_AT_ONCE: Final = 8
_BURST: Final = 200
_PACED: Final = 60
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


@dataclass
class Spent:
    """CPU time within a block, in seconds; memory at its highest, in MiB."""

    gateway: float = 0.0
    upstream: float = 0.0
    load: float = 0.0
    resident: float = 0.0


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

    async def all(self) -> Seen:
        values = self._seen.values
        if not self._subject.direct:
            values["start"] = self._there.took
            values["rss"] = processes.resident(self._there.session)
        await self._warm()
        low = await self._load("low", self._asks("whole"), connections=1, seconds=1.0, requests=300)
        values["p50"], values["p99"] = low.p50 * 1000, low.p99 * 1000
        values["first"] = (await self._load("first", self._asks("burst 5"), 1, 0.8, requests=200)).first * 1000
        await self._whole()
        await self._load("large", self._asks("whole", turns=120), 4, 1.2)
        burst = await self._load("burst", self._asks(f"burst {_BURST}"), _AT_ONCE, 1.5, per=_BURST)
        values["eps"] = burst.requests * _BURST / burst.elapsed
        await self._paced("paced", self._bench.scale.streams)
        if self._subject.many:
            await self._paced("many", self._bench.scale.many)
        return self._seen

    async def work(self, play: str, seconds: float) -> None:
        paced = play.startswith("paced")
        plan = self._plan(self._asks(play), self._bench.scale.streams if paced else _AT_ONCE, seconds)
        await _load(replace(plan, seconds=seconds, ramp=1.0 if paced else 0.0))

    async def _warm(self) -> None:
        for play in ("whole", "burst 50"):
            await _load(self._plan(self._asks(play), _AT_ONCE, 0.4))

    async def _whole(self) -> None:
        asked = self._asks("whole")
        result = await self._load("whole", asked, _AT_ONCE, 1.2)
        if self._bench.wrk is None:
            self._seen.values["rps"] = result.requests / result.elapsed
            self._seen.remarks["rps"] = self._seen.remarks.pop("whole", "")
            return
        async with self._spending() as spent:
            rate, elapsed, failed = await _wrk(self._bench.wrk, asked, self._port, 1.2 * self._bench.scale.time)
        self._seen.values["rps"] = rate
        self._remark("rps", spent, elapsed, failed)

    async def _paced(self, key: str, streams: int) -> None:
        asked = self._asks(f"paced {_PACED}")
        ramp = 0.6 * streams / 300
        await self._load(key, asked, streams, 60.0, requests=streams, ramp=ramp, per=_PACED)

    async def _load(  # noqa: PLR0913
        self,
        key: str,
        asked: str,
        connections: int,
        seconds: float,
        *,
        requests: int = 1_000_000,
        ramp: float = 0.0,
        per: int = 1,
    ) -> Result:
        """Put a load on it; note its CPU time in microseconds for each of the `per` events of a request."""
        plan = replace(self._plan(asked, connections, seconds), requests=requests, ramp=ramp)
        async with self._spending() as spent:
            result = await _load(plan)
        spent.load = result.busy * result.elapsed
        values = self._seen.values
        if not self._subject.direct and result.requests:
            values[f"cpu_{key}"] = spent.gateway / result.requests / per * 1e6
            if ramp:
                values[f"rss_{key}"] = spent.resident
        lost = per > 1 and result.events < result.requests * per * 0.95
        said = "events lost" if lost else f"{result.failed} failed" if result.failed else ""
        if said:
            self._seen.remarks[f"cpu_{key}"] = said
        if key == "burst":
            self._remark("eps", spent, result.elapsed, said)
        return result

    def _remark(self, key: str, spent: Spent, elapsed: float, said: str) -> None:
        """Say what else than the gateway has kept a rate from being higher."""
        if not said and spent.gateway < _FULL * elapsed:
            shares = {"load": spent.load, "upstream": spent.upstream}
            full = [name for name, took in shares.items() if took > _FULL * elapsed]
            cores = spent.gateway + sum(shares.values()) > _FULL * elapsed * (os.cpu_count() or 1)
            said = f"{' and '.join(full) or ('cores' if cores else 'nobody')} full"
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

    def _plan(self, asked: str, connections: int, seconds: float) -> Plan:
        return Plan(self._port, asked, connections, seconds * self._bench.scale.time)

    def _asks(self, play: str, turns: int = 0) -> str:
        """Return a request's bytes as text: of 1 KB, or with some turns of 2 KB each before."""
        subject = self._subject
        stream = play != "whole"
        asked = request(subject.system, subject.dialect, "", stream, Wish(self._bench.url))
        roles = ("user", "assistant")
        talk = [{"role": roles[number % 2], "content": _TURN} for number in range(turns)]
        last = {"role": "user", "content": f"{'a few words of a prompt ' * 30}play {play}"}
        body = json.dumps(asked.body | {"messages": [*talk, last]})
        path = self._there.url.partition("://")[2].partition("/")[2]
        heads = {"host": f"127.0.0.1:{self._port}", "content-type": "application/json", "user-agent": "bench"}
        heads |= asked.headers | {"content-length": str(len(body))}
        lines = [f"POST /{path}{asked.path} HTTP/1.1".replace("//", "/"), *(f"{k}: {v}" for k, v in heads.items())]
        return "\r\n".join(lines) + "\r\n\r\n" + body


@contextmanager
def _difference(session: int, upstream: int, spent: Spent) -> Iterator[None]:
    before = processes.cpu(session), processes.cpu(upstream), _children()
    yield
    spent.gateway = processes.cpu(session) - before[0]
    spent.upstream = processes.cpu(upstream) - before[1]
    spent.load = _children() - before[2]


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


async def _wrk(wrk: Path, asked: str, port: int, seconds: float) -> tuple[float, float, str]:
    """Return requests a second, for how many seconds, and how many failed, in words."""
    script = CACHE / "wrk.lua"
    text = "".join(f"\\{byte:03}" for byte in asked.encode())  # Lua reads an end of line as one character
    script.write_text(f'local asked = "{text}"\nrequest = function() return asked end\n')
    process = await asyncio.create_subprocess_exec(
        wrk, "-t1", f"-c{_AT_ONCE}", f"-d{max(1, round(seconds))}s", "-s", script, f"http://127.0.0.1:{port}/",
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
    """Return the rows: the upstream itself, then each system; ours in two dialects, with all that is on by default."""
    ours = replace(OURS, files={"relay.yaml": "metrics: {port: $other_port}\n"}, dialects=("chat",))
    rows = [Subject("direct", ours, direct=True)]
    for system in systems:
        if system is OURS:
            rows.append(Subject(OURS.name, ours, many=True))
            translated = replace(ours, dialects=("messages",))
            rows.append(Subject(f"{OURS.name}, translating", translated, "messages", many=True))
        else:
            rows.append(Subject(f"{system.name} {system.version}".strip(), system, many=system.name == "nginx"))
    return rows
