"""The clock and the models, without a network; the command's own tests have one."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest

from argo_relay.clock import SystemClock
from argo_relay.config.load import load
from argo_relay.doctor.case import Case, case_of
from argo_relay.doctor.finding import Severity, Trouble
from argo_relay.doctor.service import Overheard, check_clock, check_models
from argo_relay.exchange.directory import Directory
from support.stage import FakeUpstream, Play

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def case() -> Case:
    loaded = load(environ={"HOME": "/nowhere"}, overrides={"user": "jdoe"})
    return case_of(loaded, {}, SystemClock(), paid=False, model=None)


def heard(case: Case, date: str | None, off: float = 0) -> Overheard:
    listening = Overheard(FakeUpstream(Play()), case)
    listening.date, listening.at = date, NOON.timestamp() + off
    return listening


@pytest.mark.parametrize(
    ("off", "severity", "says"),
    [
        (0, Severity.OK, "agree within 1 s"),
        (-59.5, Severity.OK, "agree within 60 s"),
        (61, Severity.WARNING, "1 minute ahead of"),
        (-3600, Severity.WARNING, "1 hour behind"),
        (90000, Severity.WARNING, "1 day 1 hour ahead of"),
        (-7320, Severity.WARNING, "2 hours 2 minutes behind"),
    ],
)
def test_a_clock(case: Case, off: float, severity: Severity, says: str) -> None:
    finding = check_clock(heard(case, format_datetime(NOON, usegmt=True), off))
    assert finding is not None
    assert finding.severity is severity
    assert says in finding.found


@pytest.mark.parametrize("date", [None, "", "yesterday", "Wed, 99 Nov 2026 12:00:00 GMT"])
def test_no_time_is_told(case: Case, date: str | None) -> None:
    assert check_clock(heard(case, date)) is None


async def test_models_that_do_not_come(case: Case) -> None:
    listening = Overheard(FakeUpstream(Play(status=503)), case)
    with pytest.raises(Trouble) as failed:
        await check_models(case, Directory(case.upstream, listening, SystemClock()), listening)
    assert listening.status == 503
    assert "503" in failed.value.finding.found
    assert "in trouble" in str(failed.value.finding.advice)
