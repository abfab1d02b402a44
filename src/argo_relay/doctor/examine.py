"""All checks in their order; what cannot work after an earlier failure is not asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from argo_relay.doctor.case import Case
from argo_relay.doctor.finding import Check, Finding, Severity, Trouble, fine, skipped
from argo_relay.doctor.generation import check_generation
from argo_relay.doctor.network import check_dns, check_proxy, check_tcp, check_tls
from argo_relay.doctor.service import Overheard, check_clock, check_models
from argo_relay.exchange.directory import Directory
from argo_relay.transport.client import HttpTransport

Tell = Callable[[Finding], None]

_CORRECT: Final = "Correct it; `argo-relay config check` says when it is fine, `argo-relay config show` what holds."
_NO_USER: Final = (
    "`argo-relay config init --user NAME` writes it down; NAME is your bare ANL domain name, lower case, without "
    "@anl.gov."
)
_FREE: Final = "it costs tokens; with --paid one word is asked for, and Argo says whether it accepts the user"


def unusable(problems: Sequence[str], tell: Tell) -> None:
    """Tell of a configuration that cannot be used, and that nothing else was looked at."""
    for number, problem in enumerate(problems, 1):
        advice = _CORRECT if number == len(problems) else None
        tell(Finding(check=Check.CONFIGURATION, severity=Severity.ERROR, found=problem, advice=advice))
    _skip_after(Check.CONFIGURATION, tell)


async def examine(case: Case, tell: Tell) -> None:
    """Make all checks, and tell of each as soon as it is made."""
    for finding in _configuration(case):
        tell(finding)
    try:
        await _network(case, tell)
        await _service(case, tell)
    except Trouble as trouble:
        tell(trouble.finding)
        _skip_after(trouble.finding.check, tell)


def _configuration(case: Case) -> list[Finding]:
    loaded, config = case.loaded, case.loaded.config
    place = str(loaded.path) if loaded.path else "no file; environment and defaults"
    warnings = [
        Finding(check=Check.CONFIGURATION, severity=Severity.WARNING, found=warning) for warning in loaded.warnings
    ]
    if case.row.kind != "argo":
        return [*warnings, fine(Check.CONFIGURATION, f"{place}; an upstream of the kind {case.row.kind}")]
    if config.user:
        return [*warnings, fine(Check.CONFIGURATION, f"{place}; Argo, in the name of {config.user}")]
    found = f"{place}; there is no `user`, and Argo answers nobody without one"
    return [*warnings, Finding(check=Check.CONFIGURATION, severity=Severity.ERROR, found=found, advice=_NO_USER)]


async def _network(case: Case, tell: Tell) -> None:
    tell(await check_dns(case))
    finding, writer = await check_tcp(case)
    tell(finding)
    proxy = case.reach.proxy
    if proxy is None:
        tell(fine(Check.PROXY, "none is used"))
    else:
        # The first connection has shown that somebody is there; the proxy's own begins anew.
        writer.transport.abort()
        finding, through = await check_proxy(case, proxy)
        tell(finding)
        writer = through or writer
    if case.secure:
        tell(await check_tls(case, writer))
    else:
        writer.transport.abort()
        tell(fine(Check.TLS, "none is used: the upstream's address begins with http://"))


async def _service(case: Case, tell: Tell) -> None:
    transport = HttpTransport(case.reach)
    heard = Overheard(transport, case)
    directory = Directory(case.upstream, heard, case.clock, case.loaded.config.models)
    try:
        tell(await check_models(case, directory, heard))
        tell(check_clock(heard) or skipped(Check.CLOCK, "the upstream does not say what time it is"))
        if not case.paid:
            tell(skipped(Check.GENERATION, _FREE))
        elif case.row.kind == "argo" and not case.loaded.config.user:
            tell(skipped(Check.GENERATION, "there is no `user`"))
        else:
            tell(await check_generation(case, directory))
    finally:
        await transport.close()


def _skip_after(failed: Check, tell: Tell) -> None:
    order = list(Check)
    for check in order[order.index(failed) + 1 :]:
        tell(skipped(check, f"{failed} failed"))
