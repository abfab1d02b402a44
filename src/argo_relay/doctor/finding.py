"""What a check has found."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Final

import msgspec


class Check(StrEnum):
    """The checks, in the order in which they are made."""

    CONFIGURATION = "configuration"
    DNS = "DNS"
    TCP = "TCP"
    PROXY = "proxy"
    TLS = "TLS"
    MODELS = "models"
    CLOCK = "clock"
    GENERATION = "generation"


class Severity(StrEnum):
    """How bad it is; `skipped` says nothing of what was not looked at."""

    OK = "ok"
    SKIPPED = "skipped"
    WARNING = "warning"
    ERROR = "error"


_STATUS: Final = {Severity.OK: 0, Severity.SKIPPED: 0, Severity.WARNING: 1, Severity.ERROR: 2}


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One check's result: one line of what was found, and where it is not fine what to do, in whole sentences."""

    check: Check
    severity: Severity
    found: str
    advice: str | None = None


class Trouble(Exception):
    """A check has failed on which all later ones stand."""

    def __init__(self, check: Check, found: str, advice: str) -> None:
        super().__init__(found)
        self.finding = Finding(check=check, severity=Severity.ERROR, found=found, advice=advice)


def status_of(findings: Iterable[Finding]) -> int:
    """Return the exit status: 0 when all is fine, 1 with warnings, 2 with errors."""
    return max((_STATUS[finding.severity] for finding in findings), default=0)


def fine(check: Check, found: str) -> Finding:
    """Return the finding of a check that is content."""
    return Finding(check=check, severity=Severity.OK, found=found)


def skipped(check: Check, why: str, advice: str | None = None) -> Finding:
    """Return the finding of a check that was not made."""
    return Finding(check=check, severity=Severity.SKIPPED, found=f"not checked, because {why}", advice=advice)
