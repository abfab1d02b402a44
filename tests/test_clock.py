from __future__ import annotations

import time

import pytest

from argo_relay.clock import Clock, SystemClock


def test_time_is_measured_with_a_clock_that_only_moves_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 12.5)
    monkeypatch.setattr(time, "time", lambda: 1_800_000_000.25)
    clock: Clock = SystemClock()
    assert clock.now() == 12.5
    assert clock.wall() == 1_800_000_000.25


def test_time_moves_forward() -> None:
    clock: Clock = SystemClock()
    moments = [clock.now() for _ in range(100)]
    assert moments == sorted(moments)
    # Later than when this was written: seconds since 1970, not since the machine started.
    assert clock.wall() > 1_700_000_000
