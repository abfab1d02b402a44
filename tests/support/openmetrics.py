"""The library's strict reader of OpenMetrics, with the types that it lacks."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import Metric
from prometheus_client.openmetrics import parser


def read_openmetrics(text: str) -> Iterator[Metric]:
    """Yield the metrics of a page; ValueError where it is not as the standard has it."""
    yield from parser.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
