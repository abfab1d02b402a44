"""What is called on which signal; what a relay makes of it is shown in test_lifecycle."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterable

import pytest

from argo_relay.server.signals import heeding_signals
from support.serving import until


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_told_to_stop_each_time(number: signal.Signals) -> None:
    heard: list[str] = []
    with heeding_signals(lambda: heard.append("stop"), lambda: heard.append("hang up")):
        for count in (1, 2):
            signal.raise_signal(number)
            await until(lambda: len(heard) == count)  # noqa: B023 -- it is over before the next
    assert heard == ["stop", "stop"]


@pytest.mark.parametrize(
    ("terminal", "means"), [([False], "hang up"), ([True, True], "hang up"), ([True, False], "stop")]
)
async def test_a_hang_up_stops_when_the_terminal_is_gone(
    terminal: Iterable[bool], means: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = iter(terminal)
    heard: list[str] = []
    with monkeypatch.context() as patched:
        patched.setattr(sys.stderr, "isatty", lambda: next(seen))
        with heeding_signals(lambda: heard.append("stop"), lambda: heard.append("hang up")):
            signal.raise_signal(signal.SIGHUP)
            await until(lambda: heard)
    assert heard == [means]


async def test_afterwards_they_are_as_they_were() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with heeding_signals(lambda: None, lambda: None):
        await asyncio.sleep(0)
    assert signal.getsignal(signal.SIGTERM) == before
