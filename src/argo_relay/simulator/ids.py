"""Ids in the style of each vendor."""

from __future__ import annotations

import secrets
import string

from argo_relay.simulator.models import Model

_ALPHABET = string.ascii_letters + string.digits


def letters(count: int) -> str:
    """Return that many letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(count))


def call_id(model: Model) -> str:
    """Return a new tool call id in its vendor's style."""
    return f"toolu_vrtx_{letters(24)}" if model.owner == "anthropic" else f"call_{letters(24)}"


def chat_id(model: Model) -> str:
    """Return a new chat reply's id in its vendor's style."""
    if model.owner == "openai":
        return f"chatcmpl-{letters(29)}"
    return f"msg_vrtx_{letters(24)}" if model.owner == "anthropic" else letters(23)


def item_id(prefix: str) -> str:
    """Return a new id of the Responses API: resp, msg, rs, fc or ctc."""
    return f"{prefix}_{secrets.token_hex(25)}"


def request_id() -> str:
    """Return the id that Vertex gives a request, which Argo repeats in errors."""
    return f"req_vrtx_{letters(24)}"


def blocked_id(user: str | None, created: int) -> str:
    """Return the id of a denial: it names the user."""
    return f"msg_blocked_{user or ''}_{created}"
