"""What the sources say, held against the schema: settings that fit, and every problem with the place it is at.

A place is what a person can go to: `argo-relay.yaml:3`, `ARGO_RELAY_PORT`, `--port`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches

import msgspec

from argo_relay.config.document import Items, Leaf, Members, Node, Refused
from argo_relay.config.key import Key
from argo_relay.config.keys import KEYS
from argo_relay.config.kinds import Kind, plain, shown, sort_of
from argo_relay.errors import ConfigError

Path = tuple[str, ...]
"""A key's parts from the top; a model's name is one part, whatever dots it has."""


class Setting(msgspec.Struct, frozen=True, kw_only=True):
    """A value that fits its key, and where it came from (`file PATH:LINE`, `env NAME` or `flag --NAME`)."""

    value: object
    origin: str
    places: tuple[str, ...] = ()
    """Of a list: where each of its items is."""

    @property
    def place(self) -> str:
        """The origin less its first word."""
        return self.origin.partition(" ")[2]


class Findings:
    """Settings and problems, gathered from one source after another; a later setting takes an earlier one's place."""

    def __init__(self) -> None:
        self.settings: dict[Path, Setting] = {}
        self.problems: list[str] = []
        self.refused: set[Path] = set()
        """Keys that were given in vain, so that nobody judges the value which stands in for them."""
        self.rows: dict[Path, str] = {}
        """The rows that have been written, even those that set nothing, and the place of each."""

    def add(self, later: Findings) -> None:
        """Take over what another source has said."""
        self.settings |= later.settings
        self.refused |= later.refused
        self.rows |= later.rows

    def take(self, key: Key, path: Path, value: object, origin: str) -> None:
        """Keep a value given by a program or an environment variable, or tell what is wrong with it."""
        place = origin.partition(" ")[2]
        if key.kind.many and isinstance(value, Sequence) and not isinstance(value, str):
            self.take_items(key, path, [(place, item) for item in value], origin)
        elif key.kind.pairs and isinstance(value, Mapping):
            self.take_pairs(key, path, [(place, pair) for pair in value.items()], origin)
        elif key.kind.pairs and isinstance(value, list):
            self.take_pairs(key, path, [(place, pair) for pair in value], origin)
        else:
            self._keep(path, origin, self._read(key.kind, _dotted(path), value, place))

    def take_items(self, key: Key, path: Path, items: Iterable[tuple[str, object]], origin: str) -> None:
        """Keep a list, each of whose items has its own place."""
        placed = list(items)
        read = [
            self._read(key.kind, f"{_dotted(path)}[{index}]", item, place) for index, (place, item) in enumerate(placed)
        ]
        fits = None if None in read else (tuple(value for fit in read if fit for value in fit),)
        self._keep(path, origin, fits, tuple(place for place, _ in placed))

    def take_pairs(self, key: Key, path: Path, pairs: Iterable[tuple[str, object]], origin: str) -> None:
        """Keep a mapping, each of whose members has its own place; a secret's names are told by number only."""
        kept: dict[object, object] = {}
        fine = True
        for index, (place, pair) in enumerate(pairs):
            named = isinstance(pair, tuple) and not key.secret
            name = _dotted((*path, str(pair[0]))) if named and isinstance(pair, tuple) else f"{_dotted(path)}[{index}]"
            read = self._read(key.kind, name, pair, place)
            if read is None or not isinstance(read[0], tuple):
                fine = False
                continue
            own, text = read[0]
            if own in kept:
                self.tell(place, "it stands here twice", name)
                fine = False
            kept[own] = text
        self._keep(path, origin, (kept,) if fine else None)

    def tell(self, place: str, what: str, key: str = "") -> None:
        """Note a problem."""
        self.problems.append(f"{place}: {key}: {what}" if key else f"{place}: {what}")

    def _read(self, kind: Kind, name: str, value: object, place: str) -> tuple[object] | None:
        """Return the value in a tuple (it may be None), or None when there is a problem."""
        try:
            return (kind.accept(value),)
        except ConfigError as error:
            self.tell(place, f"{error}; expected {kind.expected}", name)
            return None

    def _keep(self, path: Path, origin: str, read: tuple[object] | None, places: tuple[str, ...] = ()) -> None:
        if read is None:
            self.refused.add(path)
        else:
            self.settings[path] = Setting(value=read[0], origin=origin, places=places)


def value_in(kind: Kind, text: str) -> object:
    """Return what a text from the environment or the command line stands for.

    Lists have commas between their items, and mappings, too: `a=b,c=d`. A name may hold `=`, what it maps to may not.
    """
    if kind.many:
        return [part.strip() for part in text.split(",")]
    if kind.pairs:
        return [_pair(part) for part in text.split(",")]
    if kind.textual:
        return None if kind.nullable and text in ("null", "~") else text
    return plain(text.strip())


def _pair(part: str) -> object:
    name, equals, text = part.rpartition("=")
    return (name.strip(), text.strip()) if equals else part


def check_document(node: Node | None, file: str, findings: Findings) -> None:
    """Hold a file's tree against the schema."""
    if node is not None and not _empty(node):
        _Walk(file, findings).mapping(node, KEYS, ())


