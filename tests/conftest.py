"""What holds for all tests."""

from __future__ import annotations

import asyncio
import os

import pytest
from hypothesis import settings

from support import corpus

# The same examples in every run, so that a change is never stopped by what chance finds in code that it does not touch.
# New examples are for those who look for them: HYPOTHESIS_PROFILE=explore .venv/bin/pytest, and `make fuzz`.
settings.register_profile("gate", derandomize=True)
settings.register_profile("explore", derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "gate"))

# looptime asks for the event loop before synchronous tests as well. Without this asyncio would make one for it, which
# nobody closes and which a later test is blamed for; with it there is simply none.
asyncio.set_event_loop(None)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what each law counted, and when it had no recordings to look at."""
    reports = [report for reports in terminalreporter.stats.values() for report in reports]
    told = [
        str(said)
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, said in report.user_properties
        if name == "law"
    ]
    if told:
        terminalreporter.section("laws")
        for line in [*sorted(told), *([missing] if (missing := corpus.absent()) else [])]:
            terminalreporter.write_line(line)
