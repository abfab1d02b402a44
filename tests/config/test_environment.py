from __future__ import annotations

import pytest

from argo_relay.config.check import Findings
from argo_relay.config.environment import VARIABLES, read_environment


def read(**environ: str) -> Findings:
    findings = Findings()
    read_environment({f"ARGO_RELAY_{name}": text for name, text in environ.items()} | {"PATH": "/bin"}, findings)
    return findings


def test_each_variable_sets_its_key() -> None:
    findings = read(
        ALIASES="a=b,c=d",
        KEYS="a, b",
        LOG_REQUESTS="off",
        MAX_BODY="1 MiB",
        PORT="80",
        TIMEOUTS_FIRST_EVENT="null",
        TIMEOUTS_TOTAL="1e2",
        UPSTREAM_BASE_URL="http://localhost:1/a/",
        USER="no",
    )
    assert findings.problems == []
    assert {".".join(path): setting.value for path, setting in findings.settings.items()} == {
        "aliases": {"a": "b", "c": "d"},
        "keys": ("a", "b"),
        "log.requests": False,
        "max_body": 2**20,
        "port": 80,
        "timeouts.first_event": None,
        "timeouts.total": 100.0,
        "upstream.base_url": "http://localhost:1/a",
        "user": "no",
    }
    assert findings.settings["port",].origin == "env ARGO_RELAY_PORT"


def test_an_empty_variable_counts_as_not_set() -> None:
    findings = read(PORT="", KEYS="", PRT="", CONFIG="")
    assert findings.problems == []
    assert findings.settings == {}


def test_the_files_own_variable_is_no_key() -> None:
    assert read(CONFIG="/x").problems == []


@pytest.mark.parametrize(
    ("name", "near"),
    [("PRT", "PORT"), ("TIMEOUT_TOTAL", "TIMEOUTS_TOTAL"), ("CONFG", "CONFIG"), ("BASE_URL", "UPSTREAM_BASE_URL")],
)
def test_an_unknown_variable_is_refused_with_the_nearest_known_one(name: str, near: str) -> None:
    assert read(**{name: "1"}).problems == [f"ARGO_RELAY_{name}: unknown variable; did you mean ARGO_RELAY_{near}?"]


def test_models_have_no_variable() -> None:
    assert "ARGO_RELAY_MODELS" not in VARIABLES
    assert "unknown variable" in read(MODELS="{}").problems[0]


def test_a_wrong_value_is_told_with_the_variable() -> None:
    expected = "expected a list of client keys, each of visible ASCII characters"
    assert read(PORT="x", KEYS="s3cret,,s3 cret").problems == [
        f"ARGO_RELAY_KEYS: keys[1]: it is empty; {expected}",
        f"ARGO_RELAY_KEYS: keys[2]: it holds a character that an HTTP header cannot carry; {expected}",
        "ARGO_RELAY_PORT: port: `x` is text; expected a whole number from 0 to 65535",
    ]


def test_what_kubernetes_sets_for_a_service_is_told_as_such() -> None:
    links = {
        "PORT": "tcp://10.0.0.1:44497",
        "PORT_44497_TCP": "tcp://10.0.0.1:44497",
        "PORT_44497_TCP_ADDR": "10.0.0.1",
        "SERVICE_HOST": "10.0.0.1",
        "SERVICE_PORT": "44497",
    }
    problems = read(**links).problems
    assert len(problems) == 5
    assert all("enableServiceLinks: false" in problem for problem in problems)
