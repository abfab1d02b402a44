"""Runs the tools that guard the house over a copy of it, and reads from what they print which rules were broken."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from support.building import RULES
from support.tree import PACKAGE, ROOT

BIN: Final = Path(sys.executable).parent

_COPIED: Final = (
    "LICENSE",
    "Makefile",
    "README.md",
    "bench",
    "docs",
    "examples",
    "pyproject.toml",
    "requirements-dev.lock",
    "requirements.lock",
    "src",
    "tests",
)
_LEFT_BEHIND: Final = shutil.ignore_patterns("__pycache__", ".*")


class Finding(NamedTuple):
    """One thing a tool found: the rule by the tool's own name, and where or what."""

    rule: str
    what: str = ""


class Verdict(NamedTuple):
    """What a tool says of a copy, in its findings and in its words on one line."""

    findings: set[Finding]
    words: str


def contracts() -> dict[str, str]:
    """Return the import contracts, id to name; what lint-imports prints is the name."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    return {contract["id"]: contract["name"] for contract in project["tool"]["importlinter"]["contracts"]}


def copied(there: Path) -> Path:
    """Copy what the tools look at into a new folder."""
    there.mkdir()
    for name in _COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, there / name, ignore=_LEFT_BEHIND)
        elif source.exists():
            shutil.copy(source, there)
    return there


def append(copy: Path, additions: Mapping[str, str]) -> None:
    """Add text to the copy's files; a file that is not there is made."""
    for name, text in additions.items():
        path = copy / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)


def _run(copy: Path, tool: str, *arguments: str) -> tuple[bool, str]:
    """Run a tool of this environment in the copy; return whether it was content, and what it printed."""
    # What make says to the makes below it would change what they do.
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    done = subprocess.run(
        [shutil.which(tool, path=BIN) or tool, *arguments],
        cwd=copy,
        env={**inherited, "PYTHONPATH": str(copy / "src"), "NO_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode == 0, done.stdout


def _verdict(content: bool, findings: set[Finding], words: str) -> Verdict:
    """Fail when a tool's exit code, which is all that `make lint` sees, says another thing than its words."""
    assert content == (not findings), f"exit code 0: {content}, but:\n{words}"
    # Some tools wrap their lines; a rule's name must be found all the same.
    return Verdict(findings, " ".join(words.split()))


def _found(pattern: str, words: str) -> set[Finding]:
    """Return a finding for each line; the pattern names its groups `rule` and `what`."""
    return {Finding(**found.groupdict()) for found in re.finditer(pattern, words, re.MULTILINE)}


def imports(copy: Path) -> Verdict:
    """Run import-linter."""
    content, words = _run(copy, "lint-imports", "--no-cache", "--no-logo")
    flat = " ".join(words.split())
    return _verdict(content, {Finding(key) for key, name in contracts().items() if f"{name} BROKEN" in flat}, words)


def lint(copy: Path) -> Verdict:
    """Run ruff's rules."""
    content, words = _run(copy, "ruff", "check", "--no-cache", "--output-format=concise", "src")
    return _verdict(content, _found(r"^(?P<what>\S+):\d+:\d+: (?P<rule>\S+) ", words), words)


def layout(copy: Path) -> Verdict:
    """Run ruff's formatter, which changes nothing here."""
    content, words = _run(copy, "ruff", "format", "--no-cache", "--check", "--output-format=concise", "src")
    return _verdict(content, _found(r"^(?P<what>\S+):\d+:\d+: (?P<rule>\w+):", words), words)


def types(copy: Path) -> Verdict:
    """Run mypy, over one small room: it is the slowest of them."""
    content, words = _run(copy, "mypy", f"--cache-dir={copy.parent / 'mypy'}", (PACKAGE / "neutral").as_posix())
    return _verdict(content, _found(r"^(?P<what>\S+):\d+: error: .*\[(?P<rule>[a-z-]+)\]$", words), words)


def wheel(copy: Path) -> Verdict:
    """Build what would be published, and look for every file of the package in it."""
    content, words = _run(copy, "python", "-m", "hatchling", "build", "-t", "wheel", "-d", "built")
    assert content, words
    (built,) = (copy / "built").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        packed = set(archive.namelist())
    held = {path.relative_to(copy / "src").as_posix() for path in (copy / PACKAGE).rglob("*") if path.is_file()}
    return Verdict({Finding("packed", name) for name in held - packed}, " ".join(sorted(held - packed)))


def steps(copy: Path) -> Verdict:
    """Ask make what `make test` does, without doing it."""
    content, words = _run(copy, "make", "--dry-run", "test")
    assert content, words
    done = re.findall(r"^\S*bin/(.+)$", words, re.MULTILINE)
    wanted = ("ruff check .", "ruff format --check .", "mypy", "lint-imports", "python -m pytest")
    return Verdict(
        {Finding(step) for step in wanted if not any(f"{line} ".startswith(f"{step} ") for line in done)}, words
    )


def building(copy: Path) -> Verdict:
    """Apply the rules of `support.building`."""
    findings = {Finding(name, problem) for name, rule in RULES.items() for problem in rule(copy)}
    return Verdict(findings, "\n".join(problem for _, problem in findings))


TOOLS: Final[dict[str, Callable[[Path], Verdict]]] = {
    tool.__name__: tool for tool in (imports, lint, layout, types, wheel, steps, building)
}
