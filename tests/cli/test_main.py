"""The command itself: its help, its mistakes, and that it waits for nothing it does not need."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from argo_relay import __version__
from argo_relay.cli.main import main
from support.process import run_command

HEAVY = ("asyncio", "rich", "starlette", "uvicorn", "uvloop", "yaml")


def test_its_version() -> None:
    done = run_command("--version")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip().endswith(__version__)


def test_it_is_a_module_too() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "argo_relay", "--version"], capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.strip().endswith(__version__)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(main, args, prog_name="argo-relay")


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_its_help_lists_the_commands_in_their_order(flag: str) -> None:
    done = invoke(flag)
    assert (done.exit_code, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    commands = lines[lines.index("Commands:") + 1 :]
    assert [line.split()[0] for line in commands] == ["serve", "models", "doctor", "config", "simulate"]
    assert all(len(line.split()) > 1 for line in commands), "each with a word about it"


def test_its_help_keeps_the_lines_that_people_copy() -> None:
    lines = [line.strip() for line in invoke("-h").stdout.splitlines()]
    assert "Try it without a token:   argo-relay serve --simulate" in lines
    assert "For real:                 argo-relay serve" in lines
    assert not any("\\b" in line for line in lines)


def test_nothing_else_is_help_too() -> None:
    done = invoke()
    assert done.exit_code == 2
    assert "Commands:" in done.stdout + done.stderr


@pytest.mark.parametrize("command", ["serve", "models", "doctor", "config", "simulate"])
def test_each_command_has_its_help(command: str) -> None:
    # A process of its own: click remembers a command's help option from wherever it was first asked for.
    done = run_command(command, "-h")
    assert done.returncode == 0
    assert done.stdout.startswith(f"Usage: argo-relay {command} ")


@pytest.mark.parametrize(
    ("typed", "meant"), [("serv", "serve"), ("simulat", "simulate"), ("model", "models"), ("conf", "config")]
)
def test_a_command_that_is_none_says_which_was_meant(typed: str, meant: str) -> None:
    done = invoke(typed)
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"No such command '{typed}'. Did you mean '{meant}'?" in done.stderr


@pytest.mark.parametrize("typed", ["xyzzy", "--xyzzy"])
def test_what_nobody_can_have_meant(typed: str) -> None:
    done = invoke(typed)
    assert (done.exit_code, done.stdout) == (2, "")
    assert typed in done.stderr
    assert "Did you mean" not in done.stderr


@pytest.mark.parametrize(
    ("args", "allowed"),
    [(["--version"], set()), (["-h"], {"asyncio"}), (["serve", "-h"], {"asyncio"}), (["serve"], {"asyncio"})],
)
def test_it_loads_nothing_that_a_command_does_not_need(args: list[str], allowed: set[str], tmp_path: Path) -> None:
    code = f"""
import sys
from argo_relay.cli.main import main
main({args!r}, standalone_mode=False)
print(*({{module.partition('.')[0] for module in sys.modules}} & set({HEAVY!r})), file=sys.stderr)
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=20,
        check=True,
        cwd=tmp_path,
        env={"HOME": str(tmp_path)},
        stdin=subprocess.DEVNULL,
    )
    assert set(done.stderr.splitlines()[-1].split()) <= allowed
