"""Each gate was seen to close: a copy of the house, one thing broken in it, and the tool that must say which rule."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from support.building import RULES
from support.tools import TOOLS, Verdict, append, contracts, copied
from support.tree import PACKAGE, ROOT

# The rooms from the top floor down, once more than in pyproject.toml: moving one takes two hands.
FLOORS: Final = (
    {"__main__"},
    {"cli"},
    {"workers"},
    {"server", "simulator", "doctor", "local"},
    {"exchange"},
    {"transport", "observe", "policy", "upstreams", "operations"},
    {"dialects"},
    {"framing", "models", "config"},
    {"neutral"},
    {"clock", "errors"},
)
ROOMS: Final = frozenset().union(*FLOORS)
PURE: Final = {"neutral", "framing", "dialects", "models", "policy", "upstreams", "operations"}

SRC: Final = PACKAGE.as_posix()
PROBE: Final = f"{SRC}/neutral/gate_probe.py"
TEST: Final = "tests/neutral/test_gate_probe.py"


class Breach(NamedTuple):
    """What is added to which files of the copy, the rules that this breaks, and what the tool says besides."""

    name: str
    tool: str
    added: Mapping[str, str]
    breaks: set[str]
    says: Iterable[str] = ()


def _file(room: str) -> str:
    """Return the room's own file, be it a package or a module."""
    return f"{SRC}/{room}/__init__.py" if (ROOT / PACKAGE / room).is_dir() else f"{SRC}/{room}.py"


def importing(name: str, wrong: Mapping[str, Iterable[str]], breaks: set[str]) -> Breach:
    """Break contracts by imports, room to modules; each must be named."""
    return Breach(
        name,
        "imports",
        {_file(room): "".join(f"import {module}\n" for module in sorted(modules)) for room, modules in wrong.items()},
        breaks,
        [f"argo_relay.{room} -> {module} (" for room, modules in wrong.items() for module in modules],
    )


def ours(rooms: Iterable[str]) -> set[str]:
    """Return the rooms' names as one imports them."""
    return {f"argo_relay.{room}" for room in rooms}


def _up_and_sideways() -> dict[str, set[str]]:
    """Return for each room all those it may not import: the floors above and its neighbours."""
    wrong: dict[str, set[str]] = {}
    above: set[str] = set()
    for floor in FLOORS:
        wrong |= {room: ours((above | floor) - {room}) for room in floor}
        above |= floor
    return {room: rooms for room, rooms in wrong.items() if rooms}


CONTRACTS: Final = [
    importing("a room from the floor above", {"neutral": {"argo_relay.framing"}}, {"floors"}),
    importing("transport sideways", {"transport": {"argo_relay.observe"}}, {"floors"}),
    importing("observe sideways", {"observe": {"argo_relay.policy"}}, {"floors"}),
    importing("policy sideways", {"policy": {"argo_relay.upstreams"}}, {"floors"}),
    importing("upstreams sideways", {"upstreams": {"argo_relay.transport"}}, {"floors"}),
    importing("operations sideways", {"operations": {"argo_relay.upstreams"}}, {"floors"}),
    importing("every way up and sideways", _up_and_sideways(), {"floors", "simulator"}),
    Breach("a new room", "imports", {f"{SRC}/attic/__init__.py": ""}, {"floors"}, ["argo_relay.attic"]),
    Breach("a new module beside the rooms", "imports", {f"{SRC}/attic.py": ""}, {"floors"}, ["argo_relay.attic"]),
    importing(
        "IO and time in pure rooms", dict.fromkeys(PURE, ("asyncio", "socket", "time", "logging")), {"pure", "time"}
    ),
    importing("time asked elsewhere", dict.fromkeys(ROOMS - {"clock", "simulator"}, ("time",)), {"pure", "time"}),
    Breach("a dialect unlisted", "imports", {f"{SRC}/dialects/gate_probe/__init__.py": ""}, {"dialects"}),
    importing(
        "a web server elsewhere",
        dict.fromkeys(ROOMS - {"server", "simulator"}, ("starlette", "uvicorn")) | {"server": ("uvicorn",)},
        {"web"},
    ),
    importing(
        "a connection elsewhere",
        dict.fromkeys(ROOMS - {"transport"}, ("aiohappyeyeballs", "python_socks")),
        {"sockets"},
    ),
    importing("figures kept elsewhere", dict.fromkeys(ROOMS, ("prometheus_client",)), {"figures"}),
    importing("the simulator on our mistakes", {"simulator": {"argo_relay.errors"}}, {"simulator"}),
    importing(
        "the simulator on anything of ours",
        {"simulator": ours(ROOMS - {"simulator", "__main__"})},
        {"floors", "simulator"},
    ),
]


