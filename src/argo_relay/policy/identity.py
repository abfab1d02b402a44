"""In whose name a request is made: Argo takes a user's bare name for identity, and accounts to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from argo_relay.config.kinds import is_user
from argo_relay.config.named import asks_argo
from argo_relay.config.schema import Config
from argo_relay.errors import Refused
from argo_relay.neutral.failure import Failure, FailureKind
from argo_relay.policy.access import given_keys, same_key

_WHAT: Final = (
    "This relay asks Argo in each client's own name: send your Argo user name, the bare ANL domain name in lower case, "
    "as the API key (`Authorization: Bearer jdoe`)."
)
_MISSING: Final = Failure(
    kind=FailureKind.AUTHENTICATION, status=401, code="missing_user", message=_WHAT, at_fault="client"
)
_DOMAIN: Final = "@anl.gov"


def door_keys(config: Config) -> tuple[str, ...]:
    """Return the client keys that open the relay; none: it is open to all who reach it."""
    return (*config.keys, *config.users)


def needs_user(config: Config) -> bool:
    """Say whether there can be requests that only the configured `user` can stand for."""
    if not asks_argo(config) or config.identity == "client":
        return False
    return not config.users or any(key not in config.users for key in config.keys)


def user_of(config: Config, headers: Mapping[str, str]) -> str | None:
    """Return the Argo user whom a request belongs to; None where no upstream asks for one.

    A key of `users` says who it is. With `identity: client` any other key that is none of `keys` must be a name: raises
    Refused (401) for what is none, and where nothing says it. The key itself is never repeated.
    """
    if not asks_argo(config):
        return None
    if not config.users and config.identity == "user":
        return config.user
    given = given_keys(headers)
    known = [user for key, user in config.users.items() if same_key(given, key)]
    if known:
        return known[0]
    if config.identity == "user":
        return config.user
    return _named(config, given)


def _named(config: Config, given: list[str]) -> str:
    names = [one for one in given if one and one not in config.keys]
    user = next((name for name in names if is_user(name)), None)
    if user is not None:
        return user
    if names:
        raise Refused(_not_a_user(names[0]))
    if len(given) == 0 or config.user is None:
        raise Refused(_MISSING)
    return config.user


def _not_a_user(key: str) -> Failure:
    domain = f" Leave out `{_DOMAIN}`." if key.lower().endswith(_DOMAIN) else ""
    return Failure(
        kind=FailureKind.AUTHENTICATION,
        status=401,
        code="invalid_user",
        message=f"The API key that came is not an Argo user name.{domain} {_WHAT}",
        at_fault="client",
    )
