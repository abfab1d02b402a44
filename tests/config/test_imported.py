from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config import kinds
from argo_relay.config.import_rules import RULES
from argo_relay.config.imported import Imported, read_old
from argo_relay.config.load import load
from argo_relay.config.template import template
from argo_relay.config.write import write_config
from argo_relay.errors import ConfigError
from argo_relay.upstreams.argo.environments import ENVIRONMENTS

SAMPLES = sorted((Path(__file__).parent / "argo_proxy").glob("*.yaml"))


def read(text: str) -> Imported:
    return read_old(text, "config.yaml", environments=ENVIRONMENTS, log_file="/tmp/argo-relay.log")


def sample(name: str) -> Imported:
    return read((Path(__file__).parent / "argo_proxy" / f"{name}.yaml").read_text())


def problems(text: str) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        read(text)
    return caught.value.problems


def fates(imported: Imported, fate: str) -> list[str]:
    return [row.key for row in imported.rows if row.fate == fate]


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: str(path.stem))
def test_every_sample_becomes_a_file_that_is_fine(path: Path, tmp_path: Path) -> None:
    imported = read(path.read_text())
    target = tmp_path / "argo-relay.yaml"
    write_config(target, imported.values)
    loaded = load(config=target, environ={})
    said = {name for name, origin in loaded.origins.items() if origin != "default"}
    assert said == set(imported.values)
    assert [row.key for row in imported.rows if row.line] == [
        line.partition(":")[0] for line in path.read_text().splitlines() if line and line[0] not in " #"
    ]


def test_the_first_version() -> None:
    imported = sample("v1_first")
    assert imported.version == "1"
    assert imported.values == {
        "port": 44497,
        "upstream.environment": "dev",
        "timeouts.total": 600,
        "host": "127.0.0.1",
    }
    assert fates(imported, "changed") == ["timeout", "host"]
    assert fates(imported, "dropped") == ["argo_embedding_url", "user", "verbose", "num_workers"]


def test_the_first_version_with_streams() -> None:
    imported = sample("v1_streaming")
    assert imported.version == "1"
    assert imported.values == {
        "upstream.environment": "dev",
        "host": "127.0.0.1",
        "port": 8000,
        "timeouts.total": 7200,
        "timeouts.max_total": 7200,
        "user": "jdoe",
    }


def test_the_second_version() -> None:
    imported = sample("v2_tunnel")
    assert imported.version == "2"
    assert (
        imported.values.items()
        >= {
            "host": "127.0.0.1",
            "port": 44497,
            "user": "jdoe",
            "upstream.base_url": "https://apps-dev.inside.anl.gov:8443/argoapi",
        }.items()
    )


def test_the_third_version_as_its_wizard_writes_it() -> None:
    imported = sample("v3_wizard")
    assert imported.version == "3"
    assert (
        imported.values.items()
        >= {
            "user": "jdoe",
            "host": "127.0.0.1",
            "port": 52226,
            "upstream.environment": "prod",
        }.items()
    )
    assert {"host", *fates(imported, "taken")} >= {"user", "host", "port", "argo_base_url"}


def test_the_third_version_with_everything() -> None:
    imported = sample("v3_everything")
    assert (
        imported.values.items()
        >= {
            "user": "jdoe",
            "host": "localhost",
            "port": 52226,
            "socket": "/run/user/1000/argo.sock",
            "log.file": "/tmp/argo-relay.log",
            "upstream.base_url": "http://localhost:8443/argoapi",
        }.items()
    )
    last = imported.rows[-1]
    assert (last.key, last.fate, last.line) == ("admin_pasword", "dropped", 29)
    assert last.reason.startswith("argo-proxy has no such key")
    assert not any("hunter2" in f"{row.text} {row.reason}" for row in imported.rows)


def test_a_row_shows_what_is_written() -> None:
    rows = {row.key: row for row in read("user: jdoe\nhost: ::1\ntimeout: 7200\nverbose: no\n").rows}
    assert rows["host"].text == 'host = "::1"'
    assert rows["timeout"].text == "timeouts.total = 7200, timeouts.max_total = 7200"
    assert rows["verbose"].text == ""
    assert rows["argo_base_url"].line is None


def test_an_unknown_key_is_dropped_with_the_nearest_known() -> None:
    (row,) = (row for row in read("port: 1\nargo_base_ulr: http://a\n").rows if row.line == 2)
    assert (row.fate, row.ours) == ("dropped", {})
    assert "if `argo_base_url` was meant, correct it there and import again" in row.reason
    (row,) = (row for row in read("port: 1\nzzz: 5\n").rows if row.line == 2)
    assert row.reason == "argo-proxy has no such key"


