from __future__ import annotations

import pytest

from argo_relay.config import kinds
from argo_relay.config.check import Findings, check_document, value_in
from argo_relay.config.document import read_document
from argo_relay.config.keys import KEYS


def checked(text: str) -> Findings:
    node, faults = read_document(text)
    assert faults == []
    findings = Findings()
    check_document(node, "x.yaml", findings)
    return findings


def problem(text: str) -> str:
    (only,) = checked(text).problems
    return only


def test_settings_keep_their_line() -> None:
    findings = checked("user: jdoe\n\ntimeouts:\n  idle: null\n  total:\n    1e3\nkeys:\n  - a\n  - b\n")
    assert findings.problems == []
    assert {path: (setting.value, setting.place) for path, setting in findings.settings.items()} == {
        ("user",): ("jdoe", "x.yaml:1"),
        ("timeouts", "idle"): (None, "x.yaml:4"),
        ("timeouts", "total"): (1000.0, "x.yaml:5"),
        ("keys",): (("a", "b"), "x.yaml:7"),
    }


def test_a_models_name_may_have_dots_and_look_like_anything() -> None:
    findings = checked(
        "models:\n  claude-opus-4.7: {timeouts: {idle: 5}}\n  1: {timeouts: {total: 6}}\n  no:\n  x: {}\n"
    )
    assert findings.problems == []
    assert {path: setting.value for path, setting in findings.settings.items()} == {
        ("models", "claude-opus-4.7", "timeouts", "idle"): 5.0,
        ("models", "1", "timeouts", "total"): 6.0,
    }


@pytest.mark.parametrize("text", ["", "timeouts:\n", "models:\n", "models: {a: }\n", "keys:\n", "upstream: {}\n", "~"])
def test_an_empty_group_says_nothing(text: str) -> None:
    findings = checked(text)
    assert findings.problems == []
    assert findings.settings == {}


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("timeout: 5", "1: unknown key `timeout`; did you mean `timeouts`?"),
        ("totl: 5", "1: unknown key `totl`; did you mean `total` inside `timeouts`?"),
        ("max_size: 5", "1: unknown key `max_size`; did you mean `max_size` inside `images`?"),
        ("base_url: x", "1: unknown key `base_url`; did you mean `base_url` inside `upstream`?"),
        ("timeouts.total: 5", "1: unknown key `timeouts.total`; did you mean `total` inside `timeouts`?"),
        ("\nxyz: 5", "2: unknown key `xyz`; known here are aliases, breaker, host, "),
        ("log:\n  level: 5\n  file: x", "2: log: unknown key `level`; known here are file, format, requests"),
        ("models: {m: {timeouts: {idel: 3}}}", "1: models.m.timeouts: unknown key `idel`; did you mean `idle`?"),
        ("models: {m: {total: 3}}", "1: models.m: unknown key `total`; did you mean `total` inside `timeouts`?"),
        ('"a\\eb": 1', r"1: unknown key `a\x1bb`; known here are"),
        ("'': 1", "1: unknown key ``; known here are"),
    ],
)
def test_an_unknown_key_is_told_with_the_one_that_was_meant(text: str, what: str) -> None:
    assert problem(text).startswith(f"x.yaml:{what}")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("[a]", "1: it is a list; expected a mapping of keys to values"),
        ("just words", "1: it is text; expected a mapping"),
        ("5", "1: it is a number; expected a mapping"),
        ("a: 1\ntimeouts: 5", "2: timeouts: it is a number; expected a mapping"),
        ("models: [a]", "1: models: it is a list; expected a mapping"),
        ("models:\n  m: 5", "2: models.m: it is a number; expected a mapping"),
        ("models:\n  m: {timeouts: off}", "2: models.m.timeouts: it is a boolean; expected a mapping"),
        ("keys: abc", "1: keys: it is text; expected a list of client keys"),
        ("keys: {a: b}", "1: keys: it is a mapping; expected a list of client keys"),
        ("keys:\n - a\n - 5", "3: keys[1]: it is a number"),
        ("keys:\n - a\n - [b]", "3: keys[1]: it is a list; expected"),
        ("port: [1]", "1: port: it is a list; expected a whole number"),
        ("port: {a: 1}", "1: port: it is a mapping; expected a whole number"),
        ("port:", "1: port: it is null; expected a whole number"),
        ("models: {'': {}}", "1: models: `` cannot be a model's name"),
        ('models: {"a\\0": {}}', r"1: models: `a\x00` cannot be a model's name"),
    ],
)
def test_the_wrong_sort_is_told(text: str, what: str) -> None:
    assert any(told.startswith(f"x.yaml:{what}") for told in checked(text).problems)


