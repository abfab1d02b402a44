"""The order of the checks, and what is left out after a failure."""

from __future__ import annotations

import socket
from dataclasses import dataclass, field

from argo_relay.clock import SystemClock
from argo_relay.config.load import load
from argo_relay.doctor.case import case_of
from argo_relay.doctor.examine import examine, unusable
from argo_relay.doctor.finding import Check, Finding, Severity


@dataclass
class Told:
    findings: list[Finding] = field(default_factory=list)

    def __call__(self, finding: Finding) -> None:
        self.findings.append(finding)

    def severities(self) -> list[tuple[Check, Severity]]:
        return [(finding.check, finding.severity) for finding in self.findings]


def test_each_problem_of_a_configuration_has_a_line_and_the_last_the_advice() -> None:
    told = Told()
    unusable(["a: wrong", "b: wrong"], told)
    assert [finding.found for finding in told.findings[:2]] == ["a: wrong", "b: wrong"]
    assert [bool(finding.advice) for finding in told.findings[:2]] == [False, True]
    assert [finding.check for finding in told.findings[1:]] == list(Check)
    assert {finding.found for finding in told.findings[2:]} == {"not checked, because configuration failed"}


async def test_what_cannot_work_is_not_asked() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        overrides = {"upstream.base_url": f"https://127.0.0.1:{closed.getsockname()[1]}"}
        loaded = load(environ={"HOME": "/nowhere"}, overrides=overrides)
        told = Told()
        await examine(case_of(loaded, {}, SystemClock(), paid=True, model=None), told)
    assert told.severities() == [
        (Check.CONFIGURATION, Severity.ERROR),
        (Check.DNS, Severity.OK),
        (Check.TCP, Severity.ERROR),
        *[(check, Severity.SKIPPED) for check in list(Check)[3:]],
    ]
    assert {finding.found for finding in told.findings[3:]} == {"not checked, because TCP failed"}
