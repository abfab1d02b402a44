"""`argo-relay config import`: argo-proxy's configuration becomes ours, and each key is told of."""

from __future__ import annotations

import contextlib
import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from textwrap import wrap

import click

from argo_relay.cli.options import json_option
from argo_relay.cli.report import report, tell_written, write_json
from argo_relay.config.imported import Imported, Row, read_old
from argo_relay.config.search import read_file
from argo_relay.config.write import free_place, write_config
from argo_relay.errors import ConfigError
from argo_relay.upstreams.argo.environments import ENVIRONMENTS


@click.command("import")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--path", "target", type=click.Path(path_type=Path), help="Where to write it, if not the usual place.")
@click.option("--force", is_flag=True, help="Replace the file if there is one.")
@click.option("--dry-run", is_flag=True, help="Only tell what would become of each key.")
@json_option
def import_(file: Path | None, target: Path | None, *, force: bool, dry_run: bool, as_json: bool) -> None:
    """Write a file from argo-proxy's.

    FILE may be of its versions 1, 2 or 3. Without FILE it is looked for where argo-proxy did: ./config.yaml,
    ~/.config/argoproxy/config.yaml, ~/.argoproxy/config.yaml. The old file is left as it is. Standard error tells of
    every key what became of it: taken, changed or dropped, and why. Exits with 2, and writes nothing, when the file
    cannot be used.
    """
    try:
        source = file or _found(os.environ)
        text = read_file(source).text
        place = _place(target, source, force=force or dry_run)
        stem = place.name.removesuffix(".yaml").removesuffix(".yml")
        log_file = str(place.absolute().with_name(f"{stem}.log"))
        imported = read_old(text, str(source), environments=ENVIRONMENTS, log_file=log_file)
        if not dry_run:
            write_config(place, imported.values, force=force)
    except ConfigError as error:
        raise report(error) from None
    if as_json:
        _write_json(source, place, imported, written=not dry_run)
    else:
        _tell(source, imported)
    if dry_run:
        click.echo(f"nothing is written: without --dry-run it would be {place}", err=True)
    else:
        tell_written(place, target)


def _found(environ: Mapping[str, str]) -> Path:
    """Return argo-proxy's file, where argo-proxy itself looks for it."""
    places = [Path("config.yaml")]
    with contextlib.suppress(RuntimeError):  # no home directory is known
        home = Path(environ.get("HOME") or "~").expanduser()
        places += [home / ".config" / "argoproxy" / "config.yaml", home / ".argoproxy" / "config.yaml"]
    for place in places:
        if _is_there(place):
            return place
    searched = ", ".join(map(str, places))
    raise ConfigError([f"there is no configuration of argo-proxy ({searched}): name it, argo-relay config import FILE"])


def _is_there(place: Path) -> bool:
    """Tell whether there is a file; one that cannot be looked at counts, for reading it will say why."""
    try:
        return place.exists()
    except OSError:
        return True


def _place(target: Path | None, source: Path, *, force: bool) -> Path:
    """Return where to write; never over the file that is imported."""
    place = free_place(target, os.environ, force=force)
    if _is_there(place) and place.samefile(source):
        raise ConfigError([f"{place}: it is the file to import: pass another --path"])
    return place


def _tell(source: Path, imported: Imported) -> None:
    """Write the report: a line a key, and below it the reason."""
    click.echo(f"{source}: argo-proxy's configuration, version {imported.version}", err=True)
    width = max(len(_name(row)) for row in imported.rows)
    for row in imported.rows:
        click.echo(f"  {_name(row):{width}}  {row.fate:7}  {row.text}".rstrip(), err=True)
        for line in wrap(row.reason, width=100, break_on_hyphens=False, break_long_words=False):
            click.echo(f"      {line}", err=True)
    counts = Counter(row.fate for row in imported.rows)
    click.echo(", ".join(f"{counts[fate]} {fate}" for fate in ("taken", "changed", "dropped")), err=True)


def _name(row: Row) -> str:
    key = row.key if row.key.isprintable() else ascii(row.key)
    return key if row.line else f"{key} (not set)"


def _write_json(source: Path, place: Path, imported: Imported, *, written: bool) -> None:
    rows = [
        {"key": row.key, "line": row.line, "fate": row.fate, "ours": dict(row.ours), "reason": row.reason}
        for row in imported.rows
    ]
    write_json(
        {
            "source": str(source.absolute()),
            "version": imported.version,
            "path": str(place.absolute()),
            "written": written,
            "values": imported.values,
            "rows": rows,
        }
    )
