"""The models Argo is known to have, read from the packaged `catalogue.toml`."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from argo_relay.models.names import slug
from argo_relay.models.profile import Kind, Profile


class Row(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of the catalogue; a mistake in it is an error on first use, which the tests see."""

    id: str
    display: str
    owner: Literal["openai", "anthropic", "google"]
    kind: Kind = "chat"
    retired: bool = False
    names: tuple[str, ...] = ()
    successors: tuple[str, ...] = ()


class Sheet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    models: tuple[Row, ...]


@cache
def catalogue() -> tuple[Profile, ...]:
    """Return every known model, retired ones too, in the file's order."""
    import tomllib  # noqa: PLC0415 - only a process that resolves names pays for it

    text = Path(__file__).with_name("catalogue.toml").read_text(encoding="utf-8")
    sheet = msgspec.convert(tomllib.loads(text), Sheet)
    return tuple(
        Profile(
            internal_id=row.id,
            public_id=f"argo:{slug(row.display)}",
            display=row.display,
            owner=row.owner,
            kind=row.kind,
            retired=row.retired,
            names=row.names,
            successors=row.successors,
        )
        for row in sheet.models
    )
