"""How a seal travels through a client whose dialect has no field for it.

A seal whose issuer is not the owner of the field (or id) that it is written in is packed: a mark, then issuer, kind and
value as URL-safe base64, so that it may stand in ids as well. No memory in the process is needed, so that it works with
two workers and after a restart.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import Final

import msgspec

from argo_relay.neutral.content import Seal

_MARK: Final = "ar1_"
_TRACES: Final = (_MARK.encode(), base64.b64encode(_MARK.encode())[:5])
"""The mark in a client's bytes, and as Google's clients send it: base64 once more."""
_BETWEEN: Final = "__ar1_"


def pack(seal: Seal) -> str:
    """Return a seal as text of the characters A-Z a-z 0-9 _ and -."""
    # Not msgspec: half a surrogate pair has been seen in what upstreams send, and stays an escape here.
    inside = json.dumps((seal.issuer, seal.kind, seal.value), separators=(",", ":")).encode("ascii")
    return _MARK + base64.urlsafe_b64encode(inside).decode("ascii").rstrip("=")


def unpack(text: str) -> Seal | None:
    """Return the seal that `pack` made `text` of; None for any other text."""
    if not text.startswith(_MARK):
        return None
    inside = text[len(_MARK) :]
    try:
        said = json.loads(base64.urlsafe_b64decode(inside + "=" * (-len(inside) % 4)))
        issuer, kind, value = msgspec.convert(said, tuple[str, str, str])
        return msgspec.convert({"issuer": issuer, "kind": kind, "value": value}, Seal)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError):
        return None


def may_carry(body: bytes) -> bool:
    """Say whether a request's bytes may hold a packed seal: that of another issuer than the field's owner."""
    return any(trace in body for trace in _TRACES)


def written(seal: Seal, owner: str) -> str:
    """Return a seal's text for a field whose own seals are `owner`'s: bare for its issuer, packed for others."""
    return seal.value if seal.issuer == owner else pack(seal)


def with_seal(identifier: str, seal: Seal | None) -> str:
    """Return a tool call's id that carries a seal."""
    return identifier if seal is None else f"{identifier}{_BETWEEN}{pack(seal)[len(_MARK) :]}"


def without_seal(identifier: str) -> tuple[str, Seal | None]:
    """Return a tool call's own id and the seal that `with_seal` put into it."""
    bare, between, packed = identifier.partition(_BETWEEN)
    seal = unpack(_MARK + packed) if between else None
    return (identifier, None) if seal is None else (bare, seal)