def probe(code: str, text: str) -> Breach:
    """Break one of ruff's rules with a module that is otherwise as it should be."""
    return Breach(code, "lint", {PROBE: text}, {code}, ["gate_probe.py"])


RUFF: Final = [
    probe("F401", '"""Probes."""\n\nimport json\n'),
    probe("D100", "NUMBER = 1\n"),
    probe("D101", '"""Probes."""\n\n\nclass Probe:\n    number = 1\n'),
    probe("D103", '"""Probes."""\n\n\ndef probe() -> None:\n    return\n'),
    probe(
        "C901",
        '"""Probes."""\n\n\ndef probe(number: int) -> int:\n    """Probe."""\n    found = 0\n'
        + "".join(f"    if number == {case}:\n        found += {case}\n" for case in range(10))
        + "    return found\n",
    ),
    probe(
        "PLR0913",
        '"""Probes."""\n\n\ndef probe(*, a: int, b: int, c: int, d: int, e: int, f: int, g: int) -> int:\n'
        '    """Probe."""\n    return a + b + c + d + e + f + g\n',
    ),
    probe(
        "PLR0915",
        '"""Probes."""\n\n\ndef probe(number: int) -> int:\n    """Probe."""\n'
        + "    number += 1\n" * 41
        + "    return number\n",
    ),
    probe("T201", '"""Probes."""\n\nprint("probe")\n'),
    probe("E722", '"""Probes."""\n\ntry:\n    NUMBER = int("1")\nexcept:\n    NUMBER = 2\n'),
    probe("BLE001", '"""Probes."""\n\ntry:\n    NUMBER = int("1")\nexcept Exception:\n    NUMBER = 2\n'),
    probe("E501", f'"""Probes."""\n\nNUMBERS = "{"1" * 120}"\n'),
    probe("ERA001", '"""Probes."""\n\n# NUMBER = 1\n'),
    probe(
        "PLC0415",
        '"""Probes."""\n\n\ndef probe() -> str:\n    """Probe."""\n    import json\n\n    return json.dumps(1)\n',
    ),
    Breach(
        "the formatter", "layout", {PROBE: '"""Probes."""\n\nNUMBERS = [1,2]\n'}, {"unformatted"}, ["gate_probe.py"]
    ),
]

MYPY: Final = [
    Breach(
        "strict types",
        "types",
        {
            f"{SRC}/neutral/gate_untyped.py": "def probe(number):\n    return number\n",
            f"{SRC}/neutral/gate_wrong.py": 'def probe() -> int:\n    return "1"\n',
            f"{SRC}/neutral/gate_bare.py": "def probe(numbers: list) -> None: ...\n",
            f"{SRC}/neutral/gate_ignored.py": 'NUMBER: int = "1"  # type: ignore\n',
            f"{SRC}/neutral/gate_unused.py": "NUMBER: int = 1  # type: ignore[assignment]\n",
            f"{SRC}/neutral/gate_dead.py": "def probe(number: int) -> int:\n    return 1\n    return number\n",
        },
        {"no-untyped-def", "return-value", "type-arg", "ignore-without-code", "unused-ignore", "unreachable"},
        ["gate_untyped.py:1", "gate_wrong.py:2", "gate_bare.py:1", "gate_ignored.py:1", "gate_unused.py:1"],
    ),
]

