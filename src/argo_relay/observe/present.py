"""Figures of the moment: read from those who know them whenever Prometheus asks, and kept by nobody."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, NamedTuple

import msgspec
from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

_STATES: Final = {"closed": 0, "resting": 1, "probing": 2}


class Breaker(NamedTuple):
    """What the circuit breaker of an upstream (its name), or of a model there, says: closed, resting or probing."""

    upstream: str
    model: str | None
    """The upstream's own name of it; None: the breaker is the whole upstream's."""
    state: str


class Places(NamedTuple):
    """One upstream's places: how many exchanges have one, and how many wait for one."""

    upstream: str
    taken: int
    waiting: int


class Present(msgspec.Struct, frozen=True, kw_only=True):
    """Where to read what holds at the moment; each is called in the relay's own thread, and must be quick."""

    in_flight: Callable[[], int]
    waiting: Callable[[], int]
    """How many wait for a place of the whole relay's."""
    losses: Callable[[], Mapping[str, int]]
    """How many there were since the start, by what was lost."""
    places: Callable[[], Iterable[Places]]
    breakers: Callable[[], Iterable[Breaker]]
    lists: Callable[[str, str], bool]
    """Whether an upstream lists a model: its own name of it, after the upstream's."""


class PresentFigures(Collector):
    """Writes what was read when it was last told to look; `known` names the series of a model."""

    def __init__(self, known: Callable[[str], str]) -> None:
        self.source: Present | None = None
        self._known = known
        self._read: list[Metric] = []

    def look(self) -> None:
        """Read everything."""
        if self.source is not None:
            self._read = list(self._families(self.source))

    def collect(self) -> list[Metric]:
        """Return what was read."""
        return self._read

    def describe(self) -> list[Metric]:
        """Return the metrics without any values, for the registry to know their names."""
        return list(self._families(_NOTHING))

    def _families(self, source: Present) -> Iterator[Metric]:
        yield GaugeMetricFamily(
            "argo_relay_in_flight", "Exchanges under way, with those that wait.", value=source.in_flight()
        )
        yield GaugeMetricFamily(
            "argo_relay_queue_depth", "Exchanges that wait for a place of the whole relay's.", value=source.waiting()
        )
        losses = CounterMetricFamily("argo_relay_losses", "What did not cross between dialects.", labels=["loss"])
        for name, count in source.losses().items():
            losses.add_metric([name], count)
        yield losses
        taken = GaugeMetricFamily(
            "argo_relay_upstream_in_flight", "Exchanges that have a place at an upstream.", labels=["upstream"]
        )
        depth = GaugeMetricFamily(
            "argo_relay_upstream_queue_depth", "Exchanges that wait for a place at an upstream.", labels=["upstream"]
        )
        for places in source.places():
            taken.add_metric([places.upstream], places.taken)
            depth.add_metric([places.upstream], places.waiting)
        yield taken
        yield depth
        yield self._breakers(source.breakers())

    def _breakers(self, breakers: Iterable[Breaker]) -> Metric:
        family = GaugeMetricFamily(
            "argo_relay_breaker_state",
            "The circuit breaker of an upstream (no model), or of a model there: 0 closed, 1 resting, 2 probing.",
            labels=["upstream", "model"],
        )
        states: dict[tuple[str, str], int] = {}
        for upstream, model, state in breakers:
            # Models without a name of their own share a series, which must then stand there once.
            series = upstream, "" if model is None else self._known(model)
            states[series] = max(_STATES[state], states.get(series, 0))
        for series, number in states.items():
            family.add_metric(series, number)
        return family


_NOTHING: Final = Present(
    in_flight=lambda: 0, waiting=lambda: 0, losses=dict, places=tuple, breakers=tuple, lists=lambda *_: False
)
