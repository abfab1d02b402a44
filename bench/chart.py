"""A chart of CPU times as SVG, on a scale where each step to the right is ten times as much."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from html import escape
from typing import Final

from outcome import CPU, DIRECT, Run, number

_PANELS: Final = ("cpu_whole", "cpu_large", "cpu_burst", "cpu_paced")
_LEFT, _WIDE, _ROW, _GAP, _HEAD = 190, 560, 20, 46, 30
"""Pixels: of the names, of the scale, of a row, between panels, above a panel's rows."""
Scale = Callable[[float], float]
_OURS, _FLOOR, _OTHERS = "#c2410c", "#475569", "#94a3b8"


def chart(run: Run) -> str:
    """Return one panel for each kind of load: a bar for each gateway, a line from its lowest round to its highest."""
    names = [name for name in run.seen if name != DIRECT]
    tall = _HEAD + len(names) * _ROW + _GAP
    size = f'width="{_LEFT + _WIDE + 90}" height="{tall * len(_PANELS) + 10}"'
    style = "font-family:system-ui,Helvetica,Arial,sans-serif;font-size:12px"
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} style="{style}">']
    parts.append('<rect width="100%" height="100%" fill="white"/>')
    for place, key in enumerate(_PANELS):
        parts += _panel(run, names, key, 10 + place * tall)
    return "\n".join([*parts, "</svg>\n"])


def _panel(run: Run, names: list[str], key: str, top: int) -> Iterator[str]:
    rows = {name: run.of(name, key) for name in names if run.of(name, key)}
    names = sorted(rows, key=lambda name: statistics.median(rows[name]))
    low = math.floor(math.log10(max(0.01, min(values[0] for values in rows.values()))))
    high = math.ceil(math.log10(max(values[-1] for values in rows.values())))

    def x(value: float) -> float:
        return _LEFT + _WIDE * (math.log10(max(value, 10**low)) - low) / max(1, high - low)

    first = top + _HEAD
    last = first + len(names) * _ROW
    yield f'<text x="10" y="{top + 14}" font-weight="bold">CPU: {escape(CPU[key])} (logarithmic scale)</text>'
    for power in range(low, high + 1):
        at = x(10**power)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{first}" y2="{last}" stroke="#e2e8f0"/>'
        yield f'<text x="{at:.1f}" y="{last + 14}" text-anchor="middle" fill="#64748b">{10**power:,g}</text>'
    for place, name in enumerate(names):
        y = first + place * _ROW
        yield f'<text x="{_LEFT - 8}" y="{y + 14}" text-anchor="end">{escape(name)}</text>'
        yield from _bar(rows[name], x, y, _colour(name))


def _bar(values: list[float], x: Scale, y: int, colour: str) -> Iterator[str]:
    middle = statistics.median(values)
    end = x(middle)
    yield f'<rect x="{_LEFT}" y="{y + 3}" width="{end - _LEFT:.1f}" height="{_ROW - 6}" fill="{colour}"/>'
    yield f'<line x1="{x(values[0]):.1f}" x2="{x(values[-1]):.1f}" y1="{y + 10}" y2="{y + 10}" stroke="black"/>'
    yield f'<text x="{max(end, x(values[-1])) + 6:.1f}" y="{y + 14}">{number(middle)}</text>'


def _colour(name: str) -> str:
    return _OURS if name.startswith("argo-relay") else _FLOOR if name == "nginx" else _OTHERS
