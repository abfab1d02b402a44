"""What figures cost: CPU time to count a finished exchange, beside one count of the library's own; and the page.

    .venv/bin/python bench/figures.py

A stream of 40 events that ended well, with tokens. The page is that of 40 models asked in four dialects, half of the
exchanges timed out. Rounds alternate; medians are printed.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace
from prometheus_client import CollectorRegistry, Counter, generate_latest

from argo_relay.neutral.reply import Usage
from argo_relay.observe.metrics import Metrics
from argo_relay.observe.record import Outcome, Record

DIALECTS: Final = ("openai_chat", "openai_responses", "anthropic", "google")
MODELS: Final = 40
ROUNDS: Final = 15
CALLS: Final = 5000
RECORD: Final = Record(
    time=1_800_000_000.0,
    request_id="req_1",
    dialect="openai_chat",
    outcome=Outcome.OK,
    seconds=3.0,
    status=200,
    served="gpt4o",
    upstream="main",
    spoken="openai_chat",
    attempts=1,
    stream=True,
    first_event=0.3,
    events=40,
    bytes_in=1000,
    bytes_out=9000,
    usage=Usage(input=100, output=50, cache_read=0, reasoning=0),
)


def took(call: Callable[[], object], calls: int = CALLS) -> float:
    """Return the microseconds of CPU time of one call."""
    began = time.process_time()
    for _ in range(calls):
        call()
    return (time.process_time() - began) / calls * 1e6


def large() -> Metrics:
    """Return figures after exchanges with many models."""
    metrics = Metrics()
    for number in range(MODELS):
        for dialect in DIALECTS:
            record = replace(RECORD, dialect=dialect, served=f"model-{number}")
            metrics.note(record)
            late = replace(record, outcome=Outcome.TIMEOUT, status=504, timer="total", timer_source="body", usage=None)
            metrics.note(late)
    return metrics


async def lateness(work: Callable[[], object], *, thread: bool) -> float:
    """Return the milliseconds that the latest of the loop's timers was late while some work was done."""
    worst = 0.0
    loop, ticked = asyncio.get_running_loop(), asyncio.Event()

    async def tick() -> None:
        nonlocal worst
        while True:
            due = loop.time() + 0.001
            await asyncio.sleep(0.001)
            worst = max(worst, loop.time() - due)
            ticked.set()

    ticking = asyncio.create_task(tick())
    await ticked.wait()
    worst = 0.0
    ticked.clear()
    if thread:
        await asyncio.to_thread(work)
    else:
        work()
    await ticked.wait()
    ticking.cancel()
    return worst * 1000


def main() -> None:
    """Print the table."""
    metrics, registry = Metrics(), CollectorRegistry()
    family = Counter("bench", "A counter.", ["model", "upstream"], registry=registry)
    kept = family.labels("gpt4o", "main")
    calls: dict[str, Callable[[], object]] = {
        "one count, series kept": kept.inc,
        "one count, looked up": lambda: family.labels("gpt4o", "main").inc(),
        "a finished exchange": lambda: metrics.note(RECORD),
    }
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            times[name].append(took(call))
    for name, found in times.items():
        print(f"{name:>24}: {statistics.median(found):7.2f} us (lowest {min(found):.2f})")
    full = large()
    lines = generate_latest(full.registry).count(b"\n")
    pages = [took(lambda: generate_latest(full.registry), 1) for _ in range(ROUNDS)]
    for name, thread in {"timers late, in the loop": False, "timers late, in a thread": True}.items():
        late = [asyncio.run(lateness(lambda: generate_latest(full.registry), thread=thread)) for _ in range(ROUNDS)]
        print(f"{name:>24}: {statistics.median(late):7.1f} ms (most {max(late):.1f})")
    print(f"{'the page':>24}: {statistics.median(pages) / 1000:7.1f} ms for {lines} lines")


if __name__ == "__main__":
    main()
