"""What a model takes of a request's parameters, as rows; the packaged ones are read from `rules.toml`."""

from __future__ import annotations

from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

Deed = Literal["keep", "drop", "rename", "default", "nearest", "thinking"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do to one parameter. Which members a deed uses stands in the head of `rules.toml`.

    `keep` leaves the parameter alone, so that no later row touches it.
    """

    parameter: str
    """Its name in the upstream's dialect; `a.b` is a member of `a`."""
    do: Deed
    dialects: tuple[str, ...] = ()
    """The upstream's; empty: all."""
    unless: Any = None
    beside: str | None = None
    to: str | None = None
    value: Any = None
    values: tuple[str, ...] = ()
    source: str = ""
    origin: Literal["catalogue", "configuration", "learned"] = "catalogue"


class Row(Rule, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule and the models that it is for; a mistake in the file is an error on first use, which the tests see."""

    models: tuple[str, ...]


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    rules: tuple[Row, ...]


@cache
def known_rules(internal_id: str) -> tuple[Rule, ...]:
    """Return the packaged rows for a model, in the file's order."""
    return tuple(row for row in _rows() if any(fnmatchcase(internal_id, pattern) for pattern in row.models))


@cache
def _rows() -> tuple[Row, ...]:
    import tomllib  # noqa: PLC0415 - only a process that asks for rules pays for it

    text = Path(__file__).with_name("rules.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Sheet).rules
