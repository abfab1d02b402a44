"""Every recorded reply, played by an upstream and asked for through the relay in all four dialects: 16 cells.

    make crosscheck                      all records, whole
    python proofs/crosscheck.py --split 1 --limit 100      streams cut into single bytes, the first 100 of each dialect

The recordings and the two tools that play and check them are other people's: they lie in `shared/` beside the project,
or where $ARGO_RELAY_SHARED says. Records that cannot pass stand in `crosscheck.toml` with the reason; one that is not
listed, or that is listed and passes, makes the exit status 1.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from servers import free_port, process, relay

ROOT: Final = Path(__file__).parents[1]
SHARED: Final = Path(os.environ.get("ARGO_RELAY_SHARED", ROOT.parent / "shared"))
DIALECTS: Final = {
    "openai_chat": "openai",
    "openai_responses": "openai_responses",
    "anthropic": "anthropic",
    "google": "google",
}
"""Each dialect, and the kind of upstream that speaks it."""


def main() -> int:
    """Run all cells; return the exit status."""
    options = _options()
    if not (SHARED / "tools" / "crosscheck.py").exists():
        print(f"crosscheck: not run, there are no recordings at {SHARED} (set ARGO_RELAY_SHARED)")
        return 0
    with tempfile.TemporaryDirectory(prefix="crosscheck-") as folder:
        place = Path(folder)
        for dialect in DIALECTS:
            with gzip.open(SHARED / "corpus" / f"{dialect}.jsonl.gz") as packed:
                (place / f"{dialect}.jsonl").write_bytes(packed.read())
        found = _run(place, options)
    return _report(found, options)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", type=int, default=0, help="cut streams into pieces of so many bytes")
    parser.add_argument("--crlf", action="store_true", help="end lines with CRLF")
    parser.add_argument("--comments", action="store_true", help="put comments between events")
    parser.add_argument("--limit", type=int, default=0, help="only the first N records of each dialect")
    parser.add_argument("--upstream", choices=DIALECTS, action="append", help="only this upstream dialect (repeatable)")
    return parser.parse_args()


def _run(place: Path, options: argparse.Namespace) -> dict[str, dict[str, list[str]]]:
    """Return what went wrong: by record and client dialect, the names of the checks."""
    port = free_port()
    play = [sys.executable, str(SHARED / "tools" / "replay_upstream.py"), "--port", str(port), "--corpus", str(place)]
    play += ["--split", str(options.split)] + ["--crlf"] * options.crlf + ["--comments"] * options.comments
    found: dict[str, dict[str, list[str]]] = {}
    # A recorded refusal that asks to come back later is to be told, not waited for.
    (place / "argo-relay.yaml").write_text("retries: 0\n")
    with process(play, f"http://127.0.0.1:{port}/v1/models", place):
        for dialect in options.upstream or DIALECTS:
            with relay(place, "--upstream", DIALECTS[dialect], "--base-url", f"http://127.0.0.1:{port}") as base:
                for identifier, client, names in _check(place, dialect, base, options.limit):
                    found.setdefault(identifier, {})[client] = names
    return found


def _check(place: Path, dialect: str, base: str, limit: int) -> Iterator[tuple[str, str, list[str]]]:
    out = place / f"{dialect}.report"
    command = [sys.executable, str(SHARED / "tools" / "crosscheck.py"), "--gateway", base, "--json", str(out)]
    command += ["--corpus", str(place / f"{dialect}.jsonl"), "--client", ",".join(DIALECTS), "--limit", str(limit)]
    done = subprocess.run([*command, "--show", "40"], capture_output=True, text=True, check=False, cwd=place)
    print(done.stdout, end="", flush=True)
    if done.returncode not in (0, 1):
        raise SystemExit(f"crosscheck.py failed:\n{done.stderr[-2000:]}")
    for line in out.read_text().splitlines():
        row = json.loads(line)
        yield row["id"], row["client"], sorted({name for name, _ in row["bad"]})


def _report(found: dict[str, dict[str, list[str]]], options: argparse.Namespace) -> int:
    listed = tomllib.loads((ROOT / "proofs" / "crosscheck.toml").read_text())["records"]
    unknown = {identifier: cells for identifier, cells in found.items() if identifier not in listed}
    whole = not options.limit and not options.upstream
    idle = [identifier for identifier in listed if identifier not in found] if whole else []
    for identifier, cells in unknown.items():
        print(f"not listed: {identifier} {json.dumps(cells)}")
    for identifier in idle:
        print(f"listed, but passes: {identifier}: {listed[identifier]}")
    print(
        f"{len(found)} records fail in some cell, {len(found) - len(unknown)} of them listed in proofs/crosscheck.toml"
    )
    return 1 if unknown or idle else 0


if __name__ == "__main__":
    sys.exit(main())
