"""A configuration key: its name, its kind, its help, its default."""

from __future__ import annotations

from functools import reduce
from typing import Final

import msgspec

from argo_relay.config import routing
from argo_relay.config.kinds import Kind
from argo_relay.config.schema import Config

PREFIX: Final = "ARGO_RELAY_"
FILE_NAME: Final = "argo-relay.yaml"


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the table: a key, its Kind, and its help."""

    name: str
    """Dotted, from the top of the file (for `rows`: from the top of a row)."""
    kind: Kind
    meaning: str
    """Whole sentences; the default is added to them where they are shown."""
    example: str | None = None
    """A value as it is written in YAML, where the default does not show the form."""
    secret: bool = False
    rows: tuple[Key, ...] = ()
    """The keys of each row, when the key is a mapping of names to rows."""
    names: Kind = routing.ROW_OF_MODEL
    """What a row may be called."""
    needed: bool = False
    """Whether a row makes no sense without this key; a list in a row's place is taken for it."""

    @property
    def path(self) -> tuple[str, ...]:
        """The name's parts."""
        return tuple(self.name.split("."))

    @property
    def variable(self) -> str:
        """The environment variable that overrides the key."""
        return PREFIX + self.name.replace(".", "_").upper()

    @property
    def default(self) -> object:
        """The value when nobody sets one."""
        return value_at(Config(), self.path)


def value_at(struct: object, path: tuple[str, ...]) -> object:
    """Return the value of one key of a Config, or of one key of a row."""
    return reduce(getattr, path, struct)
