"""A command at a terminal: what a person would see, and type."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

PATIENCE = 20.0


class Terminal:
    """A command whose standard streams are all one terminal; gone at the end of its block."""

    def __init__(self, command: Sequence[str], home: Path, env: Mapping[str, str] | None = None) -> None:
        self.shown = ""
        self._read = 0
        self._master, slave = pty.openpty()
        self.process = subprocess.Popen(
            command,
            cwd=home,
            env={"PATH": os.environ["PATH"], "HOME": str(home), "TERM": "dumb", "COLUMNS": "120", **(env or {})},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(PATIENCE)
        if self._master >= 0:
            os.close(self._master)

    def expect(self, text: str) -> str:
        """Read until `text` has been shown after what was expected last; return all from there to its end."""
        deadline = time.monotonic() + PATIENCE
        while (at := self.shown.find(text, self._read)) < 0:
            assert self._fill(deadline), f"{text!r} was never shown: {self.shown[self._read :]!r}"
        start, self._read = self._read, at + len(text)
        return self.shown[start : self._read]

    def type(self, line: str) -> None:
        os.write(self._master, line.encode() + b"\n")

    def hang_up(self) -> None:
        """Close the terminal, and tell the command as a shell does."""
        os.close(self._master)
        self._master = -1
        self.process.send_signal(signal.SIGHUP)

    def finish(self, number: signal.Signals | None = None) -> int:
        """Send a signal, if any, read to the end and return the exit code."""
        if number is not None:
            self.process.send_signal(number)
        deadline = time.monotonic() + PATIENCE
        while self._fill(deadline):
            pass
        return self.process.wait(PATIENCE)

    def _fill(self, deadline: float) -> bool:
        """Read what has been written, waiting for it; False when there will be no more, or not in time."""
        ready, _, _ = select.select([self._master], [], [], max(0.0, deadline - time.monotonic()))
        if not ready:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:  # Linux: the other side is gone
            return False
        self.shown += data.decode(errors="replace").replace("\r\n", "\n")
        return bool(data)
