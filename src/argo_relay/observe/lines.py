"""Lines written to a stream that may not take them, while nobody waits for it.

What can be written without waiting is written at once. Only what a full pipe, or a terminal that is held, does not take
is left to a thread. A thread for all lines cost a request a third of its time: each turn of a busy event loop offers
the interpreter to the thread that waits for it, wakes it in vain, and takes it back (45 us; `bench/exchange.py`).
"""

from __future__ import annotations

import contextlib
import os
import socket
import stat
import threading
from collections.abc import Callable
from functools import partial
from typing import Final, Protocol

_MOST: Final = 10_000
"""Lines that wait at most; those that come beyond are counted, and the count is written when there is room again."""
_GATHER_SECONDS: Final = 0.05
"""For how long the thread leaves lines to gather after it has written some."""
_PATIENCE_SECONDS: Final = 1.0
WHOLE: Final = 4096
"""Bytes that a pipe takes in one piece: PIPE_BUF on Linux. What is appended to a file is never cut."""


class Stream(Protocol):
    """Where lines end up; all raise OSError."""

    def fileno(self) -> int:
        """Return its descriptor, where it has one."""
        ...

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
        self._opened = contextlib.ExitStack()
        self._put = _without_waiting(stream, self._opened)
        # The log of troubles may be written to from any thread, and from within a write: by what is being thrown away.
        self._turn = threading.RLock()
        self._waiting: list[str] = []
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self._idle = True
        """The thread has written all that was left to it, or there is none."""
        self._wake = threading.Event()
        self._closing = threading.Event()

    def write(self, line: str) -> None:
        """Have a line, which brings its own end, written: now, or else soon."""
        with self._turn:
            self._write(line)

    def close(self) -> None:
        """Wait until all is written, though not for long."""
        with self._turn:
            self._put = None
            self._opened.close()
        self._closing.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(_PATIENCE_SECONDS)

    def _write(self, line: str) -> None:
        if self._put is None or self._waiting or self._dropped or not self._idle:
            self._leave(line)
            return
        data = line.encode(errors="backslashreplace")
        try:
            # What is longer could be cut in the middle by another process that writes to the same pipe.
            taken = self._put(data) if len(data) <= WHOLE else 0
        except BlockingIOError:
            taken = 0
        except OSError:
            # The disk is full, or the reader has gone.
            return
        if taken < len(data):
            self._leave(data[taken:].decode(errors="replace"))

    def _leave(self, line: str) -> None:
        """Leave a line to the thread."""
        if len(self._waiting) >= _MOST:
            self._dropped += 1
            return
        if self._dropped:
            line = f"dropped={self._dropped}\n{line}"
            self._dropped = 0
        self._waiting.append(line)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="log", daemon=True)
            self._thread.start()
        elif self._idle:
            self._wake.set()

    def _run(self) -> None:
        while self._waiting or not self._closing.is_set():
            self._idle = False
            if self._waiting:
                self._write_out()
                self._closing.wait(_GATHER_SECONDS)
                continue
            self._wake.clear()
            # In this order: who leaves a line after the look sees that the thread must be woken.
            self._idle = True
            if not self._waiting and not self._closing.is_set():
                self._wake.wait()

    def _write_out(self) -> None:
        lines = self._waiting[:]
        del self._waiting[: len(lines)]
        for line in lines:
            # ValueError: somebody has closed the stream.
            with contextlib.suppress(OSError, ValueError):
                self._stream.write(line)
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def _without_waiting(stream: Stream, opened: contextlib.ExitStack) -> Callable[[bytes], int] | None:
    """Return what writes bytes as far as they are taken at once, and says how many were; None where nothing does.

    It has a descriptor of its own: whoever holds the stream's may want to wait on it, or close it.
    """
    try:
        file = stream.fileno()
        mode = os.fstat(file).st_mode
        if stat.S_ISSOCK(mode):
            # systemd's journal.
            connection = opened.enter_context(socket.socket(fileno=os.dup(file)))
            return lambda data: connection.send(data, socket.MSG_DONTWAIT)
        if stat.S_ISREG(mode):
            # What is written to a file is copied, and written to its disk later.
            own = os.dup(file)
        else:
            own = os.open(f"/proc/self/fd/{file}", os.O_WRONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except (OSError, ValueError, AttributeError):
        # Not even that: a stream without a descriptor, or a system without such files.
        return None
    opened.callback(os.close, own)
    return partial(os.write, own)