def test_every_problem_is_told_and_what_is_right_is_kept() -> None:
    findings = checked("port: x\nhost: '*'\nuser: jdoe\nkeys: ['', 5]\nlog: {file: [], format: xml}\n")
    assert [told.split(": ")[1] for told in findings.problems] == [
        "port",
        "host",
        "keys[0]",
        "keys[1]",
        "log.file",
        "log.format",
    ]
    assert list(findings.settings) == [("user",)]
    assert findings.refused == {("port",), ("host",), ("keys",), ("log", "file"), ("log", "format")}


def test_what_the_form_refused_is_not_judged_again() -> None:
    node, faults = read_document("user: *x\nkeys: [*x, a]\ntimeouts: *x\nmodels: {a: *x}\n")
    assert len(faults) == 4
    findings = Findings()
    check_document(node, "x.yaml", findings)
    assert findings.problems == []


def test_a_later_setting_takes_the_place_of_an_earlier_one() -> None:
    findings = Findings()
    key = next(key for key in KEYS if key.name == "port")
    findings.take(key, key.path, 1, "file x:1")
    findings.take(key, key.path, 2, "env ARGO_RELAY_PORT")
    assert findings.settings["port",].value == 2
    assert findings.settings["port",].place == "ARGO_RELAY_PORT"


def test_a_list_from_a_program_is_taken_item_by_item() -> None:
    findings = Findings()
    key = next(key for key in KEYS if key.name == "keys")
    findings.take(key, key.path, ["a", "b"], "flag --keys")
    assert findings.settings["keys",].value == ("a", "b")
    findings.take(key, key.path, ["a", "", None], "flag --keys")
    findings.take(key, key.path, 5, "flag --keys")
    assert [told.split(";")[0] for told in findings.problems] == [
        "--keys: keys[1]: it is empty",
        "--keys: keys[2]: it is null",
        "--keys: keys: it is a number (put it in quotes if you mean text)",
    ]


def test_a_text_from_outside_is_read_by_the_kind_of_its_key() -> None:
    assert value_in(kinds.CLIENT_KEYS, "a, b,c ") == ["a", "b", "c"]
    assert value_in(kinds.USER, "no") == "no"
    assert value_in(kinds.USER, "null") is None
    assert value_in(kinds.HOST, "null") == "null"
    assert value_in(kinds.PORT, " 80 ") == 80
    assert value_in(kinds.BOOLEAN, "no") is False
    assert value_in(kinds.BEAT, "null") is None
    assert value_in(kinds.SIZE, "10 MB") == "10 MB"


def test_a_mapping_is_kept_with_a_place_for_each_member() -> None:
    findings = checked("aliases:\n  gpt-4: gpt-4.1\n  '5': o3\nusers: {a=b: jdoe}\n")
    assert findings.problems == []
    assert findings.settings["aliases",].value == {"gpt-4": "gpt-4.1", "5": "o3"}
    assert findings.settings["users",].value == {"a=b": "jdoe"}
    wrong = checked("aliases:\n  gpt-4: gpt-4.1\n  best: 5\nusers:\n  b: J\n")
    assert [problem.partition(";")[0] for problem in wrong.problems] == [
        "x.yaml:3: aliases.best: it is a number (put it in quotes if you mean text)",
        "x.yaml:5: users[0]: `J` is not an Argo user name",
    ]
    assert wrong.refused == {("aliases",), ("users",)}


