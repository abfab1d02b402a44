from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from argo_relay.cli.config import config
from argo_relay.config.keys import KEYS
from argo_relay.config.load import load
from support.process import run_command

Runs = Callable[..., Result]


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Runs:
    """Run the command in an empty directory, with a home of its own and no terminal."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg"))
    for name in [name for name in os.environ if name.startswith("ARGO_RELAY_")]:
        monkeypatch.delenv(name)

    def run(*arguments: str, typed: str = "", **environ: str) -> Result:
        variables = {f"ARGO_RELAY_{name}": value for name, value in environ.items()}
        result = CliRunner().invoke(config, arguments, input=typed, env=variables)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        return result

    return run


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    return tmp_path / "xdg" / "argo-relay" / "argo-relay.yaml"


def test_path_is_the_file_in_use_and_nothing_else(runs: Runs, tmp_path: Path) -> None:
    file = tmp_path / "work" / "argo-relay.yaml"
    file.write_text("port: wrong, but it is the file in use\n")
    result = runs("path")
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{file}\n", "")


def test_path_tells_where_it_looked(runs: Runs, own_file: Path) -> None:
    result = runs("path")
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"user's configuration {own_file}: not there" in result.stderr
    assert "$ARGO_RELAY_CONFIG: not set" in result.stderr
    assert "argo-relay config init" in result.stderr


def test_path_as_json(runs: Runs, tmp_path: Path) -> None:
    missing = runs("path", "--json")
    assert missing.exit_code == 1
    assert json.loads(missing.stdout)["path"] is None
    file = tmp_path / "a.yaml"
    file.write_text("")
    found = json.loads(runs("path", "--json", "--config", str(file)).stdout)
    assert found["path"] == str(file)
    assert found["searched"][0]["outcome"] == "used"


def test_path_of_a_file_that_is_not_there(runs: Runs) -> None:
    for result in (runs("path", "--config", "missing"), runs("path", CONFIG="missing")):
        assert (result.exit_code, result.stdout) == (2, "")
        assert "missing: there is no such file" in result.stderr


def test_show_has_a_line_for_every_key(runs: Runs, own_file: Path) -> None:
    runs("init", "--user", "jdoe")
    line = own_file.read_text().splitlines().index("user: jdoe") + 1
    result = runs("show", PORT="5", KEYS="s3cret")
    lines = {line.split()[0]: line.split(maxsplit=1)[1] for line in result.stdout.splitlines()}
    assert result.exit_code == 0
    assert list(lines) == [key.name for key in KEYS]
    assert lines["user"].split() == ["jdoe", "file", f"{own_file}:{line}"]
    assert lines["port"].split() == ["5", "env", "ARGO_RELAY_PORT"]
    assert lines["host"].split() == ['"127.0.0.1"', "default"]
    assert lines["keys"].split() == ["***", "(1)", "env", "ARGO_RELAY_KEYS"]
    assert "s3cret" not in result.output
    assert "\x1b" not in result.output


def test_show_as_json_is_only_json(runs: Runs) -> None:
    Path("argo-relay.yaml").write_text("keys: [s3cret-a, s3cret-b]\nmodels: {gpt-4o: {timeouts: {total: 5}}}\n")
    Path("argo-relay.yaml").chmod(0o644)
    result = runs("show", "--json", PORT="5")
    table = json.loads(result.stdout)
    assert table["port"] == {"value": 5, "origin": "env ARGO_RELAY_PORT"}
    assert table["keys"] == {"value": ["***", "***"], "origin": "file argo-relay.yaml:1"}
    assert table["models.gpt-4o.timeouts.total"] == {"value": 5, "origin": "file argo-relay.yaml:2"}
    assert table["timeouts.idle"] == {"value": 300, "origin": "default"}
    assert "chmod 600 argo-relay.yaml" in result.stderr
    assert "s3cret" not in result.output


def test_show_explains_each_key(runs: Runs) -> None:
    text = runs("show", "--explain").stdout
    table = json.loads(runs("show", "--explain", "--json").stdout)
    for key in KEYS:
        assert f"    {key.meaning}\n" in text
        assert table[key.name]["meaning"] == key.meaning


def test_show_of_a_wrong_configuration_tells_all_problems(runs: Runs) -> None:
    Path("argo-relay.yaml").write_text("port: x\ntimeout: 5\n")
    result = runs("show", "--json", USER="J@x")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[0] == "error: the configuration has 3 problems"
    assert "argo-relay.yaml:2: unknown key `timeout`; did you mean `timeouts`?" in result.stderr


def test_check_says_that_all_is_fine(runs: Runs, tmp_path: Path) -> None:
    nothing = runs("check")
    assert (nothing.exit_code, nothing.stdout) == (0, "")
    assert nothing.stderr == "there is no configuration file: the environment is fine\n"
    (tmp_path / "a.yaml").write_text("port: 5\n")
    named = runs("check", str(tmp_path / "a.yaml"))
    assert (named.exit_code, named.stdout, named.stderr) == (0, "", f"{tmp_path / 'a.yaml'} is fine\n")


def test_check_tells_all_problems(runs: Runs) -> None:
    Path("x.yaml").write_text("port: x\nkeys: [5]\n")
    result = runs("check", "x.yaml", LOG_FORMAT="xml")
    assert (result.exit_code, result.stdout) == (2, "")
    assert [line.split(": ")[0].strip() for line in result.stderr.splitlines()[1:]] == [
        "x.yaml:1",
        "x.yaml:2",
        "ARGO_RELAY_LOG_FORMAT",
    ]


def test_check_warns_of_keys_that_others_can_read(runs: Runs) -> None:
    Path("x.yaml").write_text("keys: [s3cret]\n")
    Path("x.yaml").chmod(0o640)
    result = runs("check", "x.yaml")
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: x.yaml holds `keys`")
    assert "s3cret" not in result.output


def test_init_writes_the_users_own_file(runs: Runs, own_file: Path) -> None:
    result = runs("init", "--user", "jdoe", "--environment", "dev", "--port", "0")
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == f"wrote {own_file}; start with: argo-relay serve\n"
    assert stat.S_IMODE(own_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(own_file.parent.stat().st_mode) == 0o700
    written = load(config=own_file, environ={}).config
    assert (written.user, written.upstream.environment, written.port) == ("jdoe", "dev", 0)


def test_init_elsewhere_says_how_to_use_it(runs: Runs) -> None:
    result = runs("init", "--user", "jdoe", "--path", "my file.yaml")
    assert result.stderr == "wrote my file.yaml; start with: argo-relay serve --config 'my file.yaml'\n"
    assert load(config=Path("my file.yaml"), environ={}).config.user == "jdoe"


def test_init_without_a_terminal_says_what_to_pass(runs: Runs, own_file: Path) -> None:
    result = runs("init")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "pass --user NAME" in result.stderr
    assert "--environment prod|dev|test" in result.stderr
    assert not own_file.exists()


def test_init_on_a_terminal_asks_for_what_is_missing(
    runs: Runs, own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argo_relay.cli.config.on_terminal", lambda: True)
    result = runs("init", typed="jdoe\ntest\n")
    assert result.exit_code == 0
    written = load(config=own_file, environ={}).config
    assert (written.user, written.upstream.environment) == ("jdoe", "test")
    again = runs("init", "--force", "--user", "other", "--environment", "dev")
    assert again.exit_code == 0
    assert load(config=own_file, environ={}).config.user == "other"


def test_init_replaces_nothing_unasked_and_asks_nothing_first(
    runs: Runs, own_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("argo_relay.cli.config.on_terminal", lambda: True)
    own_file.parent.mkdir(parents=True)
    own_file.write_text("port: 1\n")
    result = runs("init")
    assert result.exit_code == 2
    assert result.stderr == f"error: {own_file}: there is a file already; pass --force to replace it\n"
    assert own_file.read_text() == "port: 1\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--user", "JDoe@anl.gov"), "error: --user: user: `JDoe@anl.gov` is not an Argo user name"),
        (("--user", ""), "error: --user: user: it is empty"),
        (("--user", "jdoe", "--environment", "staging"), "'staging' is not one of"),
        (("--user", "jdoe", "--port", "70000"), "70000 is not in the range"),
    ],
)
def test_init_writes_nothing_that_is_wrong(runs: Runs, own_file: Path, arguments: tuple[str, ...], said: str) -> None:
    result = runs("init", *arguments)
    assert result.exit_code == 2
    assert said in result.stderr
    assert not own_file.exists()


def test_init_without_a_home_wants_a_path(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("argo_relay.config.write.home_file", lambda environ: None)
    result = runs("init", "--user", "jdoe")
    assert result.exit_code == 2
    assert "pass --path PATH" in result.stderr


def test_check_looks_at_the_names_of_models_too(tmp_path: Path) -> None:
    file = tmp_path / "names.yaml"
    file.write_text("aliases: {best: gpt-9000}\n")
    done = run_command("config", "check", str(file))
    assert done.returncode == 0
    assert "warning: aliases.best: no model gpt-9000 is known here" in done.stderr
    file.write_text("aliases: {best: gpt-5, BEST: o3}\n")
    done = run_command("config", "check", str(file))
    assert done.returncode == 2
    assert "aliases.BEST: it is the same name as best" in done.stderr
