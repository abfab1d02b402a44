"""What signals mean to a process that serves."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def heeding_signals(stop: Callable[[], object], hang_up: Callable[[], object]) -> Iterator[None]:
    """Call `stop` on SIGINT and SIGTERM, and `hang_up` on SIGHUP, while the block runs; no signal ends the process.

    When the terminal that it was started from is gone, SIGHUP stops, as everybody expects.
    """
    loop = asyncio.get_running_loop()
    on_terminal = sys.stderr.isatty()

    def hung_up() -> None:
        if on_terminal and not sys.stderr.isatty():
            stop()
        else:
            hang_up()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    loop.add_signal_handler(signal.SIGHUP, hung_up)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.remove_signal_handler(number)
