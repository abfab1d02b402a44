"""Which rules hold for a model now: the user's own, what this process has learned, what is packaged, in this order."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from argo_relay.config.schema import ModelRow
from argo_relay.models.profile import Profile
from argo_relay.models.roster import Roster
from argo_relay.models.rules import Rule, known_rules
from argo_relay.neutral.failure import Failure
from argo_relay.policy.lesson import lesson
from argo_relay.policy.rules import own_rules, written

_MOST_LEARNED = 200
"""Rules of one model: an upstream that names a new parameter each time must not fill the memory."""

_log = logging.getLogger("argo_relay")


class Rulebook:
    """The rules of one process."""

    def __init__(self, rows: Mapping[str, ModelRow], *, packaged: bool, learns: bool) -> None:
        """`rows` are the configuration's; `packaged`: the upstream is one that the packaged rows are about."""
        self._own = {name: tuple(own_rules(row.parameters)) for name, row in rows.items() if row.parameters}
        self._packaged = packaged
        self._learns = learns
        self._learned: defaultdict[str, list[Rule]] = defaultdict(list)

    def of(self, profile: Profile, roster: Roster) -> tuple[Rule, ...]:
        """Return the rules for a model, whosever they are; `roster` says whom the user's names mean."""
        known = known_rules(profile.internal_id) if self._packaged else ()
        if not self._own and not self._learned:
            return known
        own = [rule for name, rules in self._own.items() if _means(name, profile, roster) for rule in rules]
        return (*own, *self._learned.get(profile.internal_id, ()), *known)

    def learn(
        self, profile: Profile, failure: Failure, dialect: str, sent: Mapping[str, Any], used: tuple[Rule, ...]
    ) -> bool:
        """Learn from a refusal of a body with these members, written by the rules `used`; False where there is nothing.

        What the user's own rows are about is theirs to decide.
        """
        rule = lesson(failure, dialect, sent) if self._learns else None
        if rule is None or any(one.parameter == rule.parameter for one in used if _is_own(one)):
            return False
        known = self._learned[profile.internal_id]
        newest = next((one for one in reversed(known) if _same(one, rule)), None)
        if newest == rule:
            # Either it did not help, or another exchange has learned it meanwhile.
            return rule not in used
        if len(known) >= _MOST_LEARNED:
            return False
        # Upstreams change: what was learned of a parameter before is over.
        known[:] = [one for one in known if not _same(one, rule)] + [rule]
        row = f"{{{profile.alias_of or profile.public_id}: {{parameters: {{{rule.parameter}: {written(rule)}}}}}}}"
        _log.warning("learned of %s (%s); to keep it: models: %s", profile.internal_id, rule.source, row)
        return True


def _same(one: Rule, other: Rule) -> bool:
    return (one.parameter, one.dialects) == (other.parameter, other.dialects)


def _is_own(rule: Rule) -> bool:
    return rule.origin == "configuration"


def _means(name: str, profile: Profile, roster: Roster) -> bool:
    if name == profile.internal_id:
        return True
    meant = roster.resolve(name)
    return meant is not None and meant.internal_id == profile.internal_id
