"""Who may use the relay: client keys, and browsers' origins."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Final

from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind

KEY_HEADERS: Final = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
"""Every vendor's way to send a key; any of them is taken on every path."""


def check_origin(headers: Mapping[str, str], allowed: Sequence[str]) -> None:
    """Raise Refused (403) for a request that a web page makes, unless its origin is allowed.

    Browsers send `Origin` by themselves and pages cannot leave it out, so a page that the user merely visits cannot
    spend the user's quota through localhost.
    """
    origin = headers.get("origin")
    if origin is not None and origin.rstrip("/").lower() not in {one.rstrip("/").lower() for one in allowed}:
        raise Refused(
            Failure(
                kind=FailureKind.PERMISSION,
                status=403,
                code="origin_not_allowed",
                message="Requests from web pages are refused unless their origin is listed under `origins` "
                "in the configuration.",
                at_fault="client",
            )
        )


def check_key(headers: Mapping[str, str], keys: Sequence[str]) -> None:
    """Raise Refused (401) unless a request carries one of the keys; with none configured everybody may pass."""
    if not keys:
        return
    given = given_keys(headers)
    # Every key is compared, so that the time taken tells nothing.
    if not sum(same_key(given, key) for key in keys):
        raise Refused(
            Failure(
                kind=FailureKind.AUTHENTICATION,
                status=401,
                code="invalid_api_key",
                message="This relay asks for a client key: send one of its `keys` as `Authorization: Bearer KEY`, or "
                "as your vendor's SDK sends its API key.",
                at_fault="client",
            )
        )


def given_keys(headers: Mapping[str, str]) -> list[str]:
    """Return what a request shows as keys, in the order of KEY_HEADERS."""
    return [_bare(headers[name]) for name in KEY_HEADERS if name in headers]


def same_key(given: Sequence[str], key: str) -> bool:
    """Say whether a key is among those given, each compared in constant time."""
    return sum(hmac.compare_digest(one.encode(), key.encode()) for one in given) > 0


def _bare(value: str) -> str:
    scheme, _, token = value.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else value.strip()
