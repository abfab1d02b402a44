"""How a process that serves is set up: its event loop, its garbage collector, its log."""

from __future__ import annotations

import gc
import os
import sys
from typing import Any

from argo_relay.errors import StartError


def loop_factory() -> Any:
    """Return what makes the event loop; None: Python's own."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop


def calm_collector() -> None:
    """Have the garbage collector run less often, and never look at what start-up made.

    With hundreds of streams open it took a quarter of the processor time otherwise (py-spy, 500 streams). But all
    stands still while it runs, timers too, and half a million objects at once took it a second (`proofs/chaos.py`): it
    must not wait for more than a few ten thousand.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(5_000, 5, 10)


def log_descriptor(file: str) -> int:
    """Open the log; raise StartError when that cannot be."""
    try:
        # Appended to for as long as the process lives; 0600, for model names are private.
        return os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    except OSError as error:
        raise StartError(f"Cannot write the log to {file}: {error.strerror}.") from None
