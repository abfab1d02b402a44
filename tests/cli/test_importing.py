from __future__ import annotations

import json
import stat
from pathlib import Path
from subprocess import CompletedProcess

import httpx
import pytest
from click.testing import CliRunner
from openai import OpenAI

from argo_relay.cli.importing import import_
from argo_relay.config.load import load
from support.process import RelayProcess, SimulatorProcess, run_command

SAMPLES = Path(__file__).parents[1] / "config" / "argo_proxy"
V3 = (SAMPLES / "v3_everything.yaml").read_text()


def run(home: Path, *arguments: str) -> CompletedProcess[str]:
    return run_command("config", "import", *arguments, home=home)


@pytest.fixture
def own_file(tmp_path: Path) -> Path:
    return tmp_path / ".config" / "argo-relay" / "argo-relay.yaml"


@pytest.mark.parametrize("sample", sorted(SAMPLES.glob("*.yaml")), ids=lambda path: str(path.stem))
def test_a_file_is_imported_and_the_result_is_fine(sample: Path, tmp_path: Path, own_file: Path) -> None:
    before = sample.read_bytes()
    done = run(tmp_path, str(sample))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith(f"wrote {own_file}; start with: argo-relay serve\n")
    assert stat.S_IMODE(own_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(own_file.parent.stat().st_mode) == 0o700
    assert "# The whole exchange, from the request read" in own_file.read_text()
    assert sample.read_bytes() == before
    assert run_command("config", "check", str(own_file), home=tmp_path).returncode == 0


def test_the_report_has_a_line_a_key_and_a_reason_below(tmp_path: Path, own_file: Path) -> None:
    (tmp_path / "old.yaml").write_text("user: jdoe\nhost: 0.0.0.0\nlog_to_file: yes\nverbose: true\n")
    lines = run(tmp_path, "old.yaml").stderr.splitlines()
    assert lines[0] == "old.yaml: argo-proxy's configuration, version 1"
    table = [line for line in lines[1:] if line.startswith("  ") and line[2] != " "]
    assert [line.split(maxsplit=1)[0] for line in table] == ["user", "host", "log_to_file", "verbose", "argo_base_url"]
    assert table[0].split() == ["user", "taken", "user", "=", "jdoe"]
    assert table[1].split() == ["host", "changed", "host", "=", '"127.0.0.1"']
    assert table[2].endswith(f'log.file = "{own_file.with_suffix(".log")}"')
    assert table[3].split() == ["verbose", "dropped"]
    assert table[4].split() == ["argo_base_url", "(not", "set)", "changed", "upstream.environment", "=", "prod"]
    assert lines[lines.index(table[1]) + 1].startswith("      `0.0.0.0` was open to every machine")
    assert lines[-2] == "1 taken, 3 changed, 1 dropped"
    assert max(len(line) for line in lines if line.startswith("      ")) <= 106


def test_the_report_as_json_is_only_json(tmp_path: Path, own_file: Path) -> None:
    (tmp_path / "old.yaml").write_text(V3)
    done = run(tmp_path, "old.yaml", "--json")
    told = json.loads(done.stdout)
    assert done.stderr == f"wrote {own_file}; start with: argo-relay serve\n"
    assert (told["source"], told["path"]) == (str(tmp_path / "old.yaml"), str(own_file))
    assert (told["version"], told["written"]) == ("3", True)
    assert told["rows"][1] == {"key": "user", "line": 2, "fate": "taken", "ours": {"user": "jdoe"}, "reason": ""}
    assert told["values"]["upstream.base_url"] == "http://localhost:8443/argoapi"
    assert "hunter2" not in done.stdout + done.stderr


def test_a_dry_run_writes_nothing_and_needs_no_free_place(tmp_path: Path, own_file: Path) -> None:
    (tmp_path / "old.yaml").write_text(V3)
    done = run(tmp_path, "old.yaml", "--dry-run")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.endswith(f"nothing is written: without --dry-run it would be {own_file}\n")
    assert not own_file.parent.exists()
    own_file.parent.mkdir(parents=True)
    own_file.write_text("port: 1\n")
    told = json.loads(run(tmp_path, "old.yaml", "--dry-run", "--json").stdout)
    assert told["written"] is False
    assert own_file.read_text() == "port: 1\n"


def test_another_place_and_force(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("user: jdoe\nport: 5\n")
    target = tmp_path / "new.yaml"
    target.write_text("port: 1\n")
    refused = run(tmp_path, "old.yaml", "--path", "new.yaml")
    assert refused.returncode == 2
    assert refused.stderr == "error: new.yaml: there is a file already; pass --force to replace it\n"
    assert target.read_text() == "port: 1\n"
    forced = run(tmp_path, "old.yaml", "--path", "new.yaml", "--force")
    assert forced.stderr.endswith("wrote new.yaml; start with: argo-relay serve --config new.yaml\n")
    assert load(config=target, environ={}).config.port == 5
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_old_file_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("port: 5\n")
    (tmp_path / "link.yaml").symlink_to("old.yaml")
    for target in ("old.yaml", "link.yaml"):
        done = run(tmp_path, "old.yaml", "--path", target, "--force")
        assert done.returncode == 2
        assert done.stderr == f"error: {target}: it is the file to import: pass another --path\n"
    assert (tmp_path / "old.yaml").read_text() == "port: 5\n"


def test_the_old_file_is_looked_for_where_argo_proxy_did(tmp_path: Path, own_file: Path) -> None:
    places = [
        Path("config.yaml"),
        tmp_path / ".config" / "argoproxy" / "config.yaml",
        tmp_path / ".argoproxy" / "config.yaml",
    ]
    nothing = run(tmp_path)
    assert nothing.returncode == 2
    assert all(str(place) in nothing.stderr for place in places)
    assert "argo-relay config import FILE" in nothing.stderr
    for port, place in reversed(list(enumerate(places, 1))):
        file = tmp_path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"port: {port}\n")
        done = run(tmp_path, "--force")
        assert done.stderr.startswith(f"{place}: argo-proxy's configuration, version 1\n")
        assert load(config=own_file, environ={}).config.port == port


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "error: old.yaml: it is empty"),
        (b"port: abc\n", "error: old.yaml:1: port: `abc` is text; expected a whole number from 0 to 65535; correct it"),
        (b"port: 1\nuser: \xff\n", "error: old.yaml:2: it is not UTF-8 text"),
        (b"port: [\n", "error: old.yaml:2: it is not YAML"),
        (b"services: {}\n", "error: old.yaml: none of its keys is argo-proxy's"),
        (b"port: a\nargo_url: 5\n", "error: the configuration has 2 problems\n  old.yaml:1: port: "),
        (None, "error: old.yaml: it cannot be read: Is a directory"),
    ],
)
def test_nothing_is_written_of_a_file_that_cannot_be_used(
    content: bytes | None, said: str, tmp_path: Path, own_file: Path
) -> None:
    old = tmp_path / "old.yaml"
    if content is None:
        old.mkdir()
    else:
        old.write_bytes(content)
    done = run(tmp_path, "old.yaml", "--json")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(said)
    assert "Traceback" not in done.stderr
    assert not own_file.exists()


