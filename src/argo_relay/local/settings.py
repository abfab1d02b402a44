"""How the model is run, in numbers that were measured; see docs/local.md."""

from __future__ import annotations

import os
import secrets
from collections.abc import MutableMapping
from pathlib import Path
from typing import Final

import msgspec

MODEL_NAME: Final = "smollm2"
"""What clients call it."""
KEY_VARIABLE: Final = "LOCAL_MODEL_KEY"
"""The environment variable that holds the key which the relay and the model's server share; new at every start."""
_MOST_THREADS: Final = 4
"""A model this small gains nothing by more."""


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the model's process is told."""

    file: str
    name: str = MODEL_NAME
    threads: int = 1
    slots: int = 2
    """How many requests are answered at a time; others wait."""
    context: int = 8192
    """Tokens a request and its reply may have together: all that the model was trained for."""
    batch: int = 4
    """Tokens of a prompt read at once. A request can end between two batches only, and mostly ends after the second."""
    connections: int = 64
    """Each has a thread while it lasts, the waiting ones included."""


def settings_for(file: Path) -> Settings:
    """Return the settings for a model's file on this machine."""
    return Settings(file=str(file), threads=threads_of(_cores()))


def described(settings: Settings) -> str:
    """Return what the banner says of the model."""
    threads = "1 thread" if settings.threads == 1 else f"{settings.threads} threads"
    how = f"{settings.slots} requests at a time, {threads}"
    return f"{settings.name} on this machine ({Path(settings.file).name}, {how})"


def make_key(environ: MutableMapping[str, str]) -> None:
    """Put a new key where the model's process and the relay's upstream look for it."""
    environ[KEY_VARIABLE] = secrets.token_urlsafe()


def threads_of(cores: int) -> int:
    """Return how many threads compute: one core is left to the relay and its clients.

    They wait for each other at every step, spinning. Where each has not a core of its own that costs up to a hundred
    times the time: 1.2 s a token were seen with two threads on two busy cores, and 20 to 40 ms with one.
    """
    return max(1, min(_MOST_THREADS, cores - 1))


def _cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
