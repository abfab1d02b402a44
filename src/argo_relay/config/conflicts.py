"""Values that fit their keys but not each other: each told with the place of one of them, and what to do."""

from __future__ import annotations

from difflib import get_close_matches
from fnmatch import fnmatchcase

import msgspec

from argo_relay.config.addresses import NO_PROXY
from argo_relay.config.check import Findings, Path
from argo_relay.config.kinds import plainest, shown
from argo_relay.config.named import asks_argo, every_upstream, key_of
from argo_relay.config.routing import is_pattern
from argo_relay.config.schema import Config, Route, Upstream


def find_conflicts(config: Config, findings: Findings) -> None:
    """Note what does not go together; a key that was given in vain is not judged by the value which stands in."""
    _check_totals(config, findings)
    _check_identity(config, findings)
    _check_aliases(config, findings)
    for name, row in every_upstream(config).items():
        _check_way(row, tuple(key_of(name).split(".", 1)), findings)
    _check_rejoin(config, findings)
    for name, route in config.routes.items():
        _check_steps(name, route, every_upstream(config), findings)
        _check_hedging(name, route, config, findings)


def find_idle(config: Config, findings: Findings) -> list[str]:
    """Return a warning for each upstream that nobody will ever be sent to."""
    used = {step.upstream for route in config.routes.values() for step in route.to}
    return [
        f"{findings.rows['upstreams', name]}: upstreams.{name}: no route leads to it: name it in `routes`, "
        "or leave it out"
        for name in config.upstreams
        if name not in used
    ]


def _check_totals(config: Config, findings: Findings) -> None:
    """Refuse a total that its cap would always cut: the operator means one of the two otherwise."""
    cap = ("timeouts", "max_total")
    totals: dict[tuple[str, ...], float] = {("timeouts", "total"): config.timeouts.total}
    for name, row in config.models.items():
        if row.timeouts.total is not msgspec.UNSET:
            totals["models", name, "timeouts", "total"] = row.timeouts.total
    for path, total in totals.items():
        if total <= config.timeouts.max_total or findings.refused & {path, cap}:
            continue
        setting = findings.settings.get(path) or findings.settings[cap]
        what = f"{plainest(total)} is greater than timeouts.max_total, {plainest(config.timeouts.max_total)}"
        findings.tell(setting.place, f"{what}; lower the one or raise the other", ".".join(path))


def _check_identity(config: Config, findings: Findings) -> None:
    """Refuse names of Argo users for upstreams that ask for none, and a rule that could never come into play."""
    if not asks_argo(config):
        if not findings.refused & {("identity",), ("users",)} and not _kinds_refused(findings):
            _check_no_user(config, findings)
    elif config.identity == "client" and config.users and not config.keys and ("keys",) not in findings.refused:
        what = "with `users` alone nobody comes in but by a key of theirs, which says who it is"
        _tell(findings, "identity", f"{what}: leave `identity` out, or set `keys` for clients that name themselves")


def _check_no_user(config: Config, findings: Findings) -> None:
    others = " and no other upstream is Argo" if config.upstreams else ""
    advice = f"only Argo asks who its user is, and upstream.kind is {config.upstream.kind}{others}: leave it out"
    if config.identity == "client":
        _tell(findings, "identity", advice)
    if config.users:
        keys = ", or write its client keys as `keys`"
        _tell(findings, "users", f"{advice}{keys}")


def _kinds_refused(findings: Findings) -> bool:
    """Say whether some upstream may have been meant as Argo."""
    tables = [path for path in findings.refused if path[0] in ("upstream", "upstreams")]
    return any(path[-1] == "kind" or (path[0] == "upstreams" and len(path) < 3) for path in tables)


def _check_aliases(config: Config, findings: Findings) -> None:
    """Refuse an alias of an alias: which model it means should be seen at one glance."""
    names = {name.lower() for name in config.aliases}
    for name, target in config.aliases.items():
        if target.lower() in names:
            what = f"{shown(target)} is an alias itself: write the model's own name"
            findings.tell(findings.settings["aliases",].place, what, f"aliases.{name}")


def _check_way(row: Upstream, path: Path, findings: Findings) -> None:
    """Refuse two ways to one upstream."""
    if row.socket is None:
        return
    others = {"proxy": row.proxy not in (None, NO_PROXY), "resolve": row.resolve, "connect_to": row.connect_to}
    for name in (name for name, given in others.items() if given):
        what = "with `socket` that is all that is connected to: leave one of the two out"
        findings.tell(findings.settings[*path, name].place, what, ".".join((*path, name)))


def _check_rejoin(config: Config, findings: Findings) -> None:
    """Refuse replies that are kept for a client whose next connection may be another process's."""
    if config.rejoin is None or config.workers == 1 or findings.refused & {("rejoin",), ("workers",)}:
        return
    what = f"a kept reply is known to one process only, and there are several with workers: {config.workers}"
    _tell(findings, "rejoin", f"{what}; set one worker, or leave `rejoin` out")


def _check_steps(name: str, route: Route, known: dict[str, Upstream], findings: Findings) -> None:
    """Refuse candidates that nobody knows, and those that stand there twice."""
    setting = findings.settings["routes", name, "to"]
    first: dict[tuple[str, str | None], int] = {}
    for index, (step, place) in enumerate(zip(route.to, setting.places, strict=True)):
        key = f"routes.{name}.to[{index}]"
        refused = findings.refused & {("upstreams",), ("upstreams", step.upstream)}
        if step.upstream not in known and not refused:
            findings.tell(place, f"no upstream is called {shown(step.upstream)}{_meant(step.upstream, known)}", key)
        same = first.setdefault((step.upstream, step.model), index)
        if same != index:
            findings.tell(place, f"it is the same as to[{same}]: leave one of them out", key)


def _meant(name: str, known: dict[str, Upstream]) -> str:
    if near := get_close_matches(name, known, n=1):
        return f"; did you mean `{near[0]}`?"
    return f"; known are {', '.join(known)}, and a model's name there stands behind a slash: main/MODEL"


def _check_hedging(name: str, route: Route, config: Config, findings: Findings) -> None:
    """Refuse a second attempt that would begin when the exchange is over."""
    path = ("routes", name, "hedge_after")
    totals = _totals_of(name, config)
    longest = max(totals, key=totals.__getitem__)
    if route.hedge_after is None or route.hedge_after < totals[longest] or findings.refused & set(totals):
        return
    what = f"{plainest(route.hedge_after)} is not less than {'.'.join(longest)}, {plainest(totals[longest])}"
    findings.tell(findings.settings[path].place, f"{what}: the request is over then", ".".join(path))


def _totals_of(name: str, config: Config) -> dict[tuple[str, ...], float]:
    """Return the totals that requests on a route may have, by the paths of their keys."""
    folded, among = name.lower(), is_pattern(name)
    of_models: dict[tuple[str, ...], float] = {
        ("models", model, "timeouts", "total"): row.timeouts.total
        for model, row in config.models.items()
        if row.timeouts.total is not msgspec.UNSET
        and (fnmatchcase(model.lower(), folded) if among else model.lower() == folded)
    }
    return of_models if of_models and not among else of_models | {("timeouts", "total"): config.timeouts.total}


def _tell(findings: Findings, key: str, what: str) -> None:
    findings.tell(findings.settings[key,].place, what, key)
