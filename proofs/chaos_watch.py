"""How late this machine is: the load generator's own event loop, and processes kept waiting for a processor.

What is late for want of a processor is nobody's fault here, so it is measured, and told apart: Linux says in
`/proc/PID/schedstat` how long a process has been ready to run and was not run.
"""

from __future__ import annotations

import asyncio
import os
import time
from bisect import bisect_left, bisect_right
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_EVERY_SECONDS: Final = 0.01
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Watch:
    """Samples until cancelled: `await run()`. Times are `time.monotonic`'s."""

    def __init__(self, processes: Mapping[str, int]) -> None:
        """Watch processes, given by name with their ids."""
        self._files = {name: Path(f"/proc/{pid}/schedstat") for name, pid in processes.items()}
        self._times: list[float] = []
        self.lags: list[float] = []
        """Of this process's event loop."""
        self.memory: dict[str, list[int]] = {name: [] for name in processes}
        """Bytes that each had in memory, once a second."""
        self._memories = {name: Path(f"/proc/{pid}/statm") for name, pid in processes.items()}
        self.waited: dict[str, list[float]] = {name: [] for name in processes}
        """Seconds since its start that each was kept waiting."""

    async def run(self) -> None:
        """Take samples."""
        wanted = time.monotonic()
        while True:
            now = time.monotonic()
            self._times.append(now)
            self.lags.append(max(0.0, now - wanted))
            for name, file in self._files.items():
                self.waited[name].append(int(file.read_text().split()[1]) / 1e9)
            if len(self._times) % 100 == 0:
                for name, file in self._memories.items():
                    self.memory[name].append(int(file.read_text().split()[1]) * _PAGE)
            wanted = time.monotonic() + _EVERY_SECONDS
            await asyncio.sleep(_EVERY_SECONDS)

    def own(self, start: float, end: float) -> float:
        """Return the longest lag of this process between two moments."""
        first = bisect_left(self._times, start)
        last = bisect_right(self._times, end) + 1
        return max(self.lags[first:last], default=0.0)

    def kept(self, name: str, start: float, end: float) -> float:
        """Return how long a process was kept waiting between two moments, at most."""
        waited = self.waited[name]
        first = max(0, bisect_right(self._times, start) - 1)
        last = min(len(waited) - 1, bisect_left(self._times, end))
        return waited[last] - waited[first] if waited else 0.0
