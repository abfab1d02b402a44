"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

config_option = click.option(
    "--config",
    "config_file",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The configuration file, in place of the one that is searched for.",
)
"""Gives the command `config_file: Path | None`; `config.load.load` says what is wrong with it."""

json_option = click.option("--json", "as_json", is_flag=True, help="Write JSON, and nothing else, to standard output.")
"""Gives the command `as_json: bool`."""