def test_a_mapping_from_a_program_or_a_variable() -> None:
    key = next(key for key in KEYS if key.name == "aliases")
    findings = Findings()
    findings.take(key, key.path, {"a": "b"}, "flag --aliases")
    assert findings.settings["aliases",].value == {"a": "b"}
    findings.take(key, key.path, value_in(key.kind, "a=b, c==d ,e = f"), "env X")
    assert findings.settings["aliases",].value == {"a": "b", "c=": "d", "e": "f"}
    for text, what in (
        ("a", "aliases[0]: it is not of the form NAME=TEXT"),
        ("a=b,,c=d", "aliases[1]: it is not of the form"),
        ("=b", "aliases.: it is empty"),
        ("a=", "aliases.a: it is empty"),
        ("a=b,a=c", "aliases.a: it stands here twice"),
    ):
        before = len(findings.problems)
        findings.take(key, key.path, value_in(key.kind, text), "env X")
        (problem,) = findings.problems[before:]
        assert problem.startswith(f"X: {what}"), problem


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("upstreams: {main: }", "1: upstreams: `main` is what routes call `upstream`: take another name"),
        ("upstreams: {MAIN: {}}", "1: upstreams: `MAIN` is what routes call `upstream`"),
        ("upstreams: {a/b: {}}", "1: upstreams: `a/b` cannot be an upstream's name: it has letters, digits,"),
        ("upstreams: {'': {}}", "1: upstreams: `` cannot be an upstream's name"),
        ("upstreams: {dev: {knd: argo}}", "1: upstreams.dev: unknown key `knd`; did you mean `kind`?"),
        ("upstreams: {dev: {proxy: 'ftp://s3cret@h'}}", "1: upstreams.dev.proxy: "),
        ('routes: {"": [main]}', "1: routes: `` cannot be a model's name"),
        ('routes: {"gpt-[45]*": [main]}', "1: routes: `gpt-[45]*`: `[` has no meaning in a pattern: only `*` "),
        ("routes:\n  m:\n", "2: routes.m: there is nothing in `to`; expected a list of upstreams"),
        ("routes:\n  m: {}\n", "2: routes.m: there is nothing in `to`; expected"),
        ("routes:\n  m: []\n", "2: routes.m: there is nothing in `to`; expected"),
        ("routes:\n  m: {retries: 1,\n to: }\n", "2: routes.m: there is nothing in `to`; expected"),
        ("routes: {m: main}", "1: routes.m: it is text; expected a mapping"),
        ("routes: {m: {to: main}}", "1: routes.m.to: it is text; expected a list of upstreams"),
        ("routes: {m: {too: [main]}, n: [main]}", "1: routes.m: unknown key `too`; did you mean `to`?"),
        ("routes: {m: [{model: x}]}", "1: routes.m.to[0]: it names no `upstream`; expected a list of upstreams"),
        ("routes: {m: [main, {upstream: main, wieght: 1}]}", "1: routes.m.to[1]: unknown key `wieght`; known here are"),
        ("routes: {m: {to: [main], hedge_share: 110%}}", "1: routes.m.hedge_share: `1.1` is greater than 1"),
        ("routes: {m: {to: [main], hedge_after: 0s}}", "1: routes.m.hedge_after: `0` is not greater than 0"),
    ],
)
def test_upstreams_and_routes_are_checked(text: str, what: str) -> None:
    told = checked(text).problems
    assert told[0].startswith(f"x.yaml:{what}")
    assert "s3cret" not in told[0]
    assert len(told) == (2 if "too" in text else 1)


def test_a_row_is_known_even_if_it_sets_nothing() -> None:
    findings = checked("upstreams:\n  a:\n  b: {}\n  c: {kind: x}\n  main: {}\n")
    assert findings.rows == {("upstreams", name): f"x.yaml:{line}" for line, name in ((2, "a"), (3, "b"), (4, "c"))}
    assert findings.refused == {("upstreams", "c", "kind"), ("upstreams", "main")}


def test_each_item_of_a_list_keeps_its_place() -> None:
    findings = checked("routes:\n  m:\n    - main\n\n    - {upstream: b,\n       model: c}\n")
    assert findings.settings["routes", "m", "to"].places == ("x.yaml:3", "x.yaml:5")
    later = Findings()
    later.add(findings)
    assert (later.settings, later.rows) == (findings.settings, findings.rows)
