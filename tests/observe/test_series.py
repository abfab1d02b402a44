"""Counters and histograms are written as the library's own would have been."""

from __future__ import annotations

import gc
import threading

import prometheus_client as library
import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry, generate_latest

from argo_relay.observe.series import Counter, Histogram

BOUNDS = (0.01, 0.5, 1.0, 4.0)
VALUES = st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(BOUNDS) | st.floats(0, 10)), max_size=20)


def lines(registry: CollectorRegistry) -> list[str]:
    """Return a page without the times when its series began."""
    return sorted(line for line in generate_latest(registry).decode().splitlines() if "_created" not in line)


@given(VALUES)
def test_the_page_is_the_librarys(values: list[tuple[str, float]]) -> None:
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    counter, histogram = Counter(ours, "c", "Counts.", "l"), Histogram(ours, "h", "Measures.", ("l",), BOUNDS)
    counts = library.Counter("c", "Counts.", ["l"], registry=theirs)
    measures = library.Histogram("h", "Measures.", ["l"], registry=theirs, buckets=BOUNDS)
    for label, value in values:
        counter.add((label,), value)
        histogram.observe((label,), value)
        counts.labels(label).inc(value)
        measures.labels(label).observe(value)
    assert lines(ours) == lines(theirs)


def test_one_name_is_taken_once() -> None:
    registry = CollectorRegistry()
    Counter(registry, "c", "Counts.")
    with pytest.raises(ValueError, match="Duplicated"):
        Counter(registry, "c", "Counts.")
    Histogram(registry, "h", "Measures.", (), BOUNDS)
    with pytest.raises(ValueError, match="Duplicated"):
        Histogram(registry, "h", "Measures.", (), BOUNDS)


def test_series_may_come_while_another_thread_writes_the_page() -> None:
    registry = CollectorRegistry()
    counter, histogram = Counter(registry, "c", "Counts.", "l"), Histogram(registry, "h", "Measures.", ("l",), BOUNDS)
    failed: list[BaseException] = []
    done = threading.Event()

    def write() -> None:
        try:
            while not done.is_set():
                generate_latest(registry)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test tells it
            failed.append(error)

    writing = threading.Thread(target=write)
    writing.start()
    for number in range(3000):
        counter.add((str(number),))
        histogram.observe((str(number % 300),), 1.0)
    done.set()
    writing.join()
    assert not failed
    assert registry.get_sample_value("c_total", {"l": "2999"}) == 1


def test_a_series_that_begins_while_the_page_is_written_waits_for_the_next() -> None:
    registry = CollectorRegistry()
    counter, histogram = Counter(registry, "c", "Counts.", "l"), Histogram(registry, "h", "Measures.", ("l",), BOUNDS)
    begun = iter(map(str, range(10**6)))

    def begin(*_: object) -> None:
        label = (next(begun),)
        counter.add(label)
        histogram.observe(label, 1)

    for _ in range(5000):
        begin()
    # Where the collector comes the interpreter may turn to another thread as well.
    usual = gc.get_threshold()
    gc.callbacks.append(begin)
    gc.set_threshold(50)
    try:
        assert len(list(registry.collect())) == 2
        assert int(next(begun)) > 5000, "the collector has come"
    finally:
        gc.set_threshold(*usual)
        gc.callbacks.remove(begin)
