"""Coverage-guided fuzzing of every parser, with atheris: no bytes may do what `tests/support/fuzzing.py` forbids.

    make fuzz                                              every target for a minute
    .venv-fuzz/bin/python proofs/fuzz.py --seconds 600 --jobs 2 reads_request.google reads_stream.google

It begins with the project's own cases (tests/golden/cases), changes bytes, and JSON values and frames. What it has
learnt lies in `.fuzz/corpus/TARGET` and is where the next run begins; what breaks a promise is written into
`.fuzz/found`, one input for each place that raised, and makes the exit status 1. A finding is kept as a test:
tests/dialects/test_fuzzed.py.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import atheris

ROOT: Final = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "src"), str(ROOT / "tests")]
with atheris.instrument_imports(
    include=["argo_relay.dialects", "argo_relay.framing", "argo_relay.neutral", "argo_relay.transport.http1"]
):
    from argo_relay.errors import BadJson
    from argo_relay.framing import jsonx, sse
    from support.fuzzing import HTTP, TARGETS, seeds
    from support.mutations import nodes, replaced

PLACE: Final = ROOT / ".fuzz"
FOUND: Final = PLACE / "found"
_LONGEST: Final = 16384
_DEEP: Final = b'"<deep>"'
_STRANGE: Final[tuple[Any, ...]] = (
    *(None, True, False, 0, 1, -1, 2**31, 2**64, 10**400, 0.5, 1e308, float("nan"), float("inf")),
    *("", "x", "\ud800", "\x00", "{}", "a__b", "data:image/png;base64,aGk=", "data:,", "https://example.org/a.png"),
    *([], {}, [None], [[]], [{}], {"": None}, {"type": "x"}, {"type": None}, {"type": []}, {"text": {}}),
)


def main() -> int:
    """Run the targets, each in a process of its own; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; all when none is named")
    parser.add_argument("--seconds", type=int, default=60, help="for each target (default: 60)")
    parser.add_argument("--jobs", type=int, default=1, help="how many targets at once (default: 1)")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if unknown := [name for name in options.targets if name not in TARGETS]:
        parser.error(f"no such target: {', '.join(unknown)}")
    if options.one:
        _fuzz(options.targets[0], options.seconds)
    FOUND.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda name: _process(name, options.seconds), options.targets or TARGETS)
        return int(not all(list(results)))


def _process(target: str, seconds: int) -> bool:
    command = [sys.executable, __file__, "--one", "--seconds", str(seconds), target]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
    found = sorted(FOUND.glob(f"{target}-*"))
    runs = [line for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    print(f"{target}: {runs[-1].split()[-1] if runs else 'no'} runs, {len(found)} findings", flush=True)
    if done.returncode or found:
        print(done.stdout, *done.stderr.splitlines()[-30:] if done.returncode else [], sep="\n", flush=True)
    return done.returncode == 0 and not found


def _fuzz(target: str, seconds: int) -> None:
    """Fuzz one target until the time is over; atheris ends the process."""
    learnt = PLACE / "corpus" / target
    learnt.mkdir(parents=True, exist_ok=True)
    known = seeds(target)
    for number, seed in enumerate(known):
        (learnt / f"seed-{number}").write_bytes(seed)
    for found in FOUND.glob(f"{target}-*"):
        found.replace(learnt / found.name)  # read again at the start: what is not mended is found again
    flags = [f"-max_total_time={seconds}", f"-max_len={_LONGEST}", "-timeout=10", "-print_final_stats=1"]
    flags += [f"-artifact_prefix={FOUND}/{target}-", "-reload=0", str(learnt)]
    mutator = None if target == HTTP else _mutator(known)
    atheris.Setup([sys.argv[0], *flags], _Finder(target), custom_mutator=mutator)
    atheris.Fuzz()


class _Finder:
    """Runs a target and writes down the first input for each place that raises, so that one run finds many."""

    def __init__(self, target: str) -> None:
        self._target = target
        self._seen: set[str] = set()

    def __call__(self, data: bytes) -> None:
        try:
            TARGETS[self._target](data)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            place = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{type(error).__name__}-{Path(place.filename).stem}-{place.lineno}"
            if where not in self._seen:
                self._seen.add(where)
                (FOUND / f"{self._target}-{where}").write_bytes(data)
                print(f"--- {where}", *traceback.format_exception(error, limit=-4), sep="\n", flush=True)


def _mutator(known: list[bytes]) -> Callable[[bytes, int, int], bytes]:
    """Return what changes an input: bytes, or JSON values of its frames, taken from elsewhere in the seeds."""
    values = [node for seed in known for text in _texts(seed) for node in nodes(_value(text))]

    def mutate(data: bytes, size: int, seed: int) -> bytes:
        dice = random.Random(seed)
        if dice.random() < 0.2:
            return bytes(atheris.Mutate(data, size))
        wire = data
        try:
            for _ in range(dice.choice([1, 1, 2, 4])):
                wire = _changed(wire, dice, values)
        except RecursionError:
            return bytes(atheris.Mutate(data, size))
        depth = dice.choice([50, 200, 450, 900, 980])
        if dice.random() < 0.5:
            return wire.replace(_DEEP, b"[" * depth + b"]" * depth)[:size]
        return wire.replace(_DEEP, b'{"items":' * depth + b"1" + b"}" * depth)[:size]

    return mutate


def _texts(wire: bytes) -> list[bytes]:
    frames = _frames(wire)
    return [data for _, data in frames if data is not None] if frames else [wire]


def _frames(wire: bytes) -> list[tuple[bytes, bytes | None]]:
    """Return a stream's frames with their data; none for a document."""
    if wire.lstrip()[:1] in (b"{", b"["):
        return []
    splitter = sse.Splitter()
    return [(frame.raw, frame.data) for frame in [*splitter.feed(wire), *splitter.finish()]]


def _value(text: bytes) -> Any:
    try:
        return jsonx.decode_loosely(text)
    except BadJson:
        return text.decode("utf-8", "replace")


def _changed(wire: bytes, dice: random.Random, values: list[Any]) -> bytes:
    frames = [list(frame) for frame in _frames(wire)]
    if not frames:
        return _written(_mutated(_value(wire), dice, values))
    at, to = dice.randrange(len(frames)), dice.randrange(len(frames))
    raw, data = frames[at]
    kind = dice.random()
    if kind < 0.1:
        del frames[at]
    elif kind < 0.2:
        frames.insert(to, frames[at])
    elif kind < 0.3:
        frames[at], frames[to] = frames[to], frames[at]
    elif data and raw:
        frames[at][0] = raw.replace(data, _written(_mutated(_value(data), dice, values)))
    return b"".join(one for one, _ in frames if one)


def _mutated(value: Any, dice: random.Random, values: list[Any]) -> Any:
    count = sum(1 for _ in nodes(value))
    at = dice.randrange(count)
    node = next(node for number, node in enumerate(nodes(value)) if number == at)
    other = dice.choice(values) if values and dice.random() < 0.5 else dice.choice(_STRANGE)
    kind = dice.random()
    if isinstance(node, dict) and node and kind < 0.6:
        key = dice.choice(list(node))
        if kind < 0.2:
            return replaced(value, at, {name: one for name, one in node.items() if name != key})
        donor = dice.choice([one for one in values if isinstance(one, dict)] or [node])
        return replaced(value, at, {**node, **donor} if kind < 0.3 else {**node, key: other})
    if isinstance(node, list) and kind < 0.6:
        return replaced(value, at, [*node, other])
    return replaced(value, at, "<deep>" if kind > 0.99 else other)


def _written(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


if __name__ == "__main__":
    sys.exit(main())
