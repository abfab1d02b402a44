"""The keys of rows."""

from __future__ import annotations

import msgspec

from argo_relay.config.keys import KEYS
from argo_relay.config.rows import MODEL_KEYS, ROUTE_KEYS, UPSTREAM_KEYS


def test_every_key_of_a_row_is_told_of_in_sentences() -> None:
    for key in (*MODEL_KEYS, *ROUTE_KEYS, *UPSTREAM_KEYS):
        assert key.meaning.endswith(".")


def test_every_upstream_has_the_keys_of_the_main_one() -> None:
    (others,) = (key.rows for key in KEYS if key.name == "upstreams")
    main = [key for key in KEYS if key.path[0] == "upstream"]
    assert [msgspec.structs.replace(key, name=f"upstream.{key.name}") for key in others] == main
