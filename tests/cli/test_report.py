from __future__ import annotations

import pytest

from argo_relay.cli.report import report, warn
from argo_relay.errors import ConfigError, StartError


def test_one_problem_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ConfigError(["x.yaml:1: port: it is null"])).exit_code == 2
    out, err = capsys.readouterr()
    assert (out, err) == ("", "error: x.yaml:1: port: it is null\n")


def test_more_problems_are_a_block(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(ConfigError(["one", "two"])).exit_code == 2
    assert capsys.readouterr().err == "error: the configuration has 2 problems\n  one\n  two\n"


def test_a_file_that_is_no_configuration_does_not_fill_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigError([f"x.yaml:{line}: unknown key" for line in range(1, 1001)]))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "error: the configuration has 1000 problems"
    assert lines[-2:] == ["  x.yaml:100: unknown key", "  and 900 more"]


def test_another_error_ends_with_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(StartError("port 44497 is taken")).exit_code == 1
    assert capsys.readouterr().err == "error: port 44497 is taken\n"


def test_nothing_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    report(ConfigError(["a\x1b[2Jb\nc"]))
    warn(["d\x07"])
    assert capsys.readouterr().err == "error: a?[2Jb?c\nwarning: d?\n"