def test_all_wrong_values_are_told_at_once_with_their_lines() -> None:
    told = problems("port: abc\nverbose: 5\nargo_url: 5\nuser: j doe\n")
    assert [problem.partition("; correct it there and import again") for problem in told] == [
        (text, "; correct it there and import again", "")
        for text in (
            "config.yaml:1: port: `abc` is text; expected a whole number from 0 to 65535",
            "config.yaml:3: argo_url: it is a number; expected an address",
            f"config.yaml:4: user: `j doe` is not an Argo user name; expected {kinds.USER.expected}",
        )
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "config.yaml: it is empty, there is nothing to import; `argo-relay config init` writes a new one"),
        ("# nothing\n", "config.yaml: it is empty"),
        ("~\n", "config.yaml: it is empty"),
        ("- port\n", "config.yaml:1: it is a list; expected argo-proxy's keys and values"),
        ("\nport\n", "config.yaml:2: it is text; expected argo-proxy's keys and values"),
        ("{}\n", "config.yaml: none of its keys is argo-proxy's (config_version, user, host, port and so on)"),
        ("services: {web: {image: x}}\n", "config.yaml: none of its keys is argo-proxy's"),
        (template({"user": "jdoe", "port": 5}), "config.yaml: it is a configuration of argo-relay already"),
        ("timeouts: {total: 5}\n", "config.yaml: it is a configuration of argo-relay already"),
        ("port: 1\nuser: a\nport: 2\n", "config.yaml:3: a key stands here again, after line 1; correct it"),
        ("port: [\n", "config.yaml:2: it is not YAML: "),
        ("port: 1\n\tuser: a\n", "config.yaml:2: a tab stands where YAML wants spaces"),
        ("port: 1\n---\nport: 2\n", "config.yaml:2: a second document begins here"),
        ("port: &p 1\ntimeout: *p\n", "config.yaml:2: aliases (`*...`) are not supported: write the value out"),
        ("port: 1\n<<: {user: a}\n", "config.yaml:2: merge keys (`<<`) are not supported: write the values out"),
        ("port: !!int 1\n", "config.yaml:1: tags (`!...`) are not supported"),
        ("port: 1\nuser: \x07\n", "config.yaml:2: the control character"),
        ("user: jdoe\nport: " + "[" * 100 + "]" * 100, "config.yaml:2: it is nested more than 64 levels deep"),
    ],
)
def test_what_is_no_configuration_of_argo_proxy(text: str, said: str) -> None:
    (problem,) = problems(text)
    assert problem.startswith(said)


def test_an_anchor_that_nobody_uses_is_no_matter() -> None:
    assert read("port: &p 5\n").values["port"] == 5


def test_a_file_with_a_key_of_ours_is_still_argo_proxys() -> None:
    imported = read("port: 5\nargo_base_url: http://a\nlog: {file: x}\n")
    assert [row.fate for row in imported.rows if row.key == "log"] == ["dropped"]


_ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(max_size=8)
    | st.sampled_from(
        ("0.0.0.0", "::1", "jdoe", "http://localhost:1/v1", "https://apps.inside.anl.gov/argoapi", "9", "a:443")
    ),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(("a:443", "b", "1")), inner, max_size=2)
    ),
    max_leaves=3,
)


@given(st.dictionaries(st.sampled_from(sorted(RULES)) | st.text(max_size=5), _ANYTHING, max_size=6))
@settings(deadline=None)
def test_whatever_is_taken_can_be_written(tmp_path_factory: pytest.TempPathFactory, old: dict[str, object]) -> None:
    target = tmp_path_factory.getbasetemp() / "argo-relay.yaml"
    try:
        imported = read(json.dumps(old))
    except ConfigError:
        return
    write_config(target, imported.values, force=True)
    loaded = load(config=target, environ={})
    assert {name for name, origin in loaded.origins.items() if origin != "default"} == set(imported.values)
    assert {row.key for row in imported.rows} >= set(old)


def test_the_version_is_what_the_file_says() -> None:
    assert read("port: 1\nconfig_version: 2\n").version == "2"
    assert read("port: 1\nconfig_version: '3'\n").version == "3"
    assert read("port: 1\nconfig_version: ''\n").version == "1"
