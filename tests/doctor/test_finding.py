from __future__ import annotations

import msgspec
import pytest

from argo_relay.doctor.finding import Check, Finding, Severity, Trouble, fine, skipped, status_of


def finding(severity: Severity) -> Finding:
    return Finding(check=Check.DNS, severity=severity, found="found")


@pytest.mark.parametrize(
    ("severities", "status"),
    [
        ([], 0),
        ([Severity.OK, Severity.SKIPPED], 0),
        ([Severity.WARNING, Severity.OK], 1),
        ([Severity.WARNING, Severity.ERROR, Severity.SKIPPED], 2),
    ],
)
def test_the_worst_decides_the_exit_status(severities: list[Severity], status: int) -> None:
    assert status_of(map(finding, severities)) == status


def test_findings() -> None:
    assert fine(Check.TCP, "it works") == Finding(check=Check.TCP, severity=Severity.OK, found="it works")
    assert skipped(Check.TLS, "TCP failed").found == "not checked, because TCP failed"
    trouble = Trouble(Check.TLS, "expired", "Renew it.")
    assert trouble.finding == Finding(check=Check.TLS, severity=Severity.ERROR, found="expired", advice="Renew it.")


def test_a_finding_is_json() -> None:
    assert msgspec.json.encode(skipped(Check.TLS, "x")) == (
        b'{"check":"TLS","severity":"skipped","found":"not checked, because x","advice":null}'
    )
