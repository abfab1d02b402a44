"""Counters and histograms by the values of their labels, which Prometheus' library writes when it is asked to.

The library's own cost 0.5 to 1 us for each count, most of it for a lock and for what it checks: a dictionary does with
0.1 us. So counting is for one thread; writing may be in another one, since what it reads is copied in one step. A tuple
of a dictionary's items is not made in one: the garbage collector may come between them, and whoever counts with it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict

from prometheus_client import CollectorRegistry, Metric
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

Labels = tuple[str, ...]
"""The values of a metric's labels, in their order."""


class Counter(Collector):
    """A counter; `add` is all that there is to it."""

    def __init__(self, registry: CollectorRegistry, name: str, meaning: str, *labels: str) -> None:
        self._name, self._meaning, self._labels = name, meaning, labels
        self._counts: defaultdict[Labels, float] = defaultdict(float)
        registry.register(self)

    def add(self, labels: Labels, count: float = 1) -> None:
        """Count so many more in one series."""
        self._counts[labels] += count

    def describe(self) -> list[Metric]:
        """Return the metric without values, for the registry to know its name."""
        return [CounterMetricFamily(self._name, self._meaning, labels=self._labels)]

    def collect(self) -> list[Metric]:
        """Return the metric with what has been counted."""
        family = CounterMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, count in self._counts.copy().items():
            family.add_metric(labels, count)
        return [family]


class Histogram(Collector):
    """A histogram; `bounds` are its buckets' upper ends, to which they belong, without the infinite one."""

    def __init__(
        self, registry: CollectorRegistry, name: str, meaning: str, labels: Labels, bounds: tuple[float, ...]
    ) -> None:
        self._name, self._meaning, self._labels, self._bounds = name, meaning, labels, bounds
        self._ends = [*map(floatToGoString, bounds), "+Inf"]
        # By series: how many fell into each bucket, and last the sum of all.
        self._rows: defaultdict[Labels, list[float]] = defaultdict(lambda: [0] * (len(bounds) + 2))
        registry.register(self)

    def observe(self, labels: Labels, value: float) -> None:
        """Count a value in one series."""
        row = self._rows[labels]
        row[bisect_left(self._bounds, value)] += 1
        row[-1] += value

    def describe(self) -> list[Metric]:
        """Return the metric without values, for the registry to know its name."""
        return [HistogramMetricFamily(self._name, self._meaning, labels=self._labels)]

    def collect(self) -> list[Metric]:
        """Return the metric with what has been counted."""
        family = HistogramMetricFamily(self._name, self._meaning, labels=self._labels)
        for labels, row in self._rows.copy().items():
            *counts, total = tuple(row)
            within, buckets = 0.0, []
            for end, count in zip(self._ends, counts, strict=True):
                within += count
                buckets.append((end, within))
            family.add_metric(labels, buckets, total)
        return [family]
