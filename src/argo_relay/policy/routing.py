"""Who is asked for a model, and in which order: the configuration's routes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase

from argo_relay.config.routing import is_pattern
from argo_relay.config.schema import Route, Step


def route_for(routes: Mapping[str, Route], names: Iterable[str]) -> tuple[str, Route] | None:
    """Return the route, and what it is called, of a model that has these names; None where there is none.

    A name goes before patterns, and of these the longest, which says the most.
    """
    known = {name.lower() for name in names}
    for name, route in routes.items():
        if name.lower() in known:
            return name, route
    fitting = [name for name in routes if is_pattern(name) and _fits(name, known)]
    best = max(fitting, key=len, default=None)
    return None if best is None else (best, routes[best])


def order(steps: Sequence[Step], chance: float) -> list[Step]:
    """Return a route's candidates in the order in which they are tried.

    `chance` (0 to 1) draws the first among those that have a weight; without weights it is the first of the list. The
    others follow as they stand.
    """
    total = sum(step.weight for step in steps)
    mark = chance * total
    for step in steps:
        mark -= step.weight
        if step.weight and mark <= 0:
            return [step, *(other for other in steps if other is not step)]
    return list(steps)


def _fits(pattern: str, names: set[str]) -> bool:
    # Brackets mean nothing here: they are rare in names, and sets of letters are not what an operator has in mind.
    literal = pattern.lower().replace("[", "[[]")
    return any(fnmatchcase(name, literal) for name in names)
