from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.cli.names import check_names
from argo_relay.config import addresses, kinds, routing
from argo_relay.config.key import Key
from argo_relay.config.keys import KEYS
from argo_relay.config.kinds import Kind
from argo_relay.config.load import Loaded, check_values, load
from argo_relay.config.schema import (
    Breaker,
    Config,
    Images,
    Log,
    Metrics,
    ModelRow,
    ModelTimeouts,
    Route,
    Step,
    Timeouts,
    Upstream,
)
from argo_relay.errors import ConfigError

NAME = "argo-relay.yaml"
Loads = Callable[..., Loaded]


@pytest.fixture(scope="module")
def loads(tmp_path_factory: pytest.TempPathFactory) -> Loads:
    """Load a file with this content and nothing else; its name in messages is x.yaml."""
    path = tmp_path_factory.mktemp("config") / "x.yaml"

    def load_text(
        text: str | bytes,
        environ: Mapping[str, str] | None = None,
        overrides: Mapping[str, object] | None = None,
        flags: Mapping[str, str] | None = None,
    ) -> Loaded:
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        path.chmod(0o600)
        try:
            return load(config=path, environ=environ or {}, overrides=overrides, flags=flags)
        except ConfigError as error:
            raise ConfigError([problem.replace(str(path), "x.yaml") for problem in error.problems]) from None

    return load_text


def problems(loads: Loads, *args: object, **kwargs: object) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        loads(*args, **kwargs)
    return caught.value.problems


def test_nothing_set_is_the_defaults(tmp_path: Path) -> None:
    loaded = load(environ={"HOME": str(tmp_path)}, directory=tmp_path)
    assert loaded.config == Config()
    assert loaded.path is None
    assert set(loaded.origins.values()) == {"default"}
    assert list(loaded.origins) == [key.name for key in KEYS]
    assert [place.outcome for place in loaded.searched] == ["not given", "not set", "not there", "not there"]
    assert loaded.warnings == ()


def test_everything_can_be_set(loads: Loads) -> None:
    loaded = loads(
        """
user: jdoe
identity: user
users: {}
host: "::1"
port: 0
socket: /run/relay.sock
keys: [a, "5"]
origins: [https://App.example.org/]
upstream:
  {kind: anthropic, environment: dev, base_url: http://localhost:1/argoapi/, key_env: MY_KEY, refresh: 60,
   ca_bundle: ca.pem, resolve: ["h:1:[::2]"], connect_to: ["::localhost:2"], proxy: socks5://u:p@h:3,
   client_cert: client.pem, client_key: client.key, socket: null,
   max_in_flight: 8, tell_timeout: yes}
upstreams: {dev: {environment: dev, socket: /run/dev.sock}, argo-2_b.c: }
routes:
  gpt-4o: {to: [main, dev, {upstream: dev, model: a/b, weight: 3}], retries: 0, hedge_after: 500ms, hedge_share: 5%}
  "claude-*": [argo-2_b.c/x/y]
retries: 2
breaker: {failures: 0, rest: 1m}
aliases: {gpt-3.5-turbo: gpt-4.1-mini, "5": o3}
timeouts: {total: 1, connect: 2, first_event: 3, idle: null, max_total: 4, heartbeat: 0, whole_heartbeat: yes, body: 5}
models:
  gpt-4o: {timeouts: {total: 1.5, first_event: null}, parameters: {seed: drop, b.c: rename d}}
  claude-opus-4.7: {timeouts: {idle: 2, connect: 1e0}}
learn: no
images: {fetch: no, max_size: 1KiB, max_count: 2, timeout: 3, allow: [Images.Lab.example, 10.1.0.0/16, "fd00::/8"]}
max_body: 1 MiB
max_in_flight: 1
max_queue: 0
rejoin: 1.5m
rejoin_memory: 2MiB
shutdown_grace: 0
workers: 1
worker_timeout: 20
log: {format: json, file: relay.log, requests: no}
metrics: {port: 0, host: "::1", on_client_port: yes}
""".replace("org/]", "org]")
    )
    assert loaded.config == Config(
        user="jdoe",
        host="::1",
        port=0,
        socket="/run/relay.sock",
        keys=("a", "5"),
        origins=("https://app.example.org",),
        upstream=Upstream(
            kind="anthropic",
            environment="dev",
            base_url="http://localhost:1/argoapi",
            key_env="MY_KEY",
            refresh=60,
            resolve=("h:1:[::2]",),
            connect_to=("::localhost:2",),
            proxy="socks5://u:p@h:3",
            ca_bundle="ca.pem",
            client_cert="client.pem",
            client_key="client.key",
            max_in_flight=8,
            tell_timeout=True,
        ),
        upstreams={"dev": Upstream(environment="dev", socket="/run/dev.sock"), "argo-2_b.c": Upstream()},
        routes={
            "gpt-4o": Route(
                to=(Step(upstream="main"), Step(upstream="dev"), Step(upstream="dev", model="a/b", weight=3)),
                retries=0,
                hedge_after=0.5,
                hedge_share=0.05,
            ),
            "claude-*": Route(to=(Step(upstream="argo-2_b.c", model="x/y"),)),
        },
        retries=2,
        breaker=Breaker(failures=0, rest=60),
        aliases={"gpt-3.5-turbo": "gpt-4.1-mini", "5": "o3"},
        timeouts=Timeouts(
            total=1, connect=2, first_event=3, idle=None, max_total=4, heartbeat=None, whole_heartbeat=True, body=5
        ),
        models={
            "gpt-4o": ModelRow(
                timeouts=ModelTimeouts(total=1.5, first_event=None), parameters={"seed": "drop", "b.c": "rename d"}
            ),
            "claude-opus-4.7": ModelRow(timeouts=ModelTimeouts(idle=2, connect=1)),
        },
        learn=False,
        images=Images(
            fetch=False,
            max_size=1024,
            max_count=2,
            timeout=3,
            allow=("images.lab.example", "10.1.0.0/16", "fd00::/8"),
        ),
        max_body=2**20,
        max_in_flight=1,
        max_queue=0,
        rejoin=90,
        rejoin_memory=2 * 2**20,
        shutdown_grace=0,
        worker_timeout=20,
        log=Log(format="json", file="relay.log", requests=False),
        metrics=Metrics(port=0, host="::1", on_client_port=True),
    )
    assert "default" not in {loaded.origins[key.name] for key in KEYS if not key.rows}
    assert loaded.config.models["gpt-4o"].timeouts.idle is msgspec.UNSET


