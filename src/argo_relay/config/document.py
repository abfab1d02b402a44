"""YAML text as a tree that remembers its lines; a part of YAML, chosen so that no file can surprise or exhaust us.

The tree is built from the parser's events and never by recursion, so nesting costs nothing; aliases, merge keys, tags
and second documents are refused, so a small file stays small. Scalars keep their text: the schema says what they mean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final, cast

import msgspec

from argo_relay.config.kinds import plain

if TYPE_CHECKING:
    import yaml

_ALIAS: Final = (
    "aliases (`*...`) are not supported: write the value out, or put a name that begins with `*` into quotes"
)
# Twenty times what the schema needs. libyaml and PyYAML keep their own stacks on the heap, so stopping here is enough.
_DEEPEST: Final = 64
# https://yaml.org/spec/1.1/#c-printable; checked before parsing because the two parsers tell it in different ways.
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Leaf(msgspec.Struct, frozen=True, kw_only=True):
    """A scalar."""

    line: int
    text: str
    quoted: bool

    @property
    def value(self) -> str | float | bool | None:
        """What it stands for: quoted text itself, an unquoted word what YAML makes of it."""
        return self.text if self.quoted else plain(self.text)


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """A list."""

    line: int
    items: list[Node]


class Members(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping: each key with the line it stands on."""

    line: int
    members: dict[str, tuple[int, Node]]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """A place whose problem has been told already."""

    line: int


Node = Leaf | Items | Members | Refused
Fault = tuple[int, str]
"""A line and what is wrong there."""


def read_document(text: str) -> tuple[Node | None, list[Fault]]:
    """Return the tree of a YAML text and all that is wrong with its form; None when it is empty or broken."""
    if bad := _UNPRINTABLE.search(text):
        return None, [(text.count("\n", 0, bad.start()) + 1, f"the control character {bad[0]!a} is not allowed")]
    growing = _Growing()
    try:
        for event in _events(text):
            if not growing.feed(event):
                break
    except _broken() as error:
        growing.faults.append(_in_words(error, text))
        return None, growing.faults
    return growing.root, growing.faults


def _events(text: str) -> Iterator[yaml.Event]:
    import yaml  # noqa: PLC0415 - 20 ms, which commands that read no file do not pay

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.parse(text, Loader=loader)


def _broken() -> tuple[type[Exception], ...]:
    import yaml  # noqa: PLC0415 - as above

    # PyYAML's Python scanner lets int() and chr() raise at an absurd version number or escape.
    return (yaml.YAMLError, ValueError, OverflowError)


def _in_words(error: Exception, text: str) -> Fault:
    mark: Any = getattr(error, "problem_mark", None)
    started: Any = getattr(error, "context_mark", None)
    problem, context = getattr(error, "problem", None), getattr(error, "context", None)
    if mark is None or not problem:
        return 1, f"it is not YAML: {str(error).partition(chr(10))[0]}"
    if text[mark.index : mark.index + 1] == "\t":
        return mark.line + 1, "a tab stands where YAML wants spaces"
    if "scanning an alias" in str(context):
        return mark.line + 1, _ALIAS
    origin = f", {context} that begins on line {started.line + 1}" if context and started else ""
    return mark.line + 1, f"it is not YAML: {problem}{origin}"


class _Growing:
    """A tree that grows by parser events."""

    def __init__(self) -> None:
        self.root: Node | None = None
        self.faults: list[Fault] = []
        self._open: list[Items | Members] = []
        self._keys: list[Leaf | Refused | None] = []
        """For each open mapping the key that waits for its value; for each open list None."""

    def feed(self, event: yaml.Event) -> bool:
        """Take one event; False means that the rest of the text does not matter."""
        line = cast("Any", event.start_mark).line + 1
        if getattr(event, "tag", None):
            self.faults.append((line, "tags (`!...`) are not supported: write the plain value"))
        name = type(event).__name__
        if name == "DocumentStartEvent" and self.root is not None:
            self.faults.append((line, "a second document begins here: one is expected"))
            return False
        if name == "ScalarEvent":
            scalar = cast("yaml.ScalarEvent", event)
            self._add(Leaf(line=line, text=scalar.value, quoted=bool(scalar.style) or not scalar.implicit[0]))
        elif name == "AliasEvent":
            self.faults.append((line, _ALIAS))
            self._add(Refused(line=line))
        elif name in ("SequenceStartEvent", "MappingStartEvent"):
            return self._deepen(Items(line=line, items=[]) if name[0] == "S" else Members(line=line, members={}))
        elif name in ("SequenceEndEvent", "MappingEndEvent"):
            self._open.pop()
            self._keys.pop()
        return True

    def _deepen(self, node: Items | Members) -> bool:
        if len(self._open) == _DEEPEST:
            self.faults.append((node.line, f"it is nested more than {_DEEPEST} levels deep"))
            return False
        self._add(node)
        self._open.append(node)
        self._keys.append(None)
        return True

    def _add(self, node: Node) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        if isinstance(parent, Items):
            parent.items.append(node)
        elif self._keys[-1] is None:
            self._keys[-1] = self._key(parent, node)
        else:
            if isinstance(key := self._keys[-1], Leaf):
                parent.members[key.text] = (key.line, node)
            self._keys[-1] = None

    def _key(self, parent: Members, node: Node) -> Leaf | Refused:
        """Return a node as a key of its mapping, or tell why it cannot be one."""
        if isinstance(node, Refused):
            return node
        fault = None
        if not isinstance(node, Leaf):
            fault = "a key must be a word, not a list or a mapping"
        elif node.text == "<<" and not node.quoted:
            fault = "merge keys (`<<`) are not supported: write the values out"
        elif node.text in parent.members:
            # Its text is not repeated: it may be a client key of `users`.
            fault = f"a key stands here again, after line {parent.members[node.text][0]}"
        if isinstance(node, Leaf) and fault is None:
            return node
        self.faults.append((node.line, str(fault)))
        return Refused(line=node.line)