class _Walk:
    """A walk over a file's tree; it goes only where the schema goes, so it is never deep."""

    def __init__(self, file: str, findings: Findings) -> None:
        self._file = file
        self._findings = findings

    def mapping(self, node: Node, keys: Sequence[Key], at: Path, line: int | None = None) -> None:
        """Check a mapping whose members are `keys`, some of them under a name of their own."""
        members = self._members(node, at, line)
        for name, (member_line, member) in members.items():
            path = (*at, name)
            leaf = next((key for key in keys if key.name == name), None)
            within = [
                msgspec.structs.replace(key, name=key.name.removeprefix(f"{name}."))
                for key in keys
                if key.name.startswith(f"{name}.")
            ]
            if leaf is not None and "." not in name:
                self._value(member, leaf, path, member_line)
            elif within and not _empty(member):
                self.mapping(member, within, path, member_line)
            elif not within:
                self._tell(member_line, f"unknown key {shown(name)}{_meant(name, keys)}", at)

    def _members(self, node: Node, at: Path, line: int | None) -> dict[str, tuple[int, Node]]:
        """Return a mapping's members; none, and a problem, when it is something else."""
        if isinstance(node, Members):
            return node.members
        if not isinstance(node, Refused):
            what = f"it is {_sort(node)}; expected a mapping of keys to values"
            self._tell(node.line if line is None else line, what, at)
        return {}

    def _value(self, node: Node, key: Key, path: Path, line: int) -> None:
        origin = f"file {self._file}:{line}"
        if isinstance(node, Refused):
            return
        if key.rows:
            self._rows(node, key, path, line)
        elif key.kind.pairs and isinstance(node, Members):
            pairs = [
                (f"{self._file}:{at}", (name, _value(member)))
                for name, (at, member) in node.members.items()
                if not isinstance(member, Refused)
            ]
            self._findings.take_pairs(key, path, pairs, origin)
        elif not key.kind.many and not key.kind.pairs:
            self._findings.take(key, path, _value(node), origin)
        elif isinstance(node, Items) and key.kind.many:
            items = [(item, f"{self._file}:{item.line}") for item in node.items if not isinstance(item, Refused)]
            self._findings.take_items(key, path, [(place, _value(item)) for item, place in items], origin)
        elif not _empty(node):
            self._findings.refused.add(path)
            self._tell(line, f"it is {_sort(node)}; expected {key.kind.expected}", path)

    def _rows(self, node: Node, key: Key, path: Path, line: int) -> None:
        if _empty(node):
            return
        if not isinstance(node, Members):
            self._findings.refused.add(path)
        for name, (row_line, row) in self._members(node, path, line).items():
            at = (*path, name)
            try:
                key.names.accept(name)
            except ConfigError as error:
                self._findings.refused.add(at)
                self._tell(row_line, str(error), path)
            else:
                self._findings.rows[at] = f"{self._file}:{row_line}"
                self._row(row, key, at, row_line)

    def _row(self, row: Node, key: Key, at: Path, line: int) -> None:
        needed = next((member for member in key.rows if member.needed), None)
        if needed is not None and isinstance(row, Items):
            self._value(row, needed, (*at, needed.name), line)
        elif not _empty(row):
            self.mapping(row, key.rows, at, line)
        if needed is None or not (isinstance(row, Members | Items) or _empty(row)):
            return
        given = self._findings.settings.get((*at, needed.name))
        if (given is None or not given.value) and (*at, needed.name) not in self._findings.refused:
            self._tell(line, f"there is nothing in `{needed.name}`; expected {needed.kind.expected}", at)

    def _tell(self, line: int, what: str, at: Path) -> None:
        self._findings.tell(f"{self._file}:{line}", what, _dotted(at))


def _value(node: Node) -> object:
    """Return a scalar's value, and a mapping's one level deep; no kind of value is deeper."""
    if isinstance(node, Leaf):
        return node.value
    if isinstance(node, Members):
        return {name: _shallow(member) for name, (_, member) in node.members.items()}
    return []


def _shallow(node: Node) -> object:
    if isinstance(node, Leaf):
        return node.value
    return [] if isinstance(node, Items) else {}


def _sort(node: Node) -> str:
    return sort_of(_value(node))


def _empty(node: Node) -> bool:
    """Tell whether nothing is said, as by a group all of whose keys are commented out."""
    return isinstance(node, Leaf) and node.value is None


def _dotted(path: Path) -> str:
    return ".".join(part if part.isprintable() else shown(part) for part in path)


def _meant(name: str, keys: Sequence[Key]) -> str:
    """Name the key that was probably meant: one of this mapping, or one that belongs deeper."""
    here = sorted({key.path[0] for key in keys})
    deeper = {key.path[-1]: key for key in reversed(keys) if len(key.path) > 1} | {
        key.name: key for key in keys if len(key.path) > 1
    }
    # A letter more or less says more than the same word in another place.
    if near := get_close_matches(name, here, n=1, cutoff=0.9 if name in deeper else 0.6):
        return f"; did you mean `{near[0]}`?"
    if near := get_close_matches(name, list(deeper), n=1, cutoff=0.75):
        *groups, last = deeper[near[0]].path
        return f"; did you mean `{last}` inside `{'.'.join(groups)}`?"
    return f"; known here are {', '.join(here)}"