def test_the_last_word_wins_and_is_remembered(loads: Loads) -> None:
    loaded = loads(
        "port: 1\nhost: a\nuser: x\nmodels: {m: {timeouts: {idle: 5}}}\n",
        environ={"ARGO_RELAY_PORT": "2", "ARGO_RELAY_HOST": "b"},
        overrides={"port": 3, "timeouts.total": "7", "socket": None, "upstream.base_url": "http://h"},
        flags={"timeouts.total": "--timeout"},
    )
    config, origins = loaded.config, loaded.origins
    assert (config.port, config.host, config.user, config.timeouts.total) == (3, "b", "x", 7.0)
    assert origins["port"] == "flag --port"
    assert origins["timeouts.total"] == "flag --timeout"
    assert origins["upstream.base_url"] == "flag --base-url"
    assert origins["host"] == "env ARGO_RELAY_HOST"
    assert origins["user"] == f"file {loaded.path}:3"
    assert origins["models.m.timeouts.idle"] == f"file {loaded.path}:4"
    assert origins["socket"] == "default"


def test_all_problems_of_all_sources_are_told_at_once_in_order(loads: Loads) -> None:
    told = problems(
        loads,
        "port: x\nuser: *a\ntimeout: 5\nport: 5\n",
        environ={"ARGO_RELAY_HOST": "*", "ARGO_RELAY_X": "1"},
        overrides={"timeouts.total": True, "port": 70000},
        flags={"timeouts.total": "--timeout"},
    )
    assert [problem.split(": ")[0] for problem in told] == [
        "x.yaml:1",
        "x.yaml:2",
        "x.yaml:3",
        "x.yaml:4",
        "ARGO_RELAY_HOST",
        "ARGO_RELAY_X",
        "--timeout",
        "--port",
    ]


