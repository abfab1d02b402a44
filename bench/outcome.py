"""What a run of the cost bench has shown: kept as JSON, shown as tables."""

from __future__ import annotations

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cells import Seen
from tables import Show

CPU: Final = {
    "cpu_whole": "us a request, 1 KB",
    "cpu_large": "us a request, 250 KB",
    "cpu_short": "us a stream of 5 events",
    "cpu_burst": "us an event, bursts of 200",
    "cpu_paced": "us an event, 300 paced streams",
    "cpu_many": "us an event, 1,000 paced streams",
}
_SPEED: Final = {
    "p50": "ms a reply, p50",
    "p99": "ms a reply, p99",
    "first": "ms to the first event",
    "rps": "requests/s",
    "eps": "events/s",
}
_SPACE: Final = {
    "start": "start-up, s",
    "rss": "MiB after start",
    "rss_paced": "MiB, 300 streams",
    "rss_many": "MiB, 1,000 streams",
}
_ADDED: Final = ("p50", "p99", "first")
_FLOOR: Final = "nginx"
_OURS: Final = "argo-relay"
DIRECT: Final = "direct"


@dataclass(frozen=True)
class Run:
    """All rounds of all rows."""

    machine: str
    seen: dict[str, list[Seen]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> Run:
        """Return a run that was kept."""
        kept = json.loads(file.read_text())
        seen = {name: [Seen(**one) for one in rounds] for name, rounds in kept["seen"].items()}
        return cls(kept["machine"], seen, kept["left_out"])

    def of(self, name: str, key: str) -> list[float]:
        """Return a row's values of a metric, lowest first, one of each round; less the direct ones where added."""
        rounds = self.seen.get(name, [])
        values = [one.values[key] for one in rounds if key in one.values]
        if key in _ADDED and name != DIRECT:
            direct = statistics.median(self.of(DIRECT, key) or [0.0])
            values = [value - direct for value in values]
        return sorted(values)

    def median(self, name: str, key: str) -> float | None:
        """Return a row's median of a metric."""
        values = self.of(name, key)
        return statistics.median(values) if values else None


def machine() -> str:
    """Return what it is measured on, and how busy that is before."""
    model = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line), "")
    load = os.getloadavg()[0]
    return (
        f"{time.strftime('%Y-%m-%d %H:%M')}; {os.cpu_count()} cores ({model.partition(':')[2].strip()}), "
        f"{platform.system()} {platform.release()}, Python {platform.python_version()}; load average before: {load:.1f}"
    )


def tables(run: Run, show: Show) -> Iterator[str]:
    """Yield who and where, then what it costs, how that compares, how fast it is, how large, and who is not there."""
    rounds = max(map(len, run.seen.values()), default=0)
    yield f"{run.machine}; medians of {rounds} rounds (lowest-highest)."
    gateways = [name for name in run.seen if name != DIRECT]

    def table(metrics: dict[str, str], rows: list[str], cell: Callable[[str, str], str]) -> str:
        return show([["", *metrics.values()], *([name, *(cell(name, key) for key in metrics)] for name in rows)])

    yield table(CPU, gateways, lambda name, key: _cell(run, name, key))
    bases = [name for name in (_FLOOR, _OURS) if name in run.seen]
    yield f"Times that of {'; of '.join(bases)}:"
    yield table(CPU, gateways, lambda name, key: "; ".join(_ratio(run, name, key, base) for base in bases))
    yield "Milliseconds are those added to the upstream's own, which are in the first row."
    yield table(_SPEED, [DIRECT, *gateways], lambda name, key: _cell(run, name, key))
    yield table(_SPACE, gateways, lambda name, key: _cell(run, name, key))
    for name, why in run.left_out.items():
        yield f"Left out: {name}: {why}."


def number(value: float) -> str:
    """Return a number with as many digits as say something."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def _cell(run: Run, name: str, key: str) -> str:
    values = run.of(name, key)
    if not values:
        return ""
    remarks = {one.remarks[key] for one in run.seen[name] if one.remarks.get(key)}
    spread = f" ({number(values[0])}-{number(values[-1])})" if len(values) > 1 else ""
    return f"{number(statistics.median(values))}{spread}{''.join(f' [{text}]' for text in sorted(remarks))}"


def _ratio(run: Run, name: str, key: str, base: str) -> str:
    mine, theirs = run.median(name, key), run.median(base, key)
    return number(mine / theirs) if mine is not None and theirs else "-"
