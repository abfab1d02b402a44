"""`argo-relay doctor`: what is wrong between here and the upstream, and what to do about it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from textwrap import wrap
from typing import Any, Final

import click
import msgspec

from argo_relay.cli.options import config_option, json_option
from argo_relay.clock import SystemClock
from argo_relay.config.load import load
from argo_relay.config.named import MAIN
from argo_relay.doctor.case import Case, case_of
from argo_relay.doctor.examine import Tell, examine, unusable
from argo_relay.doctor.finding import Check, Finding, Severity, status_of
from argo_relay.errors import ConfigError

_MARKS: Final = {
    Severity.OK: ("ok", "green"),
    Severity.SKIPPED: ("-", None),
    Severity.WARNING: ("warning", "yellow"),
    Severity.ERROR: ("ERROR", "red"),
}
_CHECKS: Final = max(map(len, Check))
_SCREEN: Final = 100


@click.command()
@config_option
@click.option("--base-url", metavar="URL", help="Examine this address, in place of the configured one.")
@click.option("--upstream", "name", metavar="NAME", default=MAIN, help="Examine this one of `upstreams`.")
@click.option("--paid", is_flag=True, help="Ask a model for one word, too; costs some tokens.")
@click.option("--model", metavar="NAME", help="The model that --paid asks, in place of the cheapest.")
@json_option
def doctor(config_file: Path | None, base_url: str | None, *, as_json: bool, **options: Any) -> None:
    """Find out why the upstream cannot be reached.

    Looks at the configuration, the name, the connection, the proxy, TLS, the models and the clock, and says of each
    what it found and what to do. Exits with 0 when all is fine, 1 with warnings, 2 with errors.
    """
    if base_url is not None and options["name"] != MAIN:
        raise click.UsageError("--base-url is another address of the main upstream: leave --upstream out")
    findings: list[Finding] = []

    def tell(finding: Finding) -> None:
        findings.append(finding)
        if not as_json:
            _print(finding)

    try:
        loaded = load(config=config_file, overrides={"upstream.base_url": base_url})
        case = case_of(loaded, os.environ, SystemClock(), **options)
    except ConfigError as error:
        unusable(error.problems, tell)
    else:
        _examine(case, tell, quiet=as_json)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode({"checks": findings}), indent=2).decode())
    else:
        _print_advice(findings)
    raise click.exceptions.Exit(status_of(findings))


def _examine(case: Case, tell: Tell, *, quiet: bool) -> None:
    if not quiet:
        click.echo(f"The upstream is {case.upstream.base_url}.\n")
    asyncio.run(examine(case, tell))


def _print(finding: Finding) -> None:
    mark, colour = _MARKS[finding.severity]
    shown = click.style(f"{mark:<8}", fg=colour)
    found = "".join(char if char.isprintable() else "?" for char in finding.found)
    click.echo(f"{shown} {finding.check:<{_CHECKS}}  {found}")


def _print_advice(findings: list[Finding]) -> None:
    advised = [finding for finding in findings if finding.advice]
    click.echo("\nAll is fine." if status_of(findings) == 0 else "\nWhat to do:" if advised else "")
    for finding in advised:
        lines = wrap(f"{finding.check}: {finding.advice}", _SCREEN - 2, break_long_words=False, break_on_hyphens=False)
        click.echo("\n".join(f"  {line}" for line in lines))
