from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from argo_relay.config.document import Items, Leaf, Members, read_document
from argo_relay.config.explain import rows, written
from argo_relay.config.keys import KEYS
from argo_relay.config.load import load


def test_every_key_has_a_row_in_order(tmp_path: Path) -> None:
    table = list(rows(load(environ={"HOME": str(tmp_path)}, directory=tmp_path)))
    assert [row.key for row in table] == [key.name for key in KEYS]
    assert {row.origin for row in table} == {"default"}
    assert [row.meaning for row in table] == [key.meaning for key in KEYS]
    shown = {row.key: row.text for row in table}
    assert shown["timeouts.total"] == "600"
    assert shown["timeouts.first_event"] == "null"
    assert shown["log.requests"] == "true"
    assert shown["host"] == '"127.0.0.1"'
    assert shown["keys"] == "[]"
    assert shown["models"] == "{}"


def test_client_keys_are_only_counted(tmp_path: Path) -> None:
    loaded = load(environ={"ARGO_RELAY_KEYS": "s3cret-a,s3cret-b", "HOME": "/nowhere"}, directory=tmp_path)
    (row,) = [row for row in rows(loaded) if row.key == "keys"]
    assert row.text == "*** (2)"
    assert row.value == ["***", "***"]
    assert row.origin == "env ARGO_RELAY_KEYS"
    assert b"s3cret" not in msgspec.json.encode(list(rows(loaded)))


def test_users_are_only_counted_and_aliases_are_shown(tmp_path: Path) -> None:
    environ = {"ARGO_RELAY_USERS": "s3cret-a=jdoe,s3cret-b=asmith", "ARGO_RELAY_ALIASES": "best=gpt-5.5,x=a b"}
    loaded = load(environ=environ | {"HOME": "/nowhere"}, directory=tmp_path)
    table = {row.key: row for row in rows(loaded)}
    assert (table["users"].text, table["users"].value) == ("*** (2)", ["***", "***"])
    assert b"s3cret" not in msgspec.json.encode(list(table.values()))
    assert table["aliases"].text == '{best: gpt-5.5, x: "a b"}'
    assert table["aliases"].value == {"best": "gpt-5.5", "x": "a b"}


def test_a_proxy_is_shown_without_its_password(tmp_path: Path) -> None:
    loaded = load(environ={"ARGO_RELAY_UPSTREAM_PROXY": "http://s3cret-a:s3cret-b@proxy:1"}, directory=tmp_path)
    (row,) = [row for row in rows(loaded) if row.key == "upstream.proxy"]
    assert (row.value, row.text) == ("http://***@proxy:1", '"http://***@proxy:1"')
    assert b"s3cret" not in msgspec.json.encode(list(rows(loaded)))


def test_models_have_a_row_for_what_is_set(tmp_path: Path) -> None:
    path = tmp_path / "argo-relay.yaml"
    path.write_text(
        "models:\n  claude-opus-4.7:\n    timeouts: {total: 1800, idle: null}\n  b: {timeouts: {connect: 0.5}}\n"
    )
    table = [row for row in rows(load(config=path, environ={})) if row.key.startswith("models")]
    assert [(row.key, row.value, row.origin) for row in table] == [
        ("models.claude-opus-4.7.timeouts.total", 1800, f"file {path}:3"),
        ("models.claude-opus-4.7.timeouts.idle", None, f"file {path}:3"),
        ("models.b.timeouts.connect", 0.5, f"file {path}:4"),
    ]
    assert table[0].meaning == "The whole exchange with this model."


def test_upstreams_and_routes_are_shown_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "argo-relay.yaml"
    path.write_text(
        "upstreams:\n  dev: {proxy: 'http://u:s3cret@h:1'}\n"
        "routes:\n  gpt-4o:\n    to: [dev, main/a/b, {upstream: main, weight: 2}]\n"
    )
    table = {row.key: row for row in rows(load(config=path, environ={}))}
    route = table["routes.gpt-4o.to"]
    assert route.text == "[dev, main/a/b, {upstream: main, weight: 2}]"
    assert route.value == ["dev", "main/a/b", {"upstream": "main", "weight": 2}]
    assert route.origin == f"file {path}:5"
    assert (table["routes.gpt-4o.retries"].text, table["routes.gpt-4o.retries"].origin) == ("null", "default")
    assert table["upstreams.dev.proxy"].text == '"http://***@h:1"'
    assert (table["upstreams.dev.kind"].text, table["upstreams.dev.kind"].origin) == ("argo", "default")
    assert not {"upstreams", "routes"} & set(table)
    assert b"s3cret" not in msgspec.json.encode(list(table.values()))


def test_a_table_of_models_that_sets_nothing_is_still_shown(tmp_path: Path) -> None:
    path = tmp_path / "argo-relay.yaml"
    path.write_text("models: {gpt-4o: }\n")
    assert [row.key for row in rows(load(config=path, environ={})) if row.key.startswith("models")] == ["models"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (600.0, "600"),
        (0.5, "0.5"),
        ("prod", "prod"),
        ("a-long-text", "a-long-text"),
        ("gpt-4.1-mini", "gpt-4.1-mini"),
        ("argo:gpt-4o", '"argo:gpt-4o"'),
        ("4.1", '"4.1"'),
        ("no", '"no"'),
        ("5", '"5"'),
        ("a: b", '"a: b"'),
        ("ü", '"ü"'),
        ("", '""'),
        (("a", "b,c"), '[a, "b,c"]'),
        ({"a": {"b": 1}}, "{a: {b: 1}}"),
    ],
)
def test_a_value_is_written_as_yaml(value: object, text: str) -> None:
    assert written(value) == text


def _bare(node: object) -> object:
    if isinstance(node, Members):
        return {name: _bare(member) for name, (_, member) in node.members.items()}
    if isinstance(node, Items):
        return [_bare(item) for item in node.items]
    assert isinstance(node, Leaf)
    return node.value


_printable = st.text().filter(str.isprintable)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**20), 10**20) | st.floats(-1e9, 1e9) | _printable,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_printable.filter(bool), inner, max_size=4),
        max_leaves=10,
    )
)
@settings(deadline=None)
def test_a_written_value_is_read_as_it_was(value: object) -> None:
    node, faults = read_document(f"k: {written(value)}\n")
    assert faults == []
    assert _bare(node) == {"k": value}