OTHER: Final = [
    Breach(
        "data left out",
        "wheel",
        {"pyproject.toml": '\n[tool.hatch.build]\nexclude = ["*.toml"]\n'},
        {"packed"},
        ["argo_relay/models/catalogue.toml"],
    ),
    Breach(
        "lint without its tools",
        "steps",
        {"Makefile": "\nlint:\n\t@true\n"},
        {"ruff check .", "ruff format --check .", "mypy", "lint-imports"},
    ),
]


def house(rule: str, added: Mapping[str, str], *says: str, name: str = "") -> Breach:
    """Break one rule of `support.building`."""
    return Breach(name or rule, "building", added, {rule}, says)


def module(text: str) -> dict[str, str]:
    """Return a new module of src with its twin, so that only its own text can be wrong."""
    return {PROBE: text, TEST: TESTED}


TESTED: Final = "def test_probe() -> None:\n    assert True\n"
FUNCTION: Final = '"""Probes."""\n\n\ndef probe({arguments}) -> None:\n    """Probe."""\n{body}'

HOUSE: Final = [
    house("module_sizes", module('"""Probes."""\n' + "NUMBER = 1\n" * 399), "400 lines"),
    house("function_sizes", module(FUNCTION.format(arguments="", body="    print()\n" * 48)), "probe has 50 lines"),
    house("arguments", module(FUNCTION.format(arguments="a, b, c, *d, e, f, **g", body="")), "probe takes 7 arguments"),
    house(
        "arguments",
        module('"""Probes."""\n\n\nclass _Probe:\n    def probe(self, a, b, c, d, e, f, g): ...\n'),
        "_Probe.probe takes 7 arguments",
        name="a method's arguments",
    ),
    house("docstrings", module("NUMBER = 1\n"), "no docstring", name="a module without docstring"),
    house("docstrings", module('"""Probes."""\n\n\nclass Probe:\n    pass\n'), "Probe has no docstring"),
    house(
        "docstrings",
        module('"""Probes."""\n\n\nclass Probe:\n    """Probe."""\n\n    def probe(self) -> None: ...\n'),
        "Probe.probe has no docstring",
        name="a method without docstring",
    ),
    house("empty_modules", module('"""Probes."""\n\nimport json\n'), "an empty module"),
    house("empty_modules", {f"{SRC}/attic/__init__.py": '"""Attic."""\n'}, "an empty room", name="an empty room"),
    house(
        "empty_modules",
        {f"{SRC}/policy/__init__.py": "from argo_relay.policy.wish import Wish\n"},
        "policy/__init__.py",
        name="a room that hands on",
    ),
    house(
        "names",
        {f"{SRC}/neutral/gate_utils.py": '"""Probes."""\n\nNUMBER = 1\n', "tests/neutral/test_gate_utils.py": TESTED},
        "`gate_utils` says nothing: util",
    ),
    house("names", module('"""Probes."""\n\n\nclass _ProbeHandler: ...\n'), "handler", name="a class's name"),
    house("promises", module('"""Probes."""\n\nNUMBER = 1  # TODO: mend it\n'), "gate_probe.py:3: TODO"),
    house("promises", module('"""Probes.\n\nFIXME later.\n"""\n\nNUMBER = 1\n'), "FIXME", name="in a docstring"),
    house(
        "dialect_files",
        {
            f"{SRC}/dialects/gate_probe/__init__.py": '"""Probes."""\n',
            f"{SRC}/dialects/gate_probe/dialect.py": '"""Probes."""\n\nPROBE = Dialect(name="other")\n',
            "tests/dialects/gate_probe/test_dialect.py": TESTED,
        },
        "gate_probe: not in the table",
        "gate_probe/errors.py: missing; other dialects have it",
        "gate_probe: its Dialect bears another name",
    ),
    house(
        "dependencies", module('"""Probes."""\n\nimport httpx\n\nNUMBER = 1\n'), "httpx is not a run-time dependency"
    ),
    house("dependencies", {"docs/dependencies.md": "\n| uvloop | |\n"}, "why uvloop is needed", name="no reason given"),
    house("data_files", {f"{SRC}/models/prices.toml": ""}, "models/prices.toml"),
    house("twins", {PROBE: '"""Probes."""\n\nNUMBER = 1\n'}, "no tests/neutral/test_gate_probe.py"),
    house("twins", {TEST: TESTED}, "no such module", name="an orphan"),
    house(
        "twins", {PROBE: '"""Probes."""\n\nNUMBER = 1\n', TEST: "NUMBER = 1\n"}, "no test in it", name="a hollow twin"
    ),
    house(
        "sleeps",
        module('"""Probes."""\n\nNUMBER = 1\n') | {TEST: TESTED + "import time as t\n\nt.sleep(0)\n"},
        "time.sleep",
    ),
    house(
        "sleeps",
        {
            "tests/e2e/test_gate_probe.py": TESTED
            + "from asyncio import sleep\n\nasync def nap() -> None:\n    await sleep(0.1)\n"
        },
        "asyncio.sleep",
        name="a short asyncio.sleep",
    ),
    house(
        "skips",
        {"tests/e2e/test_gate_probe.py": "import pytest\n\n\n@pytest.mark.xfail\n" + TESTED},
        "pytest.mark.xfail",
    ),
    house(
        "skips",
        {
            "tests/e2e/test_gate_probe.py": "from pytest import mark, skip\n\npytestmark = [mark.skipif(True)]\n"
            "skip()\n" + TESTED
        },
        "pytest.skip",
        "pytest.mark.skipif",
        name="skips by other names",
    ),
]

