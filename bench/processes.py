"""What the processes of one session cost, from /proc, and whoever they have started, in sessions of their own too."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PARENT, _SESSION, _USER, _CHILDREN_SYSTEM, _RESIDENT = 1, 3, 11, 14, 21
"""Places of proc(5)'s fields, counted from the state, which follows the name."""

_IDLE: Final = 4
"""Its place in the first line of /proc/stat."""


def _of(session: int) -> list[list[str]]:
    """Return the fields of each process of a session, and of their descendants."""
    fields: dict[int, list[str]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):  # it has ended since
                fields[int(entry.name)] = (entry / "stat").read_text().rpartition(")")[2].split()
    found = {pid for pid, of in fields.items() if int(of[_SESSION]) == session}
    while more := {pid for pid, of in fields.items() if int(of[_PARENT]) in found} - found:
        found |= more
    return [fields[pid] for pid in found]


def cpu(session: int) -> float:
    """Return the seconds of CPU time, in user and in system, of all processes and of their children that have ended."""
    return sum(sum(map(int, fields[_USER : _CHILDREN_SYSTEM + 1])) for fields in _of(session)) / _TICKS


def resident(session: int) -> float:
    """Return the memory of all processes in MiB; what two share counts twice."""
    return sum(int(fields[_RESIDENT]) for fields in _of(session)) * _PAGE / 2**20


def idle() -> float:
    """Return the seconds that the machine's cores have had nothing to do, all together."""
    fields = Path("/proc/stat").read_text().partition("\n")[0].split()
    return int(fields[_IDLE]) / _TICKS
