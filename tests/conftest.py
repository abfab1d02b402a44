"""What holds for all tests."""

from __future__ import annotations

import asyncio

import pytest

from support import corpus

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
