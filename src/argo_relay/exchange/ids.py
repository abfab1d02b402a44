"""Ids for requests whose clients give none: drawn many at a time, as each call of the system's takes longer."""

from __future__ import annotations

import os
from typing import Final

_BYTES: Final = 12
_AT_ONCE: Final = 128

_drawn: list[str] = []
if hasattr(os, "register_at_fork"):
    # Two processes must not go on from the same ones.
    os.register_at_fork(after_in_child=_drawn.clear)


def new_id() -> str:
    """Return an id that nobody can guess, and that no other process draws."""
    if not _drawn:
        text = os.urandom(_BYTES * _AT_ONCE).hex()
        _drawn.extend(text[at : at + 2 * _BYTES] for at in range(0, len(text), 2 * _BYTES))
    return f"req_{_drawn.pop()}"
