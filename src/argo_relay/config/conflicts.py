"""Values that fit their keys but not each other: each told with the place of one of them, and what to do."""

from __future__ import annotations

import msgspec

from argo_relay.config.check import Findings
from argo_relay.config.kinds import plainest, shown
from argo_relay.config.schema import Config


def find_conflicts(config: Config, findings: Findings) -> None:
    """Note what does not go together; a key that was given in vain is not judged by the value which stands in."""
    _check_totals(config, findings)
    _check_identity(config, findings)
    _check_aliases(config, findings)


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
    """Refuse names of Argo users for an upstream that asks for none, and a rule that could never come into play."""
    kind = config.upstream.kind
    if kind != "argo" and not findings.refused & {("upstream", "kind"), ("identity",), ("users",)}:
        advice = f"only Argo asks who its user is, and upstream.kind is {kind}: leave it out"
        if config.identity == "client":
            _tell(findings, "identity", advice)
        if config.users:
            keys = ", or write its client keys as `keys`"
            _tell(findings, "users", f"{advice}{keys}")
    elif config.identity == "client" and config.users and not config.keys and ("keys",) not in findings.refused:
        what = "with `users` alone nobody comes in but by a key of theirs, which says who it is"
        _tell(findings, "identity", f"{what}: leave `identity` out, or set `keys` for clients that name themselves")


def _check_aliases(config: Config, findings: Findings) -> None:
    """Refuse an alias of an alias: which model it means should be seen at one glance."""
    names = {name.lower() for name in config.aliases}
    for name, target in config.aliases.items():
        if target.lower() in names:
            what = f"{shown(target)} is an alias itself: write the model's own name"
            findings.tell(findings.settings["aliases",].place, what, f"aliases.{name}")


def _tell(findings: Findings, key: str, what: str) -> None:
    findings.tell(findings.settings[key,].place, what, key)
