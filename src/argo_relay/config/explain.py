"""The effective configuration, key by key, for people and programs; secrets are masked before anything else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from argo_relay.config.key import Key, value_at
from argo_relay.config.keys import KEYS
from argo_relay.config.kinds import plain, plainest
from argo_relay.config.load import Loaded
from argo_relay.config.routing import step_text
from argo_relay.config.schema import Step, masked

_BARE: Final = re.compile(r"[A-Za-z][A-Za-z0-9/._-]*")
"""Words that YAML reads as they are, unless they have a meaning (`no`)."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One key: its value, fit for JSON and for showing, where that came from, and what the key is for."""

    key: str
    value: object
    origin: str
    meaning: str
    secret: bool

    @property
    def text(self) -> str:
        """The value in one line, as it is written in YAML; of secrets only how many there are."""
        if self.secret and isinstance(self.value, list) and self.value:
            return f"*** ({len(self.value)})"
        return written(self.value)


def rows(loaded: Loaded) -> Iterator[Row]:
    """Yield a row for every key; for each upstream and route all of theirs, for each model what is set for it."""
    for key in KEYS:
        value = value_at(loaded.config, key.path)
        if key.rows and isinstance(value, dict) and (within := list(_within(loaded, key, value))):
            yield from within
        else:
            yield _row(key, key.name, value, loaded)


def written(value: object) -> str:
    """Return a value as it is written in YAML, in one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written(name)}: {written(member)}" for name, member in value.items()) + "}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(written, value))}]"
    if not isinstance(value, str):
        return str(plainest(value))
    bare = _BARE.fullmatch(value) and plain(value) == value
    return value if bare else msgspec.json.encode(value).decode()


def _within(loaded: Loaded, key: Key, table: dict[str, object]) -> Iterator[Row]:
    for name, row in table.items():
        for member in key.rows:
            value = value_at(row, member.path)
            if value is not msgspec.UNSET:
                yield _row(member, f"{key.name}.{name}.{member.name}", value, loaded)


def _row(key: Key, name: str, value: object, loaded: Loaded) -> Row:
    value = masked(value) if key.secret else value
    if isinstance(value, tuple):
        value = [step_text(item) if isinstance(item, Step) else item for item in value]
    value = plainest(value) if isinstance(value, float) else value
    origin = loaded.origins.get(name, "default")
    return Row(key=name, value=value, origin=origin, meaning=key.meaning, secret=key.secret)
