"""How late deadlines are when many streams are open at once.

    .venv/bin/python bench/deadlines.py [--streams 500] [--timeout 5] [--gap 0.5] [--ramp 2]

Starts the simulator and the relay as processes of their own, opens the streams over `--ramp` seconds, and lets each run
into its own deadline while all drip. Prints how late the error event reached the client (counted from the moment its
request was written), and the relay's processor time for a stream, its opening and its end included.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil

COMMAND = str(Path(sys.executable).with_name("argo-relay"))


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--timeout", type=float, default=5.0, help="each stream's deadline, in seconds")
    parser.add_argument("--gap", type=float, default=0.5, help="between two events of a stream, in seconds")
    parser.add_argument("--ramp", type=float, default=2.0, help="over how many seconds the streams are opened")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with (
        command("simulate", "--port", "0") as (upstream, _),
        command("serve", "--user", "bench", "--base-url", upstream, "--port", "0") as (relay, pid),
    ):
        port = int(relay.rsplit(":", 1)[1])
        print(f"{options.streams} streams, each with timeout {options.timeout:g} s, an event every {options.gap:g} s")
        print(f"{'run':>4} {'p50 ms':>8} {'p99 ms':>8} {'max ms':>8} {'early':>6} {'events':>8} {'CPU ms/stream':>14}")
        for run in range(1, options.runs + 1):
            asyncio.run(measured(run, port, pid, options))


@contextmanager
def command(*arguments: str) -> Iterator[tuple[str, int]]:
    """Run `argo-relay` with arguments; yield the URL that its banner names, and its process id."""
    process = subprocess.Popen([COMMAND, *arguments], stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = None
        while found is None:
            line = process.stderr.readline()
            assert line, f"argo-relay {arguments[0]} ended before it listened"
            found = re.search(r"http://[0-9.]+:\d+", line)
        # What follows is a line an exchange; nobody reads it, and a full pipe would stop the process.
        subprocess.Popen(["cat"], stdin=process.stderr, stdout=subprocess.DEVNULL)
        yield found[0], process.pid
    finally:
        process.terminate()
        process.wait()


async def measured(run: int, port: int, pid: int, options: argparse.Namespace) -> None:
    """Do one run and print its row."""
    before = sum(psutil.Process(pid).cpu_times()[:2])
    streams = [
        asyncio.create_task(stream(port, options.timeout, options.gap, options.ramp * number / options.streams))
        for number in range(options.streams)
    ]
    results = await asyncio.gather(*streams)
    spent = sum(psutil.Process(pid).cpu_times()[:2]) - before
    late = sorted((seconds - options.timeout) * 1000 for seconds, _ in results)
    events = sum(count for _, count in results)
    p50, p99 = late[len(late) // 2], late[int(len(late) * 0.99)]
    early = sum(one < 0 for one in late)
    print(f"{run:>4} {p50:>8.1f} {p99:>8.1f} {late[-1]:>8.1f} {early:>6} {events:>8} {spent / len(late) * 1e3:>14.2f}")


async def stream(port: int, timeout: float, gap: float, wait: float) -> tuple[float, int]:  # noqa: ASYNC109
    """Run one stream into its deadline; return how long it took, and how many events came."""
    prompt = f"[first_token=0] [chunks=100000] [gap={gap}]"
    fields = {"model": "gpt-4o", "stream": True, "timeout": timeout}
    body = json.dumps(fields | {"messages": [{"role": "user", "content": prompt}]}).encode()
    await asyncio.sleep(wait)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = f"POST /v1/chat/completions HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
    start = time.perf_counter()
    writer.write(head.encode() + body)
    events = 0
    while (piece := await reader.read(65536)) and b'"timeout_total"' not in piece:
        events += piece.count(b"data: ")
    took = time.perf_counter() - start
    assert piece, "the stream ended without its error"
    writer.close()
    return took, events


if __name__ == "__main__":
    main()
