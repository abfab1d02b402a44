"""The models that are offered now, and what each name means among them.

A table from readings (see `names`) to models. A reading that two models claim equally means neither, and a reading of a
known model that is not offered means nothing: it never falls through to a similar one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from argo_relay.models.catalogue import catalogue
from argo_relay.models.names import forms, key, readings, slug
from argo_relay.models.profile import Profile

_MOST_SPELLINGS = 4096
"""How many spellings a roster remembers: far more than clients use, and under a megabyte."""


class Roster:
    """An immutable set of offered models; `live` says that the upstream's own list made it."""

    __slots__ = ("_listed", "_means", "_spelled", "_withdrawn", "live")

    def __init__(self, offered: Iterable[Profile], *, live: bool, withdrawn: Iterable[Profile] = ()) -> None:
        """Build the tables from `offered`; `withdrawn` are known models whose names must mean nothing here."""
        profiles = tuple(offered)
        self.live = live
        self._listed = tuple(sorted((p for p in profiles if not p.retired), key=_place))
        self._means = _claims(profiles)
        self._withdrawn = {reading: p for reading, p in _claims(withdrawn).items() if reading not in self._means}
        # Ids are exact, also where two of them read alike. Spellings join them as they are met: 0.2 us for a name seen
        # before, against 2 to 8 us to read it.
        self._spelled = {p.public_id: p for p in profiles} | {p.internal_id: p for p in profiles}

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

    def nearest(self, name: str, n: int = 3) -> list[str]:
        """Return up to `n` listed public ids that look like `name`, the closest first; none when nothing does."""
        from argo_relay.models.nearest import nearest  # noqa: PLC0415 - difflib, which only a failed look-up needs

        return nearest(name, (profile.public_id for profile in self._listed), n)

    def listed(self) -> list[Profile]:
        """Return what `GET /v1/models` lists: every offered model that is not retired, in an order of its own."""
        return list(self._listed)

    def _known_reading(self, name: str) -> str:
        known = (reading for reading in readings(name) if reading in self._means or reading in self._withdrawn)
        return next(known, "")


@cache
def catalogue_roster() -> Roster:
    """Return the roster to start with and to fall back on.

    It resolves retired models too, because without the upstream's list nobody knows; it does not list them.
    """
    return Roster(catalogue(), live=False)


def _place(profile: Profile) -> tuple[bool, str, str]:
    return profile.kind == "embedding", profile.owner, profile.public_id


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
