"""Log lines of several processes in one place: each whole, and each with the number of its worker."""

from __future__ import annotations

import os

from argo_relay.observe.lines import WHOLE
from argo_relay.observe.log import Lines


class WholeLines:
    """A stream that is written to in whole lines, as many at a time as go out in one piece."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: list[bytes] = []
        self._size = 0

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._descriptor

    def write(self, line: str) -> int:
        """Take a line; raise OSError."""
        data = line.encode(errors="backslashreplace")
        if self._size + len(data) > WHOLE:
            self.flush()
        self._waiting.append(data)
        self._size += len(data)
        return len(line)

    def flush(self) -> None:
        """Write what has been taken; raise OSError."""
        data = memoryview(b"".join(self._waiting))
        self._waiting.clear()
        self._size = 0
        while data:
            data = data[os.write(self._descriptor, data) :]


class NumberedLines:
    """Lines with their worker's number as their last field; `form` is how they are written, text or json."""

    def __init__(self, lines: Lines, form: str, number: int) -> None:
        self._lines = lines
        self._cut = -2 if form == "json" else -1
        self._end = f',"worker":{number}}}\n' if form == "json" else f" worker={number}\n"

    def write(self, line: str) -> None:
        """Pass a line on."""
        self._lines.write(line[: self._cut] + self._end)
