"""The questions a first start needs; asked on standard error, and only where somebody can answer."""

from __future__ import annotations

import sys
from typing import get_args

import click

from argo_relay.config import kinds
from argo_relay.config.schema import Environment
from argo_relay.errors import ConfigError

ENVIRONMENTS: tuple[str, ...] = get_args(Environment)


def on_terminal() -> bool:
    """Tell whether a person can read a question and answer it."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def ask_user() -> str:
    """Return the Argo user name, asking until it can be one."""
    return str(click.prompt(f"Argo user name ({kinds.USER.expected})", value_proc=_user, err=True))


def ask_environment() -> str:
    """Return which of Argo's environments to use."""
    choice = click.Choice(ENVIRONMENTS)
    return str(click.prompt("Argo environment", type=choice, default=ENVIRONMENTS[0], err=True))


def _user(text: str) -> object:
    try:
        return kinds.USER.accept(text.strip())
    except ConfigError as error:
        raise click.BadParameter(str(error)) from None
