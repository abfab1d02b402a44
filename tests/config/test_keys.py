"""The table of keys: complete, described, and true of the Structs."""

from __future__ import annotations

import msgspec
import pytest

from argo_relay.config import kinds
from argo_relay.config.document import Items, Leaf, Members, read_document
from argo_relay.config.explain import written
from argo_relay.config.key import Key, value_at
from argo_relay.config.keys import GROUPS, KEYS
from argo_relay.config.schema import Config, ModelRow, Route, Upstream


def _fields(struct: type[msgspec.Struct], path: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    found = set()
    for field in msgspec.structs.fields(struct):
        inner = field.type
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            found |= _fields(inner, (*path, field.name))
        else:
            found.add((*path, field.name))
    return found


def test_the_table_and_the_structs_have_the_same_keys() -> None:
    assert {key.path for key in KEYS} == _fields(Config)
    rows = {key.name: {row.path for row in key.rows} for key in KEYS if key.rows}
    assert rows == {"models": _fields(ModelRow), "upstreams": _fields(Upstream), "routes": _fields(Route)}


def test_every_default_is_one_that_its_kind_takes() -> None:
    for key in KEYS:
        if key.rows:
            continue
        defaults = key.default if isinstance(key.default, tuple | dict) else (key.default,)
        for value in defaults.items() if isinstance(defaults, dict) else defaults:
            assert key.kind.accept(value) == value


def test_each_key_has_a_variable_of_its_own() -> None:
    names = [key.variable for key in KEYS]
    assert len(set(names)) == len(names)
    assert "ARGO_RELAY_CONFIG" not in names
    assert {"ARGO_RELAY_TIMEOUTS_FIRST_EVENT", "ARGO_RELAY_UPSTREAM_BASE_URL", "ARGO_RELAY_KEYS"} <= set(names)


def test_keys_of_a_group_stand_together_and_the_group_is_described() -> None:
    seen = [key.path[0] for key in KEYS if len(key.path) > 1]
    assert list(dict.fromkeys(seen)) == list(GROUPS)
    assert [name for index, name in enumerate(seen) if index == 0 or seen[index - 1] != name] == list(GROUPS)


@pytest.mark.parametrize("key", [key for key in KEYS if key.example and not key.rows], ids=lambda key: str(key.name))
def test_every_example_is_one_that_its_kind_takes(key: Key) -> None:
    node, faults = read_document(str(key.example))
    assert faults == []
    members = node.members if isinstance(node, Members) else {}
    pairs = [(name, member) for name, (_, member) in members.items()]
    leaves = node.items if isinstance(node, Items) else [node] if not pairs else []
    for leaf in (*leaves, *(member for _, member in pairs)):
        assert isinstance(leaf, Leaf)
    values = [(name, member.value) for name, member in pairs if isinstance(member, Leaf)]
    for value in (*values, *(leaf.value for leaf in leaves if isinstance(leaf, Leaf))):
        assert key.kind.accept(value) is not None


def test_every_meaning_is_made_of_sentences() -> None:
    for key in (*KEYS, *(row for table in KEYS for row in table.rows)):
        assert key.meaning[0].isupper()
        assert key.meaning.endswith(".")


def test_only_client_keys_and_proxies_are_secret() -> None:
    assert [key.name for key in KEYS if key.secret] == ["users", "keys", "upstream.proxy"]
    assert [key.name for table in KEYS for key in table.rows if key.secret] == ["proxy"]
    assert [key.name for key in KEYS if key.kind in (kinds.CLIENT_KEYS, kinds.KEYS_OF_USERS)] == ["users", "keys"]


def test_a_value_is_found_by_its_path() -> None:
    assert value_at(Config(), ("timeouts", "total")) == 600.0
    assert written(next(key.default for key in KEYS if key.name == "max_body")) == "67108864"