def test_a_missing_file_does_not_hide_other_problems(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(config=tmp_path / "missing", environ={"ARGO_RELAY_PORT": "x"})
    assert len(caught.value.problems) == 2


def test_the_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ARGO_RELAY_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("ARGO_RELAY_USER", "jdoe")
    Path(NAME).write_text("port: 5\n")
    loaded = load()
    assert loaded.origins["port"] == f"file {NAME}:1"
    assert loaded.config.user == "jdoe"


def test_keys_that_others_can_read_are_warned_of(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("keys: [s3cret]\n")
    path.chmod(0o644)
    loaded = load(config=path, environ={})
    assert loaded.warnings == (
        f"{path} holds `keys`, and others on this machine can read it (mode 0644): chmod 600 {path}",
    )
    assert "s3cret" not in repr(loaded)
    path.chmod(0o600)
    assert load(config=path, environ={}).warnings == ()
    path.write_text("keys: [s3cret]\nusers: {s3cret-2: jdoe}\n")
    path.chmod(0o640)
    (warning,) = load(config=path, environ={}).warnings
    assert "holds `keys` and `users`, and others" in warning
    path.write_text("keys: []\nusers: {}\n")
    path.chmod(0o644)
    assert load(config=path, environ={"ARGO_RELAY_KEYS": "s3cret"}).warnings == ()


def test_a_proxys_password_that_others_can_read_is_warned_of(tmp_path: Path) -> None:
    path = tmp_path / NAME
    path.write_text("upstream: {proxy: 'http://u:s3cret@proxy:1'}\n")
    path.chmod(0o640)
    (warning,) = load(config=path, environ={}).warnings
    assert "holds a proxy's password" in warning
    assert "s3cret" not in warning
    path.write_text("upstream: {proxy: 'http://proxy:1'}\n")
    assert load(config=path, environ={}).warnings == ()


@pytest.mark.parametrize(
    "keys",
    [
        "s3cret",
        "[s3cret",
        "[s3cret, 's3cret two']",
        "['s3cret\\n', 5]",
        '["s3cret\\q"]',
        "s3cret: s3cret",
        "{s3cret: 1}",
        "*s3cret",
        "[[s3cret]]",
        "\n  - s3cret\n - s3cret",
        "\n\t- s3cret",
        "|\n  s3cret",
        "@s3cret",
        "[s3cret\u00e9]",
    ],
)
@pytest.mark.parametrize("key", ["keys", "users"])
def test_no_problem_repeats_a_client_key(loads: Loads, key: str, keys: str) -> None:
    assert not any("s3cret" in problem for problem in problems(loads, f"{key}: {keys}\n"))


@pytest.mark.parametrize(
    "users",
    [
        "{s3cret: J}",
        "{s3cret: }",
        "{s3cret: [s3cret]}",
        "{s3cret two: jdoe}",
        "{s3cret: jdoe, s3cret: asmith}",
        "\n  s3cret: jdoe\n  s3cret: asmith",
        "{? [s3cret] : jdoe}",
        "{s3cret: *s3cret}",
        "{s3cret: jdoe} s3cret",
    ],
)
def test_no_problem_repeats_a_users_key(loads: Loads, users: str) -> None:
    assert not any("s3cret" in problem for problem in problems(loads, f"users: {users}\n"))


def test_no_problem_repeats_a_users_key_of_the_environment(loads: Loads) -> None:
    for text in ("s3cret", "s3cret=J", "s3cret=a,s3cret=b", "s3cret two=a", "=a", "s3cret="):
        told = problems(loads, "", environ={"ARGO_RELAY_USERS": text})
        assert not any("s3cret" in problem for problem in told), told
        assert all(problem.startswith("ARGO_RELAY_USERS: users[") for problem in told), told


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"a: 1\n\tb: 2\n", "x.yaml:2: a tab stands where YAML wants spaces"),
        (b"port: 1\nport: 2\n", "x.yaml:2: a key stands here again, after line 1"),
        (b"\n- a\n", "x.yaml:2: it is a list; expected a mapping of keys to values"),
        (b"user: \xff\n", "x.yaml:1: it is not UTF-8 text"),
        (b"[" * 10_000, "x.yaml:1: it is nested more than 64 levels deep"),
        (b"user: {" + b"a: {" * 10_000, "x.yaml:1: it is nested more than 64 levels deep"),
    ],
)
def test_a_broken_file_is_told(loads: Loads, content: bytes, what: str) -> None:
    assert what in problems(loads, content)


def test_a_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Is a directory"):
        load(config=tmp_path, environ={})


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n", "timeouts:\nmodels:\nkeys:\nlog: {}\n", "{}", "\ufeff"])
def test_an_empty_file_is_a_valid_one(loads: Loads, text: str) -> None:
    assert loads(text).config == Config()


def test_values_to_be_written_are_checked() -> None:
    check_values({"user": "jdoe", "timeouts.idle": None})
    with pytest.raises(ConfigError) as caught:
        check_values({"user": "JDoe", "port": 70000})
    assert [problem.split(": ")[0] for problem in caught.value.problems] == ["--user", "--port"]
    with pytest.raises(ConfigError, match=r"greater than timeouts\.max_total"):
        check_values({"timeouts.total": 5000})


