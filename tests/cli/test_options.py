from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from argo_relay.cli.options import config_option, json_option


@click.command()
@config_option
@json_option
def command(config_file: Path | None, *, as_json: bool) -> None:
    click.echo(f"{config_file!r} {as_json}")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [([], "None False"), (["--config", "a/b.yaml"], f"{Path('a/b.yaml')!r} False"), (["--json"], "None True")],
)
def test_options_reach_the_command(arguments: list[str], said: str) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.stdout == f"{said}\n"
