"""A configuration file put on disk: 0600 from its first moment, whole or not at all, never over another unasked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from argo_relay.config.load import check_values
from argo_relay.config.search import home_file
from argo_relay.config.template import template
from argo_relay.errors import ConfigError


def write_config(path: Path, values: Mapping[str, object], *, force: bool = False) -> None:
    """Write the commented file with `values` set, by dotted key (None: null); all others are as by default.

    Directories that are missing are made with mode 0700. Raises ConfigError when a value would not be accepted, when
    there is a file already and `force` is not given, and when the system refuses.
    """
    check_values(values)
    content = template(values).encode()
    try:
        if force:
            # Through a symbolic link: its target changes, the link stays.
            _replace(path.resolve(), content)
        else:
            _make_directories(path.parent)
            _create(path, content)
    except FileExistsError:
        raise occupied(path) from None
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError([f"{path}: it cannot be written: {reason}"]) from None


def free_place(target: Path | None, environ: Mapping[str, str], *, force: bool = False) -> Path:
    """Return where to write: `target`, else the user's own file; ConfigError when that is nowhere, or taken."""
    place = target or home_file(environ)
    if place is None:
        raise ConfigError(["no home directory is known: pass --path PATH"])
    if os.path.lexists(place) and not force:
        raise occupied(place)
    return place


def occupied(path: Path) -> ConfigError:
    """Return the error for a file that is there already, for callers that look before they ask questions."""
    return ConfigError([f"{path}: there is a file already; pass --force to replace it"])


def _make_directories(directory: Path) -> None:
    # Path.mkdir(parents=True, mode=...) gives the mode to the last one only.
    for missing in reversed([place for place in (directory, *directory.parents) if not place.exists()]):
        missing.mkdir(mode=0o700, exist_ok=True)


def _create(path: Path, content: bytes) -> None:
    """Make a new file; a half-written one is taken away again."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _replace(path: Path, content: bytes) -> None:
    """Put a new file in an old one's place in one step; `path` is no symbolic link."""
    _make_directories(path.parent)
    if path.is_dir():
        raise IsADirectoryError(None, "it is a directory")
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    _create(beside, content)
    try:
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise
