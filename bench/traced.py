"""The relay with its allocations traced: `traced.py FILE serve ...`; at SIGUSR1 the largest lines of them go to FILE.

Part of bench/memory.py. What C code allocates by itself (uvloop, OpenSSL, the system's buffers) is not seen.
"""

from __future__ import annotations

import gc
import signal
import sys
import tracemalloc
from pathlib import Path

_LINES = 40


def main() -> None:
    """Trace, and be the relay."""
    file = Path(sys.argv.pop(1))
    tracemalloc.start()

    def write(*_: object) -> None:
        gc.collect()
        found = tracemalloc.take_snapshot().statistics("lineno")[:_LINES]
        lines = [f"{one.size}\t{one.count}\t{one.traceback[0].filename}:{one.traceback[0].lineno}" for one in found]
        whole = file.with_suffix(".new")
        whole.write_text("\n".join(lines))
        whole.rename(file)

    signal.signal(signal.SIGUSR1, write)
    from argo_relay.cli.main import main as relay  # noqa: PLC0415 - what it allocates is to be seen

    relay()


if __name__ == "__main__":
    main()
