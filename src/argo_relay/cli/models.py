"""`argo-relay models`: what there is to ask for."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import click

from argo_relay.cli.model_sheet import print_sheet, sheet_of
from argo_relay.cli.names import check_names
from argo_relay.cli.options import config_option, json_option
from argo_relay.cli.report import report, warn, write_json
from argo_relay.cli.running import ask_running
from argo_relay.clock import SystemClock
from argo_relay.config.load import Loaded, load
from argo_relay.errors import RelayError
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.unknown import reason
from argo_relay.models.roster import Roster
from argo_relay.transport.client import HttpTransport
from argo_relay.transport.reach import reach_of
from argo_relay.upstreams.choose import upstream_of


@click.command()
@config_option
@click.option("--base-url", metavar="URL", help="Ask this upstream, in place of the configured one.")
@json_option
@click.argument("model", required=False)
def models(config_file: Path | None, base_url: str | None, model: str | None, *, as_json: bool) -> None:
    """List the models, as the upstream lists them now, and your aliases; or tell all of one MODEL, by any of its names.

    When it cannot be asked, a line on standard error says so; of Argo the built-in catalogue is listed then. Exits with
    1 when MODEL is none.
    """
    try:
        loaded = load(config=config_file, overrides={"upstream.base_url": base_url})
        warn(check_names(loaded.config))
        directory = asyncio.run(_ask(loaded))
    except RelayError as error:
        raise report(error) from None
    if directory.trouble:
        instead = "; this is the built-in catalogue" if loaded.config.upstream.kind == "argo" else ""
        warn([f"the upstream could not be asked ({directory.trouble}){instead}"])
    roster = directory.roster
    sheet = None
    if model is not None:
        sheet = sheet_of(loaded, directory, model, asyncio.run(ask_running(loaded.config, model)))
    if model is not None and sheet is None:
        raise report(RelayError(f"{reason(roster, model)} `argo-relay models` lists all."))
    if as_json:
        write_json(_rows(roster) if sheet is None else sheet)
    elif sheet is not None:
        print_sheet(sheet)
    elif sys.stdout.isatty():
        _print_table(roster)
    else:
        for row in _rows(roster):
            click.echo("\t".join(row.values()))


async def _ask(loaded: Loaded) -> Directory:
    config = loaded.config
    upstream = upstream_of(config.upstream, config.user, os.environ)
    transport = HttpTransport(reach_of(config.upstream, os.environ, upstream.base_url))
    try:
        directory = Directory(upstream, transport, SystemClock(), config.models, config.aliases)
        await directory.refresh()
    finally:
        await transport.close()
    return directory


def _rows(roster: Roster) -> list[dict[str, str]]:
    return [
        {"id": one.public_id, "name": one.display, "kind": one.kind, "owner": one.owner, "internal_id": one.internal_id}
        | ({"alias_of": one.alias_of} if one.alias_of else {})
        for one in roster.listed()
    ]


def _print_table(roster: Roster) -> None:
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    rows = _rows(roster)
    table = Table(box=None, header_style="bold", pad_edge=False)
    # On a narrow terminal all else may be cut, but not the name that is to be typed.
    table.add_column("ask for", no_wrap=True, min_width=max((len(row["id"]) for row in rows), default=0))
    for header in ("model", "kind", "made by", "Argo's id"):
        table.add_column(header, no_wrap=True)
    for row in rows:
        alias = row.pop("alias_of", None)
        table.add_row(*(row | ({"name": f"alias of {alias}"} if alias else {})).values())
    Console().print(table)
