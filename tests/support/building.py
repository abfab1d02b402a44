"""The rules of the house that no tool knows: sizes, names, docstrings, the same files in each dialect.

Each rule takes a root and returns its problems, one sentence each, so that it can be pointed at a broken copy too.
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
import tomllib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from support.habits import skips, sleeps, twins
from support.tree import PACKAGE, Definition, Module, definitions, imported, modules

_MODULE_LINES: Final = 400
_FUNCTION_LINES: Final = 50
_ARGUMENTS: Final = 6

# They say nothing of what a thing is; each has a better name waiting.
_EMPTY_WORDS: Final = {"util", "helper", "manager", "handler", "common", "provider", "converter"}
_WORD: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")

_PROMISE: Final = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
_ISSUE: Final = re.compile(r"#\d+|\bissues?[ /]\d+")

# Where a distribution's name is not what one imports.
_DISTRIBUTIONS: Final = {"splintr": "splintr-rs", "yaml": "pyyaml"}

_DIALECTS: Final = PACKAGE / "dialects"


def module_sizes(root: Path) -> list[str]:
    """A module is short enough to be read in one go."""
    return [
        f"{module.path.as_posix()}: {module.lines} lines; a module has fewer than {_MODULE_LINES}"
        for module in modules(root, PACKAGE)
        if module.lines >= _MODULE_LINES
    ]


def function_sizes(root: Path) -> list[str]:
    """A function fits on a screen; decorators are not counted, docstrings are."""
    return [
        f"{module.at(node)}: {name} has {lines} lines; a function has fewer than {_FUNCTION_LINES}"
        for module, name, node, _ in _functions(root)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) >= _FUNCTION_LINES
    ]


def arguments(root: Path) -> list[str]:
    """A call can be read without counting: at most six arguments, `*` and `**` included, self and cls not."""
    return [
        f"{module.at(node)}: {name} takes {count} arguments; a function takes at most {_ARGUMENTS}"
        for module, name, node, parent in _functions(root)
        if (count := _argument_count(node, method=isinstance(parent, ast.ClassDef))) > _ARGUMENTS
    ]


def _functions(root: Path) -> Iterator[tuple[Module, str, ast.FunctionDef | ast.AsyncFunctionDef, Definition | None]]:
    for module in modules(root, PACKAGE):
        for name, node, parent in definitions(module.tree):
            if not isinstance(node, ast.ClassDef):
                yield module, name, node, parent


def _argument_count(node: ast.FunctionDef | ast.AsyncFunctionDef, *, method: bool) -> int:
    every = node.args
    rest = [extra for extra in (every.vararg, every.kwarg) if extra]
    bound = method and "staticmethod" not in map(ast.unparse, node.decorator_list)
    return len([*every.posonlyargs, *every.args, *every.kwonlyargs, *rest]) - bound


def docstrings(root: Path) -> list[str]:
    """Every module, public class and public function says what it is or promises."""
    problems = []
    for module in modules(root, PACKAGE):
        if not ast.get_docstring(module.tree):
            problems.append(f"{module.path.as_posix()}: no docstring; a module's is the rule of its room")
        problems += [
            f"{module.at(node)}: {name} has no docstring"
            for name, node, parent in definitions(module.tree)
            if _is_public(name, node, parent) and not ast.get_docstring(node)
        ]
    return problems


def _is_public(name: str, node: Definition, parent: Definition | None) -> bool:
    """Tell whether others may use it: no part of its name is private, and it does not live inside a function."""
    nested = parent is not None and not isinstance(parent, ast.ClassDef)
    # A property's setter and an overload's variants share the docstring of the one that has it.
    shared = any(re.search(r"\.setter$|\boverload$", ast.unparse(mark)) for mark in node.decorator_list)
    return not nested and not shared and not any(part.startswith("_") for part in name.split("."))


def empty_modules(root: Path) -> list[str]:
    """A module exists for what it holds; `__init__.py` holds the room's docstring and hands nothing on."""
    problems = []
    for module in modules(root, PACKAGE):
        held = [statement for statement in module.tree.body if not _is_nothing(statement)]
        if module.path.name != "__init__.py":
            problems += [] if held else [f"{module.path.as_posix()}: an empty module"]
            continue
        if not [path for path in (root / module.path).parent.rglob("*.py") if path.name != "__init__.py"]:
            problems.append(f"{module.path.as_posix()}: an empty room")
        problems += [
            f"{module.at(statement)}: `__init__.py` holds nothing but a docstring"
            for statement in module.tree.body[1:]
            if not ast.unparse(statement).startswith("__version__ = ")
        ]
    return problems


def _is_nothing(statement: ast.stmt) -> bool:
    constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    return constant or isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass)


def names(root: Path) -> list[str]:
    """A name says what a thing is."""
    problems = []
    for module in modules(root, PACKAGE):
        here = module.path.parent.name if module.path.name == "__init__.py" else module.path.stem
        named = [(module.path.as_posix(), here)]
        named += [(module.at(node), node.name) for _, node, _ in definitions(module.tree)]
        problems += [f"{place}: `{name}` says nothing: {word}" for place, name in named if (word := _empty_word(name))]
    return problems