def test_a_log_never_goes_into_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "old.yaml").write_text("log_to_file: true\n")
    for target, log in {"a.yaml": "a.log", "b.yml": "b.log", "c.log": "c.log.log"}.items():
        assert run(tmp_path, "old.yaml", "--path", target).returncode == 0
        assert load(config=tmp_path / target, environ={}).config.log.file == str(tmp_path / log)


def test_without_a_home_only_the_working_directory_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HOME")

    def unknown(_: Path) -> Path:
        raise RuntimeError("no home")

    monkeypatch.setattr(Path, "expanduser", unknown)
    done = CliRunner().invoke(import_, ["--path", "new.yaml"])
    assert done.exit_code == 2
    assert "there is no configuration of argo-proxy (config.yaml)" in done.stderr


def test_a_missing_file(tmp_path: Path) -> None:
    done = run(tmp_path, "old.yaml")
    assert (done.returncode, done.stderr) == (2, "error: old.yaml: it cannot be read: No such file or directory\n")


def test_the_relay_serves_with_what_was_written(tmp_path: Path) -> None:
    with SimulatorProcess() as upstream:
        (tmp_path / "old.yaml").write_text(
            f"config_version: '3'\nuser: jdoe\nhost: 0.0.0.0\nport: 44497\nargo_base_url: {upstream.url}\n"
            f"native_openai_base_url: {upstream.url}/v1\nresolve_overrides: {{}}\nmax_payload_size: 20\ntimeout: 30\n"
        )
        assert run(tmp_path, "old.yaml", "--path", "new.yaml").returncode == 0
        with RelayProcess("--config", str(tmp_path / "new.yaml")) as relay:
            client = OpenAI(base_url=f"{relay.url}/v1", api_key="dummy")
            reply = client.chat.completions.with_raw_response.create(
                model="gpt-4o", messages=[{"role": "user", "content": "hi"}]
            )
            assert (reply.headers["x-timeout"], reply.headers["x-timeout-source"]) == ("30", "config")
            assert reply.parse().choices[0].message.content
        (seen,) = (
            exchange
            for exchange in httpx.get(f"{upstream.url}/simulator/exchanges").json()
            if exchange["path"].endswith("/chat/completions")
        )
        assert "jdoe" in json.dumps(seen)
