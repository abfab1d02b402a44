"""How a process that serves is set up: its event loop, its memory, its log."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
from typing import Any, Final

from argo_relay.errors import StartError

# The numbers of `mallopt` (https://man7.org/linux/man-pages/man3/mallopt.3.html).
_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BLOCK: Final = 1024 * 1024
_HEAP_TOP: Final = 2 * 1024 * 1024


def loop_factory() -> Any:
    """Return what makes the event loop; None: Python's own."""
    if sys.platform == "win32":
        return None
    import uvloop  # noqa: PLC0415 - there is none on Windows

    return uvloop.new_event_loop


def settle_memory() -> None:
    """Have a process that is about to serve keep little, and stand still for a short time only to find out what."""
    _return_large_blocks()
    _calm_collector()


def _return_large_blocks() -> None:
    """Have what a large request took given back to the system as soon as it is freed.

    Else glibc asks for pages of a block's own only from the size on of the largest that was ever freed, up to 32 MiB.
    All others lie in the heap, where one small block above keeps them: after some requests of 20 MiB 92 MiB stayed, and
    38 do now. The heap's top may keep so much that requests of 250 KB do not have it fetched anew each time, which took
    them 15 % longer.
    """
    if sys.platform == "linux" and (mallopt := getattr(ctypes.CDLL(None), "mallopt", None)):
        mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)
        mallopt(_M_TRIM_THRESHOLD, _HEAP_TOP)


def _calm_collector() -> None:
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
