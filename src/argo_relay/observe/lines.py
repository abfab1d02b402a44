"""Lines written by a thread of their own, so that a reader who does not read holds nobody up."""

from __future__ import annotations

import contextlib
import queue
import threading
from typing import Final, Protocol

_MOST: Final = 10_000
"""Lines that wait at most; those that come beyond are counted, and the count is written when there is room again."""
_PATIENCE_SECONDS: Final = 1.0


class Stream(Protocol):
    """Where lines end up; both raise OSError."""

    def write(self, line: str, /) -> object:
        """Take a line."""
        ...

    def flush(self) -> object:
        """Let all go out that has been taken."""
        ...


class LineWriter:
    """Writes lines to a stream in order. A full pipe, or a full disk, is no reason to wait or to fail."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._waiting: queue.Queue[str | None] = queue.Queue(_MOST)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Have a line, which brings its own end, written soon."""
        try:
            if self._dropped:
                self._waiting.put_nowait(f"dropped={self._dropped}\n")
                self._dropped = 0
            self._waiting.put_nowait(line)
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Wait until all is written, though not for long."""
        with contextlib.suppress(queue.Full):
            self._waiting.put(None, timeout=_PATIENCE_SECONDS)
        self._thread.join(_PATIENCE_SECONDS)

    def _run(self) -> None:
        more = True
        while more:
            line = self._waiting.get()
            more = line is not None
            # ValueError: somebody has closed the stream.
            with contextlib.suppress(OSError, ValueError):
                if line is not None:
                    self._stream.write(line)
                if self._waiting.empty():
                    self._stream.flush()
