"""All that is known of one model, for `argo-relay models MODEL`: for a person to read, and for a program as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import click
import msgspec

from argo_relay.cli.running import Running
from argo_relay.config.load import Loaded
from argo_relay.exchange.directory import Directory
from argo_relay.exchange.rulebook import Rulebook
from argo_relay.exchange.unknown import alias_line
from argo_relay.models.profile import Profile
from argo_relay.policy.deadline import SET_BY_REQUESTS, Limit, shown
from argo_relay.policy.defaults import default_layer
from argo_relay.policy.rules import shown as shown_rules


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """The model in question, and what is known around it."""

    loaded: Loaded
    directory: Directory
    profile: Profile
    asked: str
    """The name that was given for it."""
    running: Running


Sheet = dict[str, Any]
"""What is told, by its heading; fit for JSON."""


def sheet_of(loaded: Loaded, directory: Directory, name: str, running: Running) -> Sheet | None:
    """Return what is known of the model that a name means, retired ones too; None when it means none.

    `running` is what a running relay says of it.
    """
    profile = directory.find(name) if directory.knows(name) else directory.roster.retired(name)
    if profile is None:
        return None
    subject = Subject(loaded=loaded, directory=directory, profile=profile, asked=name, running=running)
    sheet: Sheet = {}
    for section in _SECTIONS:
        sheet |= section(subject)
    return sheet


def print_sheet(sheet: Sheet) -> None:
    """Write a sheet, one line a heading."""
    width = max(map(len, sheet))
    for heading, told in sheet.items():
        several = isinstance(told, list) and any(isinstance(one, dict) for one in told)
        lines = [_rule(one) for one in told] if several else [_line(told)]
        for number, line in enumerate(lines):
            click.echo(f"{heading.replace('_', ' ') if not number else '':{width}}  {line}")


def _rule(row: dict[str, str]) -> str:
    return f"{row['parameter']}: {row['rule']}  ({row['from']}: {row['source']})"


def _line(told: object) -> str:
    if isinstance(told, dict):
        return ", ".join(f"{name} {_line(value)}" for name, value in told.items())
    return ", ".join(map(str, told)) if isinstance(told, list) else str(told)


def _identity(subject: Subject) -> Sheet:
    profile = subject.profile
    sheet: Sheet = {"id": profile.alias_of or profile.public_id, "internal_id": profile.internal_id}
    return sheet | {"name": profile.display, "owner": profile.owner, "kind": profile.kind}


def _offer(subject: Subject) -> Sheet:
    """Tell whether it can be had now, and what to ask for when it cannot."""
    profile, roster = subject.profile, subject.directory.roster
    listed = any(one.internal_id == profile.internal_id for one in roster.listed())
    if listed or not profile.retired:
        return {"offered": _offered(roster.live, listed=listed)}
    sheet: Sheet = {"offered": "no: it is retired" if roster.live else "no longer, as far as the catalogue knows"}
    successor = roster.successor(profile)
    if successor is None:
        return sheet
    return sheet | {"successor": successor.public_id, "to_map_it": alias_line(subject.asked, successor)}


def _offered(live: bool, *, listed: bool) -> str:
    if not live:
        return "as far as the catalogue knows" if listed else "unknown: the upstream lists nothing"
    return "yes" if listed else "not listed; the upstream gets the name as it is"


def _names(subject: Subject) -> Sheet:
    """Tell what it may be called, and which of your own names stand for it."""
    profile, roster = subject.profile, subject.directory.roster
    own = profile.alias_of or profile.public_id
    names = roster.spellings(profile) if subject.loaded.config.upstream.kind == "argo" else [own]
    aliases = [one.public_id for one in roster.listed() if one.alias_of == own]
    return {"names": names} | ({"aliases": aliases} if aliases else {})


def _limits(subject: Subject) -> Sheet:
    """Tell how long its exchanges may take when their requests do not say."""
    origins = subject.loaded.origins
    configured = {key for key, origin in origins.items() if origin != "default"}
    default = default_layer(subject.loaded.config.timeouts, configured)
    own = subject.directory.limits_of(subject.profile)
    return {
        "timeouts": {timer.value: _limit(({**default, **own})[timer], own=timer in own) for timer in SET_BY_REQUESTS}
    }


def _limit(limit: Limit | None, *, own: bool) -> str:
    seconds = "none" if limit is None else f"{shown(limit.seconds)} s"
    return f"{seconds} (its own)" if own else seconds


def _parameters(subject: Subject) -> Sheet:
    """Tell what becomes of parameters that it does not take as they are, as the running relay has it, if any."""
    rules = subject.running.parameters
    if rules is None:
        config = subject.loaded.config
        book = Rulebook(config.models, packaged=config.upstream.kind == "argo", learns=False)
        rules = shown_rules(book.of(subject.profile, subject.directory.roster))
    sheet: Sheet = {"parameters": rules} if rules else {"parameters": "all go on as they are"}
    return sheet | {"learned": subject.running.told}


_SECTIONS: Final[tuple[Callable[[Subject], Sheet], ...]] = (_identity, _offer, _names, _limits, _parameters)
"""What a sheet is made of, in order: whatever else comes to be known of a model is one more function here."""
