"""How many cores this process may use: those that it is bound to, or fewer by its control group's quota."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Final

_MOUNT: Final = Path("/sys/fs/cgroup")
_MEMBERSHIP: Final = Path("/proc/self/cgroup")


def cores() -> int:
    """Return their number, at least 1."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = quota_at(_MOUNT, _MEMBERSHIP)
    return bound if quota is None else max(1, min(bound, math.ceil(quota)))


def quota_at(mount: Path, membership: Path) -> float | None:
    """Return the cores that control groups leave to this process; None: all.

    Of version 2 each group above counts, too; of version 1 a container sees its own group as the root.
    https://docs.kernel.org/admin-guide/cgroup-v2.html#cpu-interface-files
    """
    groups = [mount]
    for line in _read(membership).splitlines():
        if line.startswith("0::/"):
            own = mount / line.removeprefix("0::/").strip()
            groups += [own, *(above for above in own.parents if above.is_relative_to(mount))]
    quotas = [found for group in dict.fromkeys(groups) if (found := _share(_read(group / "cpu.max"))) is not None]
    old = mount / "cpu"
    written = f"{_read(old / 'cpu.cfs_quota_us')} {_read(old / 'cpu.cfs_period_us')}"
    return min([*quotas, *([] if (first := _share(written)) is None else [first])], default=None)


def _share(written: str) -> float | None:
    """Return the cores for `QUOTA PERIOD`, both in microseconds; None where there is no quota."""
    match written.split():
        case [quota, period] if quota.isdigit() and period.isdigit() and int(period):
            return int(quota) / int(period)
    return None


def _read(file: Path) -> str:
    try:
        return file.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
