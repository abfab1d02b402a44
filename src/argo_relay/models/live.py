"""The upstream's own list of models, read record by record: the truth about what is offered.

Three shapes are read. Argo's of 2026: `{"id": "Claude Sonnet 4.6", "internal_id": "claudesonnet46", "owned_by": ...}`;
Argo's of 2025: `{"id": "gpt35", "model_name": "GPT-3.5 Turbo"}`; and what every other OpenAI-like upstream sends:
`{"id": "my-model"}`. Whatever is none of these is passed over, so that one bad record does not hide the others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import TypeGuard

import msgspec

from argo_relay.models.catalogue import catalogue
from argo_relay.models.names import MAX_NAME, bare, slug
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster

# A model's name says who made it more reliably than `owned_by`, which several gateways fill with their own name.
_MAKERS = (
    ("anthropic", re.compile(r"claude")),
    ("google", re.compile(r"gemini|gemma")),
    ("openai", re.compile(r"gpt|chatgpt|o\d|text-embedding")),
)


class _Record(msgspec.Struct, frozen=True, kw_only=True):
    internal_id: str
    display: str
    owned_by: str | None


def live_roster(records: Iterable[object], aliases: Mapping[str, str] | None = None) -> Roster:
    """Return the roster of what the upstream lists, with what the catalogue knows about it, and a user's aliases.

    `records` is the `data` of its `GET /v1/models`. With no usable record among them the roster offers nothing: whether
    that is the truth or a broken list is for the caller to say.
    """
    found: dict[str, _Record] = {}
    for raw in records:
        record = _read(raw)
        if record is not None:
            found.setdefault(record.internal_id, record)
    known = {profile.internal_id: profile for profile in catalogue()}
    # Public ids are unique, and none is another model's internal id. The catalogue's come first: clients rely on them.
    taken = set(found)
    offered = []
    for name, record in sorted(found.items(), key=lambda item: item[0] not in known):
        profile = _merged(known[name], record) if name in known else _unknown(record)
        offered.append(_with_free_id(profile, taken))
        taken.add(offered[-1].public_id)
    withdrawn = (profile for name, profile in known.items() if name not in found)
    return Roster(offered, live=True, withdrawn=withdrawn, aliases=aliases)


@lru_cache(512)
def passing_profile(name: str) -> Profile:
    """Return a model of an upstream whose names are passed on as they are, known by its name alone."""
    return Profile(
        internal_id=name,
        public_id=name,
        display=name,
        owner=_maker(_Record(internal_id=name, display=name, owned_by=None)),
        kind="embedding" if "embed" in name.lower() else "chat",
    )


def passing_model(name: str) -> Profile | None:
    """Return the same for any name, as a client gives it; None for what can be none."""
    return _passing(name) if len(name) <= MAX_NAME else None


@lru_cache(512)
def _passing(name: str) -> Profile | None:
    return passing_profile(name) if is_name(name) else None


def passing_alias(name: str, target: str) -> Profile:
    """Return a user's name for a model of such an upstream."""
    return msgspec.structs.replace(passing_profile(target), public_id=name, alias_of=target)


def passing_roster(records: Iterable[object], aliases: Mapping[str, str] | None = None) -> Roster:
    """Return the roster of an upstream whose names are passed on as they are, from the `data` of its list.

    `aliases` are a user's names for its models, and go before its own.
    """
    aliases = aliases or {}
    found = {record.internal_id: record for raw in records if (record := _read(raw)) is not None}
    own = (passing_profile(name) for name in found if name not in aliases)
    return Roster((*own, *(passing_alias(*pair) for pair in aliases.items())), live=bool(found))


def _read(raw: object) -> _Record | None:
    if not isinstance(raw, dict):
        return None
    identity, internal, display = raw.get("id"), raw.get("internal_id"), raw.get("model_name")
    if internal is None:
        internal, display = identity, display or identity
    else:
        display = identity
    if not (is_name(internal) and is_name(display)):
        return None
    owned_by = raw.get("owned_by")
    return _Record(internal_id=internal, display=display, owned_by=owned_by if is_name(owned_by) else None)


def is_name(value: object) -> TypeGuard[str]:
    """Say whether something can be a model's name."""
    # Control characters and lone surrogates would travel into headers and logs.
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable() and not value.isspace()


def _merged(known: Profile, record: _Record) -> Profile:
    says_more = record.display != record.internal_id
    return msgspec.structs.replace(known, display=record.display if says_more else known.display, retired=False)


def _unknown(record: _Record) -> Profile:
    return Profile(
        internal_id=record.internal_id,
        public_id=f"argo:{slug(record.display) or record.internal_id}",
        display=record.display,
        owner=_maker(record),
        kind="embedding" if "embed" in f"{record.display} {record.internal_id}".lower() else "chat",
    )


def _with_free_id(profile: Profile, taken: set[str]) -> Profile:
    own = profile.internal_id
    wishes = (profile.public_id, f"argo:{own}")
    return msgspec.structs.replace(profile, public_id=next((w for w in wishes if w == own or w not in taken), own))


def _maker(record: _Record) -> str:
    for owner, pattern in _MAKERS:
        if pattern.match(bare(record.display)):
            return owner
    return record.owned_by or "unknown"
