"""Reads Python files as trees, so that a rule of the house is a few lines about what it asks for.

Every path in a result is relative to the root that was asked about: a broken copy is judged as the original is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

ROOT: Final = Path(__file__).parents[2]
PACKAGE: Final = Path("src/argo_relay")

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef


class Module(NamedTuple):
    """One Python file."""

    path: Path
    text: str

    @property
    def tree(self) -> ast.Module:
        return parsed(self.text)

    @property
    def lines(self) -> int:
        return len(self.text.splitlines())

    def at(self, node: ast.AST) -> str:
        """Say where a node stands, the way editors and tools write it."""
        return f"{self.path.as_posix()}:{getattr(node, 'lineno', 1)}"


class Defined(NamedTuple):
    """A class or function with its name from the module down, and the class or function around it."""

    name: str
    node: Definition
    parent: Definition | None


@cache
def parsed(text: str) -> ast.Module:
    """Parse once, however many rules and copies look at the same text."""
    return ast.parse(text)


def modules(root: Path, *folders: Path | str) -> list[Module]:
    """Return the Python files below these folders, in order."""
    paths = sorted(path for folder in folders for path in (root / folder).rglob("*.py"))
    return [Module(path.relative_to(root), path.read_text(encoding="utf-8")) for path in paths]


@cache
def definitions(tree: ast.Module) -> tuple[Defined, ...]:
    """Return every class and function of a module, the nested ones too."""
    return tuple(_definitions(tree, "", None))


def _definitions(inside: ast.AST, prefix: str, parent: Definition | None) -> Iterator[Defined]:
    """Look through `if`, `try` and `with`, which do not change a name."""
    for node in ast.iter_child_nodes(inside):
        if isinstance(node, Definition):
            yield Defined(prefix + node.name, node, parent)
            yield from _definitions(node, f"{prefix}{node.name}.", node)
        else:
            yield from _definitions(node, prefix, parent)


@cache
def aliases(tree: ast.Module) -> dict[str, str]:
    """Return what each imported name stands for: `from asyncio import sleep as nap` gives nap -> asyncio.sleep."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                first = name.name.partition(".")[0]
                found[name.asname or first] = name.name if name.asname else first
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
    return found


def dotted(node: ast.AST, tree: ast.Module) -> str:
    """Return a name as its module knows it (`asyncio.sleep`), whatever it was imported as; "" for anything else."""
    if isinstance(node, ast.Name):
        return aliases(tree).get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        before = dotted(node.value, tree)
        return f"{before}.{node.attr}" if before else ""
    return ""


def imported(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Yield the full name of every module that a file imports, at any depth, with the place."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield name.name, node
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node