DOCS = Path(__file__).parents[2] / "docs"


@pytest.mark.parametrize(
    "block", re.findall(r"^```yaml\n(.*?)^```", (DOCS / "routes.md").read_text(), re.DOTALL | re.MULTILINE)
)
def test_the_recipes_for_routes_can_stand_in_the_file(loads: Loads, block: str) -> None:
    loaded = loads(block)
    assert loaded.warnings == ()
    assert check_names(loaded.config) == []


_NUMBERS_NOT = (
    "true",
    "soon",
    '"5"',
    "[1]",
    "{a: 1}",
    "-1",
    ".inf",
    ".nan",
    "1:30",
    "2024-01-01",
    "0x10",
    "010",
    "5 x",
)
_TEXT_NOT = ("true", "5", "1.5", "[a]", "{a: b}", '""', '" a"', '"\\e"')
_WRONG: dict[Kind, tuple[str, ...]] = {
    kinds.DURATION: (*_NUMBERS_NOT, "0", "null"),
    kinds.DURATION_OR_NONE: (*_NUMBERS_NOT, "0"),
    kinds.BEAT: _NUMBERS_NOT,
    kinds.GRACE: (*_NUMBERS_NOT, "null"),
    kinds.PORT: (*_NUMBERS_NOT, "null", "0.5", "65536"),
    kinds.PORT_OR_NONE: (*_NUMBERS_NOT, "0.5", "65536"),
    kinds.COUNT: (*_NUMBERS_NOT, "null", "0", "0.5"),
    kinds.WORKERS: (*_NUMBERS_NOT, "null", "0", "0.5", "257", "Auto"),
    kinds.SIZE: (*_NUMBERS_NOT, "null", "0", "0.5", "5 XB"),
    kinds.BOOLEAN: ("null", "1", "maybe", '"true"', "[true]", "{}"),
    kinds.USER: (*_TEXT_NOT, "J", "j@anl.gov"),
    kinds.HOST: (*_TEXT_NOT, "null", '"*"', "http://x"),
    kinds.PATH_OR_NONE: _TEXT_NOT,
    kinds.CLIENT_KEYS: ("a", "5", "true", "{a: b}", "[5]", "[[a]]", "['']", "[null]", "['a b']"),
    kinds.KEYS_OF_USERS: (
        "a",
        "5",
        "[a]",
        "{a: 5}",
        "{a: }",
        "{a b: c}",
        "{'': c}",
        "{a: J}",
        "{a: [b]}",
        "{a: {b: c}}",
    ),
    kinds.NAMES_OF_MODELS: ("a", "5", "[a]", "{a: 5}", "{a: null}", "{'': c}", "{a: ''}", "{a: [b]}", "{a: {b: c}}"),
    kinds.DEEDS: ("a", "[a]", "{a: 5}", "{a: null}", "{'': drop}", "{a: forget}", "{a.b.c: drop}", "{a: rename}"),
    kinds.INTERVAL_OR_NONE: (*_NUMBERS_NOT, "0", "0.5"),
    kinds.ORIGINS: ("https://a", "5", "{a: b}", "[5]", "[a]", "['*']", "[https://a/b]"),
    kinds.PLACES: ("a", "5", "{a: b}", "[5]", "['*']", "[a/b]", "[10.1.2.3/16]", "['']", "[null]"),
    kinds.BASE_URL: (*_TEXT_NOT, "localhost", "http://h/v1", "http://u@h", "http://h?a", "ftp://h"),
    kinds.VARIABLE: (*_TEXT_NOT, "sk-1", "1A", "A B"),
    addresses.RESOLVE: ("a", "5", "{a: b}", "[5]", "['h:1']", "['h:1:name']", "[null]"),
    addresses.CONNECT_TO: ("a", "5", "{a: b}", "[5]", "['h:1:k']", "['h:1::']", "[null]"),
    addresses.PROXY: (*_TEXT_NOT, "h:1", "ftp://h"),
    kinds.COUNT_OR_NONE: (*_NUMBERS_NOT, "0", "0.5"),
    kinds.COUNT_OR_ZERO: (*_NUMBERS_NOT, "null", "0.5", "1000001"),
    routing.RETRIES: (*_NUMBERS_NOT, "null", "0.5", "21"),
    routing.RETRIES_OR_NONE: (*_NUMBERS_NOT, "0.5", "21"),
    routing.SHARE: (*_NUMBERS_NOT, "null", "0", "1.1", "0%", "101%"),
    routing.STEPS: ("main", "5", "{a: b}", "[5]", "[null]", "[a b]", "[[main]]", "[{}]", "[{upstream: 5}]", "[main/]"),
    kinds.ROWS: ("5", "a", "[a]", "{m: 5}", "{m: a}"),
}
_WORDS_NOT = (*_TEXT_NOT, "null", "xml")


