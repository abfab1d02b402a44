"""argo-proxy's configuration file, read as ours: every key of it with what becomes of it and why."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Final, Literal

import msgspec

from argo_relay.config.document import Items, Leaf, Members, Node, read_document
from argo_relay.config.explain import written
from argo_relay.config.import_rules import RULES, Fate, Old, unsaid
from argo_relay.config.keys import KEYS
from argo_relay.config.kinds import shown, sort_of
from argo_relay.errors import ConfigError

_MEND: Final = "correct it there and import again"
_OURS: Final = {key.path[0] for key in KEYS} - set(RULES)


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One key of the old file."""

    key: str
    line: int | None
    """Where it stands; None when it does not, and argo-proxy's default is what is told of."""
    fate: Literal["taken", "changed", "dropped"]
    ours: Mapping[str, object]
    """What is written for it, by our dotted keys."""
    reason: str

    @property
    def text(self) -> str:
        """What is written for it, in one line."""
        return ", ".join(f"{name} = {written(value)}" for name, value in self.ours.items())


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """The whole old file: the version of its format, and its keys in its order."""

    version: str
    rows: tuple[Row, ...]

    @property
    def values(self) -> dict[str, object]:
        """All that is written, by our dotted keys."""
        return {name: value for row in self.rows for name, value in row.ours.items()}


def read_old(text: str, file: str, *, environments: Mapping[str, str], log_file: str) -> Imported:
    """Return what becomes of a file of argo-proxy's.

    `file` is what the file is called in messages, `environments` Argo's by name, `log_file` where a log may go. Raises
    ConfigError with every problem and its line when the text is broken, is no configuration of argo-proxy, or holds a
    value that no setting can have.
    """
    members = _members(text, file)
    old = Old(
        values={name: _value(node) for name, (_, node) in members.items()},
        environments=environments,
        log_file=log_file,
    )
    problems: list[str] = []
    rows: list[Row] = []
    for name, (line, _) in members.items():
        try:
            rows.append(_row(name, line, _fate(name, old)))
        except ConfigError as error:
            problems.append(f"{file}:{line}: {name}: {error}; {_MEND}")
    if problems:
        raise ConfigError(problems)
    rows += [_row(name, None, fate) for name, fate in unsaid(old).items()]
    # A version that was never written is 1: the key came with 2.
    version = old.values.get("config_version")
    return Imported(version=shown(version)[1:-1] if version else "1", rows=tuple(rows))


def _members(text: str, file: str) -> dict[str, tuple[int, Node]]:
    """Return the file's keys, each with its line; raise ConfigError when this cannot be argo-proxy's file."""
    root, faults = read_document(text)
    if faults:
        raise ConfigError([f"{file}:{line}: {what}; {_MEND}" for line, what in sorted(faults)])
    if root is None or (isinstance(root, Leaf) and root.value is None):
        raise ConfigError(
            [f"{file}: it is empty, there is nothing to import; `argo-relay config init` writes a new one"]
        )
    if not isinstance(root, Members):
        raise ConfigError([f"{file}:{root.line}: it is {sort_of(_value(root))}; expected argo-proxy's keys and values"])
    if any(name in RULES for name in root.members) and not _is_ours(root.members):
        return root.members
    if _OURS & set(root.members):
        raise ConfigError([f"{file}: it is a configuration of argo-relay already; `argo-relay config check` checks it"])
    known = ", ".join(list(RULES)[:4])
    raise ConfigError([f"{file}: none of its keys is argo-proxy's ({known} and so on): name argo-proxy's file"])


def _is_ours(members: Mapping[str, object]) -> bool:
    """Tell whether there is a key that only we have, and none that only argo-proxy has."""
    shared = {key.name for key in KEYS}
    return bool(_OURS & set(members)) and not any(name in RULES and name not in shared for name in members)


def _fate(name: str, old: Old) -> Fate:
    if becomes := RULES.get(name):
        return becomes(old.values[name], old)
    near = get_close_matches(name, RULES, n=1)
    meant = f"; if {shown(near[0])} was meant, {_MEND}" if near else ""
    return Fate(fate="dropped", reason=f"argo-proxy has no such key{meant}")


def _row(name: str, line: int | None, fate: Fate) -> Row:
    return Row(key=name, line=line, fate=fate.fate, ours=fate.ours, reason=fate.reason)


def _value(node: Node) -> object:
    """Return what a node stands for, as plain Python; the reader has seen to it that it is not deep."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Items):
        return [_value(item) for item in node.items]
    return {name: _value(member) for name, (_, member) in node.members.items()} if isinstance(node, Members) else None
