"""What is known about one model."""

from __future__ import annotations

from typing import Literal

import msgspec

Kind = Literal["chat", "embedding"]


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """One model: what the upstream calls it, what clients call it, and what it is for.

    `owner` is who made it: openai, anthropic or google, else the upstream's own word for it, else unknown.
    """

    internal_id: str
    """What is sent upstream as `model`."""
    public_id: str
    """What `GET /v1/models` lists, such as `argo:claude-opus-4.7`; unique in its roster."""
    display: str
    """What people read, such as `Claude Opus 4.7`."""
    owner: str
    kind: Kind = "chat"
    retired: bool = False
    """Argo has withdrawn it; an upstream that lists it anyway makes this false."""
    successors: tuple[str, ...] = ()
    """Internal ids of what its vendor recommends in its place, the first choice first; of retired models only."""
    alias_of: str | None = None
    """The public id of the model that this is only another name for: a user's alias."""
    max_output: int | None = None
    """Output tokens that it can write at most, where known."""
    names: tuple[str, ...] = ()
    """Further names that the rules in `names` do not give."""
