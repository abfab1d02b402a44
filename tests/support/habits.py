"""Rules for the tests themselves: each module has its twin, nobody sleeps, nothing is skipped.

Each rule takes a root and returns its problems, one sentence each.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from support.tree import PACKAGE, Definition, Module, definitions, dotted, modules

TESTS: Final = Path("tests")
SUPPORT: Final = TESTS / "support"

# What drives the whole program or every dialect has no one module to mirror, and what tests share is no test.
_WITHOUT_MODULE: Final = {
    TESTS / "e2e",
    SUPPORT,
    TESTS / "test_building.py",
    TESTS / "test_gates.py",
    TESTS / "dialects" / "test_crossings.py",
    TESTS / "dialects" / "test_cuts.py",
    TESTS / "dialects" / "test_fuzz.py",
    TESTS / "dialects" / "test_fuzzed.py",
    TESTS / "dialects" / "test_laws.py",
    TESTS / "exchange" / "test_contract.py",
}
_WITHOUT_TEST: Final = {"__init__.py", "__main__.py"}

_SKIPS: Final = {
    "pytest.importorskip",
    "pytest.mark.skip",
    "pytest.mark.skipif",
    "pytest.mark.xfail",
    "pytest.skip",
    "pytest.xfail",
    "unittest.SkipTest",
    "unittest.expectedFailure",
    "unittest.skip",
    "unittest.skipIf",
    "unittest.skipUnless",
}


def twins(root: Path) -> list[str]:
    """Every module has its test and every test its module: what is renamed or removed leaves nothing behind."""
    sources = [module.path for module in modules(root, PACKAGE) if module.path.name not in _WITHOUT_TEST]
    wanted = {TESTS / path.relative_to(PACKAGE).with_name(f"test_{path.name}"): path for path in sources}
    present = {module.path: module for module in modules(root, TESTS)}
    problems = [f"{path.as_posix()}: no {twin.as_posix()}" for twin, path in wanted.items() if twin not in present]
    for path, module in present.items():
        if path.name == "conftest.py" or path.is_relative_to(SUPPORT):
            continue
        if not _tests_something(module):
            problems.append(f"{path.as_posix()}: no test in it; what tests share lives in {SUPPORT.as_posix()}")
        elif path not in wanted and not any(path.is_relative_to(free) for free in _WITHOUT_MODULE):
            problems.append(f"{path.as_posix()}: no such module in {PACKAGE.as_posix()}")
    return problems


def _tests_something(module: Module) -> bool:
    found = any(
        name.rpartition(".")[2].startswith("test_") for name, node, _ in definitions(module.tree) if _is_function(node)
    )
    return found and module.path.name.startswith("test_")


def sleeps(root: Path) -> list[str]:
    """No test waits for real time to pass; where time is virtual, `asyncio.sleep` is how it passes."""
    problems = []
    for module in modules(root, TESTS):
        if module.path.is_relative_to(SUPPORT):
            continue
        for call, virtual in _calls(module.tree, virtual=False):
            name = dotted(call.func, module.tree)
            if name == "time.sleep" or (name in {"asyncio.sleep", "anyio.sleep"} and not virtual and not _zero(call)):
                problems.append(f"{module.at(call)}: {name} waits for real time; wait for what is meant to happen")
    return problems


def _calls(node: ast.AST, *, virtual: bool) -> Iterator[tuple[ast.Call, bool]]:
    """Yield every call, and whether it stands where a mark makes time virtual."""
    virtual = virtual or _runs_on_virtual_time(node)
    if isinstance(node, ast.Call):
        yield node, virtual
    for child in ast.iter_child_nodes(node):
        yield from _calls(child, virtual=virtual)


def _runs_on_virtual_time(node: ast.AST) -> bool:
    if isinstance(node, ast.Module):
        marks = [
            statement.value
            for statement in node.body
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "pytestmark"
        ]
    elif isinstance(node, Definition):
        marks = node.decorator_list
    else:
        return False
    return any(
        isinstance(part, ast.Attribute) and ast.unparse(part).endswith("mark.looptime")
        for mark in marks
        for part in ast.walk(mark)
    )


def _zero(call: ast.Call) -> bool:
    delays = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "delay")]
    return [delay.value for delay in delays if isinstance(delay, ast.Constant)] == [0]


def skips(root: Path) -> list[str]:
    """Every test runs, everywhere: what is skipped is believed to pass."""
    return [
        f"{module.at(node)}: {name} hides a test"
        for module in modules(root, TESTS)
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Attribute | ast.Name) and (name := dotted(node, module.tree)) in _SKIPS
    ]


def _is_function(node: Definition) -> bool:
    return not isinstance(node, ast.ClassDef)
