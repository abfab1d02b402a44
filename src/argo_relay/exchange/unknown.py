"""What a client is told whose model is none: whether there was one, what took its place, and which names are close."""

from __future__ import annotations

from typing import Final

from argo_relay.config.explain import written
from argo_relay.models.names import bare
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster
from argo_relay.neutral.failure import Failure, FailureKind

_SHOWN_NAME: Final = 80


def unknown(roster: Roster, name: str) -> Failure:
    """Return the 404 for a name that means no model on offer."""
    return Failure(
        kind=FailureKind.NOT_FOUND,
        status=404,
        code="model_not_found",
        param="model",
        message=f"{reason(roster, name)} GET /v1/models lists all.",
        at_fault="client",
    )


def reason(roster: Roster, name: str) -> str:
    """Return why a name means no model on offer, and what to do about it, in whole sentences."""
    target = roster.target(name)
    if target is None:
        return _why(roster, name, name)
    return f"{_shown(name)} is an alias of {_shown(target)} in the relay's configuration. {_why(roster, target, name)}"


def alias_line(name: str, successor: Profile) -> str:
    """Return the configuration, in one line of YAML, that has a name mean another model."""
    return f"aliases: {written({bare(name): bare(successor.public_id)})}"


def _why(roster: Roster, name: str, asked: str) -> str:
    retired = roster.retired(name)
    successor = roster.successor(retired) if retired is not None else None
    what = f"The model {_shown(name)} is retired" if retired else f"There is no model {_shown(name)} here"
    if successor is not None:
        return (
            f"{what}. Its vendor recommends `{successor.public_id}` in its place: ask for that, or have the relay take "
            f"the old name for it, with this line in its configuration: `{alias_line(asked, successor)}`. "
            "Without it no other model is ever taken."
        )
    near, listed = roster.nearest(name), roster.listed()
    if near or retired or len(listed) != 1:
        return f"{what}; the closest are {', '.join(near)}." if near else f"{what}."
    return (
        f"{what}, only `{listed[0].public_id}`: ask for that, or have the relay take the name for it, with this line "
        f"in its configuration: `{alias_line(asked, listed[0])}`."
    )


def _shown(name: str) -> str:
    return f"`{name[:_SHOWN_NAME]}`"
