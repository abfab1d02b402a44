"""`argo-relay config`: make, show, check and find the configuration."""

from __future__ import annotations

import os
from pathlib import Path

import click

from argo_relay.cli.importing import import_
from argo_relay.cli.names import check_names
from argo_relay.cli.options import config_option, json_option
from argo_relay.cli.questions import ENVIRONMENTS, ask_environment, ask_user, on_terminal
from argo_relay.cli.report import report, tell_written, warn, write_json
from argo_relay.config.explain import rows
from argo_relay.config.load import load
from argo_relay.config.search import Searched, find
from argo_relay.config.write import free_place, write_config
from argo_relay.errors import ConfigError


@click.group()
def config() -> None:
    """Make, show, check and find the configuration.

    The file is the first of: --config PATH, $ARGO_RELAY_CONFIG, ./argo-relay.yaml,
    $XDG_CONFIG_HOME/argo-relay/argo-relay.yaml. ARGO_RELAY_* variables go before it, options before both.
    """


@config.command()
@config_option
@json_option
def path(config_file: Path | None, *, as_json: bool) -> None:
    """Write the path of the file in use.

    Exits with 1 and tells where it looked when there is none.
    """
    try:
        used, searched = find(config_file, os.environ, Path())
    except ConfigError as error:
        raise report(error) from None
    if as_json:
        write_json({"path": used and str(used.absolute()), "searched": searched})
    elif used is not None:
        click.echo(used.absolute())
    if used is None:
        click.echo("there is no configuration file; searched:", err=True)
        for place in searched:
            click.echo(f"  {_place(place)}", err=True)
        click.echo("make one with: argo-relay config init", err=True)
        raise click.exceptions.Exit(1)


@config.command()
@config_option
@json_option
@click.option("--explain", is_flag=True, help="Say what each key is for.")
def show(config_file: Path | None, *, as_json: bool, explain: bool) -> None:
    """Write every key, its value, its origin.

    Client keys are only counted.
    """
    try:
        loaded = load(config=config_file)
    except ConfigError as error:
        raise report(error) from None
    warn(loaded.warnings)
    table = list(rows(loaded))
    if as_json:
        more = ("meaning",) if explain else ()
        write_json({row.key: {name: getattr(row, name) for name in ("value", "origin", *more)} for row in table})
        return
    keys, values = (max(map(len, column)) for column in ([row.key for row in table], [row.text for row in table]))
    for row in table:
        click.echo(f"{row.key:{keys}}  {row.text:{values}}  {row.origin}")
        if explain:
            click.echo(f"    {row.meaning}")


@config.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Say whether all of it is fine.

    Takes FILE, or else the file in use, and the environment. Exits with 2 and tells all problems when not.
    """
    try:
        loaded = load(config=file)
        unknown = check_names(loaded.config)
    except ConfigError as error:
        raise report(error) from None
    warn([*loaded.warnings, *unknown])
    click.echo(f"{loaded.path or 'there is no configuration file: the environment'} is fine", err=True)


@config.command()
@click.option("--path", "target", type=click.Path(path_type=Path), help="Where to write it, if not the usual place.")
@click.option("--user", help="Your Argo user name: the bare ANL domain name, lower case.")
@click.option("--environment", type=click.Choice(ENVIRONMENTS), help="Which of Argo's environments to use.")
@click.option("--port", type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
def init(target: Path | None, user: str | None, environment: str | None, port: int | None, *, force: bool) -> None:
    """Write a file that documents every key.

    Only you can read it. On a terminal the command asks for the user name and the environment when they are not given.
    """
    try:
        place = free_place(target, os.environ, force=force)
        answers = _answers(user, environment)
        given = {name: value for name, value in {**answers, "port": port}.items() if value is not None}
        write_config(place, given, force=force)
    except ConfigError as error:
        raise report(error) from None
    tell_written(place, target)


config.add_command(import_)


_UNANSWERED = (
    "there is no terminal to ask on: pass --user NAME (your ANL domain user name, lower case), and --environment "
    f"{'|'.join(ENVIRONMENTS)} unless {ENVIRONMENTS[0]} is right"
)


def _answers(user: str | None, environment: str | None) -> dict[str, str | None]:
    """Return the values that need a person, from the options or from the person."""
    if on_terminal():
        user = ask_user() if user is None else user
        environment = ask_environment() if environment is None else environment
    elif user is None:
        raise ConfigError([_UNANSWERED])
    return {"user": user, "upstream.environment": environment}


def _place(place: Searched) -> str:
    return f"{place.source}: {place.outcome}" if place.path is None else f"{place.source} {place.path}: {place.outcome}"
