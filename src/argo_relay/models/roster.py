"""The models that are offered now, and what each name means among them.

A table from readings (see `names`) to models. A reading that two models claim equally means neither, and a reading of a
known model that is not offered means nothing: it never falls through to a similar one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import msgspec

from argo_relay.models.catalogue import catalogue
from argo_relay.models.names import forms, key, readings, slug
from argo_relay.models.profile import Profile

_MOST_SPELLINGS = 4096
"""How many spellings a roster remembers: far more than clients use, and under a megabyte."""


class Roster:
    """An immutable set of offered models; `live` says that the upstream's own list made it."""

    __slots__ = ("_listed", "_means", "_spelled", "_targets", "_withdrawn", "live")

    def __init__(
        self,
        offered: Iterable[Profile],
        *,
        live: bool,
        withdrawn: Iterable[Profile] = (),
        aliases: Mapping[str, str] | None = None,
    ) -> None:
        """Build the tables from `offered`; `withdrawn` are known models whose names must mean nothing here.

        `aliases` are names of a user's, each for the model that its target means. Such a name means nothing else, in
        whatever spelling: not the model that had it before, and nothing at all when its target means nothing. Targets
        are models' own names; an alias is never followed to another.
        """
        profiles = tuple(offered)
        self.live = live
        self._listed = tuple(sorted((p for p in profiles if not p.retired), key=_place))
        self._means = _claims(profiles)
        self._withdrawn = {reading: p for reading, p in _claims(withdrawn).items() if reading not in self._means}
        # Ids are exact, also where two of them read alike. Spellings join them as they are met: 0.2 us for a name seen
        # before, against 2 to 8 us to read it.
        self._spelled = {p.public_id: p for p in profiles} | {p.internal_id: p for p in profiles}
        self._targets = {key(name): target for name, target in (aliases or {}).items()}
        self._rename({name: _renamed(name, self.resolve(target)) for name, target in (aliases or {}).items()})

    def resolve(self, name: str) -> Profile | None:
        """Return the one offered model that `name` means, or None."""
        profile = self._spelled.get(name)
        if profile is None:
            profile = self._means.get(self._known_reading(name))
            if profile is not None and len(self._spelled) < _MOST_SPELLINGS:
                self._spelled[name] = profile
        return profile

    def retired(self, name: str) -> Profile | None:
        """Return the model that `name` meant when it is known as retired and not offered, or None."""
        profile = None if name in self._spelled else self._withdrawn.get(self._known_reading(name))
        return profile if profile is not None and profile.retired else None

    def successor(self, retired: Profile) -> Profile | None:
        """Return the model that a retired one's vendor recommends in its place, the first that is offered."""
        found = (self._spelled.get(name) for name in retired.successors)
        return next((profile for profile in found if profile is not None and profile.alias_of is None), None)

    def target(self, name: str) -> str | None:
        """Return what the alias that `name` is stands for, as its user wrote it; None for what is no alias."""
        reading = self._known_reading(name)
        return self._targets.get(reading) if reading else None

    def spellings(self, profile: Profile) -> list[str]:
        """Return names that mean a model here (of a retired one: meant), its ids first, without aliases.

        How else each may be written is told by `names`.
        """
        written = (profile.alias_of or profile.public_id, profile.internal_id, profile.display, *profile.names)
        others = (form for name in written for form in forms(slug(name)))
        found = {name: self.resolve(name) or self.retired(name) for name in (*written, *others)}
        return [
            name
            for name, one in found.items()
            if one is not None and one.internal_id == profile.internal_id and one.alias_of is None
        ]

    def nearest(self, name: str, n: int = 3) -> list[str]:
        """Return up to `n` listed public ids that look like `name`, the closest first; none when nothing does."""
        from argo_relay.models.nearest import nearest  # noqa: PLC0415 - difflib, which only a failed look-up needs

        return nearest(name, (profile.public_id for profile in self._listed), n)

    def listed(self) -> list[Profile]:
        """Return what `GET /v1/models` lists: every offered model that is not retired, in an order of its own."""
        return list(self._listed)

    def _rename(self, aliases: Mapping[str, Profile | None]) -> None:
        # No reading at all stands for every name that nobody knows.
        means = {reading: profile for name, profile in aliases.items() if (reading := key(name))}
        self._means = self._means | means
        self._withdrawn = {reading: p for reading, p in self._withdrawn.items() if reading not in means}
        kept = {name: p for name, p in self._spelled.items() if self._known_reading(name) not in means}
        self._spelled = kept | {name: profile for name, profile in aliases.items() if profile is not None}
        known = (profile for profile in aliases.values() if profile is not None and not profile.retired)
        own = (profile for profile in self._listed if profile.public_id in kept)
        self._listed = tuple(sorted((*own, *known), key=_place))

    def _known_reading(self, name: str) -> str:
        known = (reading for reading in readings(name) if reading in self._means or reading in self._withdrawn)
        return next(known, "")


def catalogue_roster(aliases: Mapping[str, str] | None = None) -> Roster:
    """Return the roster to start with and to fall back on, with a user's aliases.

    It resolves retired models too, because without the upstream's list nobody knows; it does not list them.
    """
    return Roster(catalogue(), live=False, aliases=aliases) if aliases else _catalogue_roster()


@cache
def _catalogue_roster() -> Roster:
    return Roster(catalogue(), live=False)


def _place(profile: Profile) -> tuple[bool, str, str]:
    return profile.kind == "embedding", profile.owner, profile.public_id


def _renamed(name: str, profile: Profile | None) -> Profile | None:
    if profile is None:
        return None
    return msgspec.structs.replace(profile, public_id=name, alias_of=profile.public_id)


def _claims(profiles: Iterable[Profile]) -> dict[str, Profile | None]:
    """Return what each reading means; an id outweighs a public id, which outweighs every other name."""
    ranks: tuple[dict[str, Profile | None], ...] = ({}, {}, {})
    for profile in profiles:
        written = (profile.public_id, profile.display, *profile.names)
        others = (profile.display, *(form for name in written for form in forms(slug(name))))
        for claimed, names in zip(ranks, ((profile.internal_id,), (profile.public_id,), others), strict=True):
            for reading in {key(name) for name in names} - {""}:
                claimed[reading] = profile if claimed.get(reading, profile) is profile else None
    ids, public, rest = ranks
    return rest | public | ids
