"""Whom Argo believes, and what it says to the others.

An Argo user is a bare domain name without a secret. Argo denies nobody with a status: the denial is an ordinary answer,
200 and zero tokens, whose id starts with `msg_blocked_`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

_DENIED = (
    "\n\n⚠️ **IMPORTANT AUTHENTICATION NOTICE FROM ARGO** ⚠️\n\n🚫 **ACCESS DENIED** 🚫\n\n"
    "{reason}\n\n ** END NOTICE FROM ARGO **\n\n"
)
_UNKNOWN = _DENIED.format(
    reason="The username '{user}' could not be validated as an authorized Argo Gateway API user. "
    "Please ensure you are providing a valid ANL domain user name in your API configuration."
)
_UNAUTHORISED = _DENIED.format(
    reason="The username '{user}' is not authorized to use the Argo Gateway API. "
    "Your ANL account was found but you do not appear in the authorized users list for your division."
)
_REVOKED = (
    "\n\n⚠️ **IMPORTANT USAGE NOTICE FROM ARGO** ⚠️\n\n🚫 **ACCESS REVOKED** 🚫\n\n"
    "Your Argo usage limit has been exceeded. Reason: Monthly limit exceeded. "
    "Please contact your Directorate Operations Officer for assistance.\n\n ** END NOTICE FROM ARGO **"
)

SPECIAL_USERS = {
    "denied": ("Argo does not take this user: an authentication notice", _UNKNOWN),
    "quota": ("this user has spent the month's quota: a usage notice", _REVOKED),
    "nobody": ("the same as denied", _UNKNOWN),
    "stranger": ("Argo knows this user, who may not use it: an authentication notice", _UNAUTHORISED),
    "overdrawn": ("the same as quota", _REVOKED),
}
"""Users that Argo turns away: why, and in which words."""

_VALID = re.compile(r"[a-z][a-z0-9._-]{0,31}")
_BEARER = re.compile(r"bearer\s+(\S.*)", re.IGNORECASE)


class Carriers(msgspec.Struct, frozen=True, kw_only=True):
    """What may name the user, besides the body's `user`."""

    bearer: bool = True
    key: bool = False
    """`x-api-key`."""


BEARER = Carriers()
"""On most routes."""


def user_of(headers: Mapping[str, str], body: object, carriers: Carriers) -> str | None:
    """Return who asks: the bearer even where the body names a better `user`, as measured against production.

    That `x-api-key`, where it counts, comes between the two is inferred.
    """
    bearer = _BEARER.fullmatch(headers.get("authorization", "").strip())
    if carriers.bearer and bearer:
        return bearer[1]
    key = headers.get("x-api-key", "").strip()
    if carriers.key and key:
        return key
    user = body.get("user") if isinstance(body, dict) else None
    return user if isinstance(user, str) and user else None


def notice(user: str | None) -> str | None:
    """Return Argo's words to a user it turns away, or None for one it serves."""
    if user in SPECIAL_USERS:
        return SPECIAL_USERS[user][1].format(user=user)
    if user is None or not _VALID.fullmatch(user):
        return _UNKNOWN.format(user=user or "")
    return None
