"""The list of models, from a real simulator and without one."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from argo_relay.cli.models import models
from argo_relay.models.catalogue import catalogue
from support.process import COMMAND, SimulatorProcess, run_command
from support.terminal import Terminal

LISTED = {
    "argo:gpt-4o": ["GPT-4o", "chat", "openai", "gpt4o"],
    "argo:claude-opus-4.7": ["Claude Opus 4.7", "chat", "anthropic", "claudeopus47"],
}


@pytest.fixture(scope="module")
def simulator() -> Iterator[SimulatorProcess]:
    with SimulatorProcess() as started:
        yield started


@pytest.fixture
def nowhere() -> Iterator[str]:
    """An address that refuses every connection, for as long as the test runs."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("ARGO_RELAY_", "XDG_"))]:
        monkeypatch.delenv(name)


def invoke(*args: str) -> Result:
    return CliRunner().invoke(models, args)


def test_json_is_all_there_is_on_standard_output(simulator: SimulatorProcess) -> None:
    done = run_command("models", "--json", "--base-url", simulator.url)
    assert (done.returncode, done.stderr) == (0, "")
    rows = {row["id"]: row for row in json.loads(done.stdout)}
    for name, (display, kind, owner, internal) in LISTED.items():
        assert rows[name] == {"id": name, "name": display, "kind": kind, "owner": owner, "internal_id": internal}
    assert "embedding" in {row["kind"] for row in rows.values()}


def test_where_no_person_reads_the_fields_stand_between_tabs(simulator: SimulatorProcess) -> None:
    result = invoke("--base-url", simulator.url)
    assert (result.exit_code, result.stderr) == (0, "")
    rows = {name: rest for name, *rest in (line.split("\t") for line in result.stdout.splitlines())}
    assert {len(rest) for rest in rows.values()} == {4}
    assert {name: rows[name] for name in LISTED} == LISTED


def test_where_a_person_reads_it_is_a_table(simulator: SimulatorProcess, tmp_path: Path) -> None:
    with Terminal((*COMMAND, "models", "--base-url", simulator.url), tmp_path) as terminal:
        assert terminal.finish() == 0
    assert "\t" not in terminal.shown
    head, *rows = terminal.shown.splitlines()
    assert head.split()[:3] == ["ask", "for", "model"]
    row = next(row for row in rows if row.startswith("argo:gpt-4o "))
    assert row.split() == ["argo:gpt-4o", *LISTED["argo:gpt-4o"]]
    assert row.index("GPT-4o") == head.index("model")


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_an_upstream_that_cannot_be_asked(nowhere: str, form: list[str]) -> None:
    result = invoke("--base-url", nowhere, *form)
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: the upstream could not be asked (the connection was refused")
    assert "built-in catalogue" in result.stderr
    assert nowhere.removeprefix("http://") not in result.output
    named = (
        {row["id"] for row in json.loads(result.stdout)}
        if form
        else {line.split("\t")[0] for line in result.stdout.splitlines()}
    )
    assert named == {profile.public_id for profile in catalogue() if not profile.retired}


def test_the_configuration_says_whom_to_ask(simulator: SimulatorProcess, nowhere: str, tmp_path: Path) -> None:
    (tmp_path / "argo-relay.yaml").write_text(f"upstream: {{base_url: '{nowhere}'}}\n")
    assert "warning" in invoke().stderr
    (tmp_path / "other.yaml").write_text(f"upstream: {{base_url: '{simulator.url}'}}\n")
    assert invoke("--config", "other.yaml").stderr == ""
    assert invoke("--base-url", simulator.url).stderr == "", "the option goes before the file"


def test_another_kind_of_upstream_lists_its_own_names_or_none(
    simulator: SimulatorProcess, nowhere: str, tmp_path: Path
) -> None:
    (tmp_path / "argo-relay.yaml").write_text(f"upstream: {{kind: openai, base_url: '{simulator.url}'}}\n")
    result = invoke("--json")
    assert (result.exit_code, result.stderr) == (0, "")
    rows = json.loads(result.stdout)
    assert rows
    assert all(row["id"] == row["name"] == row["internal_id"] for row in rows)
    missing = invoke("--base-url", nowhere, "--json")
    assert (missing.exit_code, json.loads(missing.stdout)) == (0, [])
    assert missing.stderr.startswith("warning: the upstream could not be asked (")
    assert "catalogue" not in missing.stderr


def test_a_wrong_address_is_told_with_its_option() -> None:
    result = invoke("--base-url", "ftp://example.org", "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--base-url" in result.stderr


def test_aliases_are_listed_as_what_they_are(
    simulator: SimulatorProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARGO_RELAY_ALIASES", "best=gpt-5.5,lost=gpt-9000")
    result = invoke("--base-url", simulator.url, "--json")
    assert "warning: aliases.lost: no model gpt-9000 is known here" in result.stderr
    rows = {row["id"]: row for row in json.loads(result.stdout)}
    assert rows["best"]["alias_of"] == "argo:gpt-5.5"
    assert "alias_of" not in rows["argo:gpt-5.5"]
    assert "lost" not in rows
    lines = [line.split("\t") for line in invoke("--base-url", simulator.url).stdout.splitlines()]
    assert [line for line in lines if len(line) != 5] == [
        ["best", "GPT-5.5", "chat", "openai", "gpt55", "argo:gpt-5.5"]
    ]
    env = {"ARGO_RELAY_ALIASES": "best=gpt-5.5"}
    with Terminal((*COMMAND, "models", "--base-url", simulator.url), tmp_path, env) as terminal:
        assert terminal.finish() == 0
    assert re.search(r"^best +alias of argo:", terminal.shown, re.MULTILINE)
    monkeypatch.setenv("ARGO_RELAY_ALIASES", "best=gpt-5.5,fast=argo:best")
    assert invoke("--base-url", simulator.url).exit_code == 2


def test_one_model_for_a_person_and_for_a_program(simulator: SimulatorProcess) -> None:
    done = run_command("models", "claude-4.7-opus", "--base-url", simulator.url)
    assert (done.returncode, done.stderr) == (0, "")
    told = dict(line.split("  ", 1) for line in done.stdout.splitlines())
    assert told["id"].strip() == "argo:claude-opus-4.7"
    assert told["offered"].strip() == "yes"
    result = invoke("claude-4.7-opus", "--json", "--base-url", simulator.url)
    assert json.loads(result.stdout)["names"][0] == "argo:claude-opus-4.7"


def test_a_name_of_no_model(simulator: SimulatorProcess) -> None:
    result = invoke("gpt-4oo", "--json", "--base-url", simulator.url)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("error: There is no model `gpt-4oo` here; the closest are argo:gpt-4o")
    assert "`argo-relay models` lists all." in result.stderr
