"""How the model is run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from argo_relay.local.settings import KEY_VARIABLE, Settings, described, make_key, settings_for, threads_of


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (3, 2), (5, 4), (64, 4)])
def test_one_core_is_left_to_the_relay(cores: int, threads: int) -> None:
    assert threads_of(cores) == threads


def test_a_file_is_all_that_must_be_known() -> None:
    made = settings_for(Path("/models/a.gguf"))
    assert (made.file, made.name) == ("/models/a.gguf", "smollm2")
    assert made.threads >= 1


def test_the_banner_names_the_model_and_what_it_is_given() -> None:
    assert described(Settings(file="/models/a.gguf", threads=1)) == (
        "smollm2 on this machine (a.gguf, 2 requests at a time, 1 thread)"
    )
    assert described(Settings(file="/models/a.gguf", threads=3)).endswith("3 threads)")


def test_every_start_has_a_key_of_its_own() -> None:
    first: dict[str, str] = {}
    second: dict[str, str] = {}
    make_key(first)
    make_key(second)
    assert re.fullmatch(r"[\w-]{40,}", first[KEY_VARIABLE])
    assert first != second