def _cases() -> list[tuple[tuple[str, ...], str]]:
    keys: list[tuple[tuple[str, ...], Key]] = [(key.path, key) for key in KEYS]
    keys += [((key.name, "gpt-4.1", *row.path), row) for key in KEYS for row in key.rows]
    return [(path, wrong) for path, key in keys for wrong in _WRONG.get(key.kind, _WORDS_NOT)]


@pytest.mark.parametrize(("path", "wrong"), _cases())
@pytest.mark.parametrize("before", [0, 3])
def test_a_wrong_value_is_refused_with_its_key_and_line(
    loads: Loads, path: tuple[str, ...], wrong: str, before: int
) -> None:
    lines = ["# before"] * before
    for depth, part in enumerate(path):
        lines += [*["", "  # between"] * before, f"{'  ' * depth}{part}:"]
    rest = "    to: [main]\n" if len(path) > 2 and path[0] == "routes" and path[-1] != "to" else ""
    told = problems(loads, "\n".join(lines) + f" {wrong}\n{rest}")
    assert all(problem.startswith(f"x.yaml:{len(lines)}: {'.'.join(path)}") for problem in told)
    assert all("; expected " in problem and problem.isprintable() for problem in told)


def test_the_wrong_values_cover_every_kind() -> None:
    choices = {key.kind for key in KEYS} - set(_WRONG)
    assert {kind.expected for kind in choices} == {
        "argo, openai, openai_responses, anthropic, google or llamacpp",
        "prod, dev or test",
        "text or json",
        "user or client",
    }


def _only_config_errors(loads: Loads, content: str | bytes) -> None:
    try:
        loads(content)
    except ConfigError as error:
        told = error.problems
        assert told
        assert all(re.match(r"x\.yaml(:[1-9][0-9]*)?: ", problem) for problem in told)
        assert all(problem.isprintable() for problem in told)


@given(st.binary())
@settings(deadline=None, max_examples=200)
def test_no_bytes_raise_anything_else(loads: Loads, content: bytes) -> None:
    _only_config_errors(loads, content)


_names = st.sampled_from(sorted({part for key in KEYS for part in key.path} | {"gpt-4o", "<<", "no", ""})) | st.text()
_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.dates() | st.binary(max_size=9)
    | st.sampled_from(["64MiB", "prod", "http://localhost", "jdoe", "json", "1e3"])
)  # fmt: skip
_structures = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_names, inner, max_size=6),
    max_leaves=25,
)


@given(value=_structures, flow=st.booleans())
@settings(deadline=None, max_examples=300)
def test_no_structure_raises_anything_else(loads: Loads, value: object, flow: bool) -> None:
    _only_config_errors(loads, yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True))


_marks = [
    " ",
    "  ",
    "\n",
    ": ",
    "- ",
    "? ",
    "[",
    "]",
    "{",
    "}",
    ",",
    "&a",
    "*a",
    "!!str ",
    "'",
    '"',
    "|\n",
    "#",
    "---\n",
    "\t",
]


@given(st.lists(st.sampled_from([*_marks, "user", "timeouts", "total", "models", "keys", "5"])))
@settings(deadline=None, max_examples=300)
def test_no_text_raises_anything_else(loads: Loads, parts: list[str]) -> None:
    _only_config_errors(loads, "".join(parts))


@given(st.dictionaries(st.sampled_from([key.variable for key in KEYS]), st.text(), max_size=6))
@settings(deadline=None)
def test_no_environment_raises_anything_else(loads: Loads, environ: dict[str, str]) -> None:
    try:
        loads("", environ=environ)
    except ConfigError as error:
        told = error.problems
        assert all(problem.startswith("ARGO_RELAY_") for problem in told)


@given(st.dictionaries(st.sampled_from([key.name for key in KEYS]), _structures, max_size=6))
@settings(deadline=None)
def test_no_override_raises_anything_else(loads: Loads, overrides: dict[str, object]) -> None:
    try:
        loads("", overrides=overrides)
    except ConfigError as error:
        told = error.problems
        assert all(problem.startswith("--") for problem in told)
