"""Cores: what the process is bound to, and what control groups leave of them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from argo_relay.workers import cores as module
from argo_relay.workers.cores import cores, quota_at

GROUPS: dict[str, tuple[str, Mapping[str, str], float | None]] = {
    "none at all": ("", {}, None),
    "no quota": ("0::/\n", {"cpu.max": "max 100000\n"}, None),
    "a container's own": ("0::/\n", {"cpu.max": "150000 100000\n"}, 1.5),
    "a service's": ("0::/system.slice/relay.service\n", {"system.slice/relay.service/cpu.max": "200000 100000"}, 2),
    "one above": ("0::/a/b\n", {"a/cpu.max": "50000 100000", "a/b/cpu.max": "max 100000"}, 0.5),
    "version 1": (
        "4:cpu,cpuacct:/\n",
        {"cpu/cpu.cfs_quota_us": "300000\n", "cpu/cpu.cfs_period_us": "100000\n"},
        3,
    ),
    "version 1 without": ("4:cpu:/\n", {"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
    "nonsense": ("0::/\n", {"cpu.max": "many"}, None),
}


@pytest.mark.parametrize("case", GROUPS)
def test_a_quota_is_found_wherever_it_is_set(case: str, tmp_path: Path) -> None:
    membership, files, quota = GROUPS[case]
    mount = tmp_path / "cgroup"
    for name, text in files.items():
        (mount / name).parent.mkdir(parents=True, exist_ok=True)
        (mount / name).write_text(text)
    (tmp_path / "own").write_text(membership)
    assert quota_at(mount, tmp_path / "own") == quota


@pytest.mark.parametrize(("quota", "count"), [(None, 4), (0.5, 1), (1.5, 2), (2.0, 2), (9.0, 4)])
def test_as_many_as_both_allow(quota: float | None, count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    monkeypatch.setattr(module, "quota_at", lambda *_: quota)
    assert cores() == count


def test_there_is_one_at_least() -> None:
    assert 1 <= cores() <= (os.cpu_count() or 1)