BREACHES: Final = [*CONTRACTS, *RUFF, *MYPY, *OTHER, *HOUSE]


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("unbroken") / "house")


@pytest.fixture(scope="module")
def verdicts(unbroken: Path) -> Callable[[str], Verdict]:
    """What each tool says of the unbroken copy; each is asked once."""
    return cache(lambda tool: TOOLS[tool](unbroken))


# What the building's own rules say of the house is test_building's to tell.
@pytest.mark.parametrize("tool", [tool for tool in TOOLS if tool != "building"])
def test_gate_stays_open_for_the_house_as_it_is(tool: str, verdicts: Callable[[str], Verdict]) -> None:
    verdict = verdicts(tool)
    assert not verdict.findings, verdict.words


@pytest.mark.parametrize("breach", [pytest.param(breach, id=f"{breach.tool}: {breach.name}") for breach in BREACHES])
def test_gate_closes(breach: Breach, unbroken: Path, verdicts: Callable[[str], Verdict], tmp_path: Path) -> None:
    before = verdicts(breach.tool)
    copy = Path(shutil.copytree(unbroken, tmp_path / "house"))
    append(copy, breach.added)
    after = TOOLS[breach.tool](copy)
    assert {finding.rule for finding in after.findings - before.findings} == breach.breaks, after.words
    assert [words for words in breach.says if words not in after.words] == [], after.words


def test_each_gate_is_seen_to_close() -> None:
    closed = {tool: set[str]() for tool in TOOLS}
    for breach in BREACHES:
        closed[breach.tool] |= breach.breaks
    assert closed["imports"] == set(contracts())
    assert closed["building"] == set(RULES)
    assert all(closed.values())


def test_every_room_has_its_floor() -> None:
    modules = [path for path in (ROOT / PACKAGE).iterdir() if path.suffix == ".py" and path.stem != "__init__"]
    rooms = [path.parent for path in (ROOT / PACKAGE).glob("*/__init__.py")]
    assert {path.stem for path in (*modules, *rooms)} == ROOMS
