from __future__ import annotations

import time

from argo_relay.clock import Clock, SystemClock


def test_time_is_measured_with_a_clock_that_only_moves_forward() -> None:
    assert time.get_clock_info("monotonic").monotonic
    clock = SystemClock()
    assert clock.now is time.monotonic
    assert clock.wall is time.time


def test_time_moves_forward() -> None:
    clock: Clock = SystemClock()
    moments = [clock.now() for _ in range(100)]
    assert moments == sorted(moments)
    # Later than when this was written: seconds since 1970, not since the machine started.
    assert clock.wall() > 1_700_000_000
