"""Where the configuration file is: four places in a fixed order, and what was found at each."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from argo_relay.config.key import FILE_NAME, PREFIX
from argo_relay.errors import ConfigError

FILE_VARIABLE: Final = f"{PREFIX}CONFIG"
_LARGEST: Final = 2**20


class Searched(msgspec.Struct, frozen=True, kw_only=True):
    """One place, and what was found there."""

    source: str
    path: str | None
    outcome: str


class FileText(msgspec.Struct, frozen=True, kw_only=True):
    """What a file holds, and who else may read it (the permission bits; 0 for what is no ordinary file)."""

    text: str
    mode: int


def find(given: Path | None, environ: Mapping[str, str], directory: Path) -> tuple[Path | None, tuple[Searched, ...]]:
    """Return the file in use, if any, and all places in order.

    `given` and the environment's file must exist: ConfigError when not. An empty variable counts as not set.
    """
    named = environ.get(FILE_VARIABLE)
    home = home_file(environ)
    places = (
        ("--config", given, "not given"),
        (f"${FILE_VARIABLE}", Path(named) if named else None, "not set"),
        ("working directory", directory / FILE_NAME, ""),
        ("user's configuration", home, "no home directory is known"),
    )
    used: Path | None = None
    searched = []
    for rank, (source, path, absent) in enumerate(places):
        outcome = absent
        if path is not None:
            outcome = "not looked at: an earlier one is used" if used else _outcome(source, path, must=rank < 2)
            used = path if outcome == "used" else used
        searched.append(Searched(source=source, path=None if path is None else str(path), outcome=outcome))
    return used, tuple(searched)


def home_file(environ: Mapping[str, str]) -> Path | None:
    """Return where a user's own file belongs, whether it exists or not; None when there is no home directory.

    A relative XDG_CONFIG_HOME is to be ignored (https://specifications.freedesktop.org/basedir-spec/latest/#basics).
    """
    base = environ.get("XDG_CONFIG_HOME", "")
    if base.startswith("/"):
        return Path(base, "argo-relay", FILE_NAME)
    try:
        home = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    except RuntimeError:
        return None
    return home / ".config" / "argo-relay" / FILE_NAME


def read_file(path: Path) -> FileText:
    """Return a file's text; raise ConfigError when it cannot be read, is not UTF-8 or is no configuration at all."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: it cannot be read: {_reason(error)}"]) from None
    if len(content) > _LARGEST:
        raise ConfigError([f"{path}: it is larger than 1 MiB, so it is not a configuration file"])
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigError([f"{path}:{line}: it is not UTF-8 text"]) from None
    return FileText(text=text, mode=stat.S_IMODE(status.st_mode) if stat.S_ISREG(status.st_mode) else 0)


def _outcome(source: str, path: Path, *, must: bool) -> str:
    """Say what is at a place; one that cannot be looked at is a problem, for it may hold the file that was meant."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if must:
            raise ConfigError([f"{path}: there is no such file (named by {source})"]) from None
        return "not there"
    except (OSError, ValueError) as error:
        raise ConfigError([f"{path}: it cannot be read: {_reason(error)}"]) from None
    return "used"


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else "its name is not one a file can have"
