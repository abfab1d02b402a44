"""All sources put together: file, then environment, then command line; the last word wins, every word is checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from argo_relay.config.check import Findings, check_document, value_in
from argo_relay.config.check import Path as KeyPath
from argo_relay.config.conflicts import find_conflicts, find_idle
from argo_relay.config.document import read_document
from argo_relay.config.environment import read_environment
from argo_relay.config.keys import KEYS
from argo_relay.config.schema import Config, masked
from argo_relay.config.search import Searched, find, read_file
from argo_relay.errors import ConfigError

_KEYS = {key.name: key for key in KEYS}


class Loaded(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration, and how it came about."""

    config: Config
    origins: dict[str, str]
    """For each dotted key `default`, `file PATH:LINE`, `env NAME` or `flag --NAME`; of rows only what is set."""
    path: Path | None
    """The file in use."""
    searched: tuple[Searched, ...]
    warnings: tuple[str, ...]


def load(
    *,
    config: Path | None = None,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, object] | None = None,
    flags: Mapping[str, str] | None = None,
    directory: Path | None = None,
) -> Loaded:
    """Find the file, read every source, and return the configuration; raise ConfigError with all problems at once.

    `overrides` maps dotted keys to values or texts; None means not given. Each is called after the flag that `flags`
    names for it, else `--` and the key's last part. `environ` is the process's own and `directory` (where to look for
    the file) the working directory when not given.
    """
    environ = os.environ if environ is None else environ
    findings = Findings()
    path: Path | None = None
    searched: tuple[Searched, ...] = ()
    mode = 0
    try:
        path, searched = find(config, environ, directory or Path())
        mode = _read(path, findings) if path else 0
    except ConfigError as error:
        findings.problems += error.problems
    exposed = _exposed(path, mode, findings)
    read_environment(environ, findings)
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    _read_overrides(given, flags or {}, findings)
    loaded = _built(findings)
    find_conflicts(loaded, findings)
    if findings.problems:
        raise ConfigError(findings.problems)
    origins = {key.name: "default" for key in KEYS}
    origins |= {".".join(key): setting.origin for key, setting in findings.settings.items()}
    warnings = (*exposed, *find_idle(loaded, findings))
    return Loaded(config=loaded, origins=origins, path=path, searched=searched, warnings=warnings)


def check_values(values: Mapping[str, object]) -> None:
    """Raise ConfigError when values by dotted key, which are about to be written to a file, would not be accepted."""
    findings = Findings()
    _read_overrides(values, {}, findings)
    find_conflicts(_built(findings), findings)
    if findings.problems:
        raise ConfigError(findings.problems)


def _read(path: Path, findings: Findings) -> int:
    """Take a file's settings, its problems in the order of its lines; return the file's permission bits."""
    file = read_file(path)
    node, faults = read_document(file.text)
    within = Findings()
    check_document(node, str(path), within)
    for line, what in faults:
        within.tell(f"{path}:{line}", what)
    findings.problems += sorted(within.problems, key=lambda problem: _line(problem, str(path)))
    findings.add(within)
    return file.mode


def _line(problem: str, path: str) -> int:
    return int(problem.removeprefix(f"{path}:").partition(":")[0])


def _read_overrides(overrides: Mapping[str, object], flags: Mapping[str, str], findings: Findings) -> None:
    for name, value in overrides.items():
        key = _KEYS[name]
        origin = f"flag {flags.get(name, '--' + key.path[-1].replace('_', '-'))}"
        findings.take(key, key.path, value_in(key.kind, value) if isinstance(value, str) else value, origin)


def _built(findings: Findings) -> Config:
    tree: dict[str, Any] = {}
    for path in findings.rows:
        _group(tree, path)
    for path, setting in findings.settings.items():
        _group(tree, path[:-1])[path[-1]] = setting.value
    for key in KEYS:
        needed = {member.name for member in key.rows if member.needed}
        if key.rows and key.name in tree:
            # A row without them has its problem told already.
            tree[key.name] = {name: row for name, row in tree[key.name].items() if needed <= row.keys()}
    return msgspec.convert(tree, Config)


def _group(tree: dict[str, Any], path: KeyPath) -> dict[str, Any]:
    for part in path:
        tree = tree.setdefault(part, {})
    return tree


def _exposed(path: Path | None, mode: int, findings: Findings) -> tuple[str, ...]:
    if path is None or not mode & 0o077:
        return ()
    held = [f"`{name}`" for name in ("keys", "users") if (setting := findings.settings.get((name,))) and setting.value]
    proxies = [setting.value for key, setting in findings.settings.items() if key[-1] == "proxy"]
    if any(masked(proxy) != proxy for proxy in proxies):
        held.append("a proxy's password")
    if not held:
        return ()
    what = " and ".join(held)
    return (f"{path} holds {what}, and others on this machine can read it (mode {mode:04o}): chmod 600 {path}",)
