from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from argo_relay.cli import questions


def answer(question: object, typed: str) -> tuple[str, str]:
    """What the question returns for the typed lines, and what it showed on standard error."""
    command = click.Command("ask", callback=lambda: click.echo(question() if callable(question) else ""))
    result = CliRunner().invoke(command, input=typed)
    assert result.exit_code == 0
    return result.stdout, result.stderr


def test_a_user_is_asked_for_until_the_name_can_be_one() -> None:
    out, err = answer(questions.ask_user, "JDoe@anl.gov\n jdoe \n")
    assert out.splitlines()[-1] == "jdoe"
    assert "lower case, without @anl.gov" in err
    assert "`JDoe@anl.gov` is not an Argo user name" in err


@pytest.mark.parametrize(("typed", "environment"), [("\n", "prod"), ("nowhere\ntest\n", "test")])
def test_an_environment_is_one_of_argos(typed: str, environment: str) -> None:
    out, err = answer(questions.ask_environment, typed)
    assert out.splitlines()[-1] == environment
    assert "prod, dev, test" in err


def test_a_question_without_an_answer_ends_the_command() -> None:
    result = CliRunner().invoke(click.Command("ask", callback=questions.ask_user), input="")
    assert result.exit_code == 1


@pytest.mark.parametrize(("stdin", "stderr"), [(True, True), (True, False), (False, True)])
def test_a_terminal_is_one_for_both_questions_and_answers(
    monkeypatch: pytest.MonkeyPatch, stdin: bool, stderr: bool
) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: stdin, raising=False)
    monkeypatch.setattr("sys.stderr.isatty", lambda: stderr, raising=False)
    assert questions.on_terminal() is (stdin and stderr)


def test_the_environments_are_the_schemas() -> None:
    assert questions.ENVIRONMENTS == ("prod", "dev", "test")