def _empty_word(name: str) -> str:
    words = (word.lower().removesuffix("s") for word in _WORD.findall(name))
    return next((word for word in words if word in _EMPTY_WORDS), "")


def promises(root: Path) -> list[str]:
    """What is to be done later is an issue, which the comment names."""
    return [
        f"{module.path.as_posix()}:{line}: {found.group()} without the number of its issue"
        for module in modules(root, "src", "tests", "bench", "examples")
        if _PROMISE.search(module.text)
        for line, remark in _remarks(module)
        if (found := _PROMISE.search(remark)) and not _ISSUE.search(remark)
    ]


def _remarks(module: Module) -> Iterator[tuple[int, str]]:
    """Yield the lines of comments and docstrings with their numbers; a word in other strings is data."""
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in (module.tree, *(node for _, node, _ in definitions(module.tree))):
        said = ast.get_docstring(node, clean=False)
        if said:
            yield from enumerate(said.splitlines(), node.body[0].lineno)


def dialect_files(root: Path) -> list[str]:
    """Whoever knows one dialect finds the way in each: the same files, and its folder's name in the table."""
    folders = [path.parent for path in (root / _DIALECTS).glob("*/__init__.py")]
    held = {folder.name: {path.name for path in folder.glob("*.py")} for folder in sorted(folders)}
    table = Module(_DIALECTS / "table.py", (root / _DIALECTS / "table.py").read_text(encoding="utf-8"))
    listed = {name.split(".")[2] for name, _ in imported(table.tree) if name.startswith("argo_relay.dialects.")}
    listed -= {path.stem for path in (root / _DIALECTS).glob("*.py")}
    problems = [f"{(_DIALECTS / name).as_posix()}: not in the table" for name in held.keys() - listed]
    for name, present in held.items():
        lacking = set().union(*held.values()) - present
        problems += [f"{(_DIALECTS / name / file).as_posix()}: missing; other dialects have it" for file in lacking]
        if name not in _dialect_names(root / _DIALECTS / name / "dialect.py"):
            problems.append(f"{(_DIALECTS / name).as_posix()}: its Dialect bears another name")
    return sorted(problems)


def _dialect_names(path: Path) -> set[object]:
    tree = ast.parse(path.read_text(encoding="utf-8") if path.exists() else "")
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    words = [word for call in calls if ast.unparse(call.func) == "Dialect" for word in call.keywords]
    return {word.value.value for word in words if word.arg == "name" and isinstance(word.value, ast.Constant)}


def dependencies(root: Path) -> list[str]:
    """Each dependency has its reason in docs/dependencies.md, and nothing is imported that is not one."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    page = root / "docs" / "dependencies.md"
    given = dict(_reasons(page.read_text(encoding="utf-8"))) if page.exists() else {}
    problems = [
        f"docs/dependencies.md: no row that says why {name} is needed"
        for name in sorted(_required(project))
        if not given.get(name, "").strip()
    ]
    extras = [entry for extra in project["project"].get("optional-dependencies", {}).values() for entry in extra]
    at_run_time = {_plain(entry) for entry in [*project["project"]["dependencies"], *extras]}
    for module in modules(root, PACKAGE):
        for name, node in imported(module.tree):
            first = name.partition(".")[0]
            ours = first == "argo_relay" or first in sys.stdlib_module_names
            if not ours and _DISTRIBUTIONS.get(first, _plain(first)) not in at_run_time:
                problems.append(f"{module.at(node)}: {first} is not a run-time dependency in pyproject.toml")
    return problems


def _required(project: dict[str, Any]) -> set[str]:
    groups = project["dependency-groups"].values()
    lists = [project["build-system"]["requires"], project["project"]["dependencies"], *groups]
    return {_plain(entry) for entries in lists for entry in entries if isinstance(entry, str)}


def _reasons(page: str) -> Iterator[tuple[str, str]]:
    """Yield the rows `| name | why |` of every table; the name may be code or a link."""
    for line in page.splitlines():
        if line.lstrip().startswith("|"):
            name, _, rest = line.strip().strip("|").partition("|")
            yield _plain(name.strip(" `[")), rest.replace("|", " ")


def _plain(requirement: str) -> str:
    """Return the distribution's name in its normal form: `Types_PyYAML>=6; marker` is types-pyyaml."""
    found = re.match(r"[\w.-]*", requirement)
    return re.sub(r"[-_.]+", "-", found.group()).lower() if found else ""


def data_files(root: Path) -> list[str]:
    """Every file that is not Python is found in the installed package, too."""
    present = [path.relative_to(root / PACKAGE) for path in (root / PACKAGE).rglob("*") if path.is_file()]
    return [
        f"{(PACKAGE / path).as_posix()}: not found by importlib.resources"
        for path in sorted(present)
        if path.suffix not in {".py", ".pyc"} and not files("argo_relay").joinpath(*path.parts).is_file()
    ]


RULES: Final[dict[str, Callable[[Path], list[str]]]] = {
    rule.__name__: rule
    for rule in (
        module_sizes,
        function_sizes,
        arguments,
        docstrings,
        empty_modules,
        names,
        promises,
        dialect_files,
        dependencies,
        data_files,
        twins,
        sleeps,
        skips,
    )
}
