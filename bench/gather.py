"""What it costs to gather a whole reply of Claude's from a stream, beside asking for it whole.

    .venv/bin/python bench/gather.py [--requests 300] [--pieces 200] [--runs 5]

Starts the simulator and the relay as processes of their own. The two ways differ in `max_tokens` only: Argo refuses
whole replies above 21,000. Rounds alternate; the medians of the relay's processor time a request are printed.
"""

from __future__ import annotations

import argparse
import statistics

import httpx
import psutil
from deadlines import command

WAYS = {"whole": 20_000, "gathered": 30_000}


def main() -> None:
    """Run the bench and print its table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument(
        "--pieces", type=int, default=200, help="pieces of text in a reply, each an event of the stream"
    )
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    with (
        command("simulate", "--port", "0") as (upstream, _),
        command("serve", "--user", "bench", "--base-url", upstream, "--port", "0") as (relay, pid),
        httpx.Client(base_url=relay, timeout=60) as client,
    ):
        times: dict[str, list[float]] = {way: [] for way in WAYS}
        for run in range(options.runs + 1):
            for way, limit in WAYS.items():
                spent = _measured(client, pid, limit, options)
                if run:  # the first round warms up
                    times[way].append(spent)
        for way, found in times.items():
            print(f"{way:>9}: {statistics.median(found):7.0f} us of CPU a reply of {options.pieces} pieces")
        ratio = statistics.median(times["gathered"]) / statistics.median(times["whole"])
        print(f"    ratio: {ratio:7.1f}")


def _measured(client: httpx.Client, pid: int, limit: int, options: argparse.Namespace) -> float:
    prompt = f"hi [chunks={options.pieces}] [first_token=0] [gap=0]"
    body = {"model": "claude-opus-4.5", "max_tokens": limit, "messages": [{"role": "user", "content": prompt}]}
    process = psutil.Process(pid)
    before = process.cpu_times()
    for _ in range(options.requests):
        client.post("/v1/messages", json=body).raise_for_status()
    after = process.cpu_times()
    spent = float(after.user + after.system - before.user - before.system)
    return float(spent / options.requests * 1e6)


if __name__ == "__main__":
    main()
