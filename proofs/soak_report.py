"""What a soak has shown: a table, a line through the memory, a chart of it, and what does not hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

_MOST_GROWTH: Final = 8.0
"""MiB an hour."""
_WARM: Final = 0.25
"""The part of a life that is left out."""
_JUDGED_MINUTES: Final = 10.0
_LEFT, _TOP, _WIDE, _HIGH = 60, 30, 640, 220
"""Pixels of the chart: before it, above it, and its own."""


@dataclass
class Life:
    """A process from its start to its end: `began` in minutes of the run, `memory` in (minute, MiB)."""

    began: float
    at_first: int
    """Descriptors."""
    descriptors: int = 0
    """The last that were seen."""
    memory: list[tuple[float, float]] = field(default_factory=list)

    @property
    def minutes(self) -> float:
        """How long it was looked at."""
        return self.memory[-1][0] - self.began if self.memory else 0.0

    @property
    def slope(self) -> float:
        """MiB an hour, by least squares, its first quarter left out; 0 where there is too little to say."""
        warm = self.began + _WARM * self.minutes
        seen = [(minute / 60, memory) for minute, memory in self.memory if minute >= warm]
        if len(seen) < 3:
            return 0.0
        middle = sum(hour for hour, _ in seen) / len(seen)
        spread = sum((hour - middle) ** 2 for hour, _ in seen)
        return sum((hour - middle) * memory for hour, memory in seen) / spread if spread else 0.0


def judged(lives: Sequence[Life], wrong: Sequence[str]) -> list[str]:
    """Return what does not hold."""
    problems = list(wrong)
    for number, life in enumerate(lives, 1):
        if life.minutes >= _JUDGED_MINUTES and life.slope > _MOST_GROWTH:
            problems.append(f"life {number}: memory grows by {life.slope:.1f} MiB an hour")
    if lives[-1].descriptors > lives[-1].at_first:
        problems.append(f"{lives[-1].descriptors} descriptors at the end, {lives[-1].at_first} at the start")
    return problems


def table(ends: Mapping[tuple[str, str], int], lives: Sequence[Life], calls: int) -> str:
    """Return all ends of all kinds, dialects together, and how the memory went."""
    by_kind: dict[str, Counter[str]] = {}
    for (kind, end), count in ends.items():
        by_kind.setdefault(kind.partition(" ")[2], Counter())[end] += count
    wide = max((len(kind) for kind in by_kind), default=0)
    lines = [f"{sum(ends.values())} requests, {calls} calls to the upstreams"]
    for kind, counted in sorted(by_kind.items()):
        said = ", ".join(f"{end} {count}" for end, count in counted.most_common())
        lines.append(f"{kind:<{wide}}  {sum(counted.values()):6}  {said}")
    for number, life in enumerate(lives, 1):
        memory = [one for _, one in life.memory] or [0.0]
        lines.append(
            f"life {number}: {life.minutes:.1f} min, {memory[0]:.1f} MiB at first, {max(memory):.1f} at most, "
            f"{memory[-1]:.1f} at last, {life.slope:+.1f} MiB an hour; descriptors {life.at_first} at first, "
            f"{life.descriptors} at last"
        )
    return "\n".join(lines)


def chart(lives: Sequence[Life]) -> str:
    """Return the memory over time as SVG, a line for each life."""
    seen = [point for life in lives for point in life.memory] or [(0.0, 0.0)]
    last, most = max(minute for minute, _ in seen) or 1.0, max(memory for _, memory in seen) * 1.1 or 1.0
    style = "font-family:system-ui,Helvetica,Arial,sans-serif;font-size:12px"
    size = f'width="{_LEFT + _WIDE + 30}" height="{_TOP + _HIGH + 40}"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">']
    parts.append('<rect width="100%" height="100%" fill="white"/>')
    parts.append(f'<text x="10" y="18" font-weight="bold">MiB resident over {last:.0f} minutes</text>')
    parts += _grid(last, most)
    for life in lives:
        points = " ".join(
            f"{_LEFT + _WIDE * minute / last:.1f},{_TOP + _HIGH * (1 - memory / most):.1f}"
            for minute, memory in life.memory
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="#c2410c" stroke-width="1.5"/>')
    return "\n".join([*parts, "</svg>\n"])


def _grid(last: float, most: float) -> Iterator[str]:
    for step in range(5):
        y, x = _TOP + _HIGH * (1 - step / 4), _LEFT + _WIDE * step / 4
        yield f'<line x1="{_LEFT}" x2="{_LEFT + _WIDE}" y1="{y:.1f}" y2="{y:.1f}" stroke="#e2e8f0"/>'
        yield f'<text x="{_LEFT - 6}" y="{y + 4:.1f}" text-anchor="end" fill="#64748b">{most * step / 4:.0f}</text>'
        yield (
            f'<text x="{x:.1f}" y="{_TOP + _HIGH + 18}" text-anchor="middle" fill="#64748b">'
            f"{last * step / 4:.1f} min</text>"
        )
