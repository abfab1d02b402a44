"""What came of a command, told in one way: results on standard output, all else on standard error."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import click
import msgspec

from argo_relay.errors import ConfigError, RelayError

# More than anybody mends at once: a file that is no configuration at all would fill the terminal.
_MOST: Final = 100


def report(error: RelayError) -> click.exceptions.Exit:
    """Print an error and return what the command raises to end.

    The exit code is 2 for a configuration that cannot be used, as for wrong options, and 1 for all else.
    """
    if not isinstance(error, ConfigError):
        click.echo(f"error: {_printable(str(error))}", err=True)
        return click.exceptions.Exit(1)
    if len(error.problems) == 1:
        click.echo(f"error: {_printable(error.problems[0])}", err=True)
    else:
        click.echo(f"error: the configuration has {len(error.problems)} problems", err=True)
        for problem in error.problems[:_MOST]:
            click.echo(f"  {_printable(problem)}", err=True)
        if len(error.problems) > _MOST:
            click.echo(f"  and {len(error.problems) - _MOST} more", err=True)
    return click.exceptions.Exit(2)


def warn(warnings: Iterable[str]) -> None:
    """Print what is no error but should be known."""
    for warning in warnings:
        click.echo(f"warning: {_printable(warning)}", err=True)


def tell_written(place: Path, target: Path | None) -> None:
    """Say where the configuration went, and how to start with it; `target` is the place that was asked for, if any."""
    start = "argo-relay serve" + (f" --config {shlex.quote(str(target))}" if target else "")
    click.echo(f"wrote {place}; start with: {start}", err=True)


def write_json(value: object) -> None:
    """Write a value as JSON to standard output, which holds nothing else then."""
    click.echo(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _printable(text: str) -> str:
    """Keep a file's or a variable's odd name from steering the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)
