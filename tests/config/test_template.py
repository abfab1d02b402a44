from __future__ import annotations

import re
from pathlib import Path

import pytest

from argo_relay.config.key import Key
from argo_relay.config.keys import KEYS
from argo_relay.config.load import Loaded, load
from argo_relay.config.schema import Config
from argo_relay.config.template import template


def loaded(text: str, directory: Path) -> Loaded:
    path = directory / "argo-relay.yaml"
    path.write_text(text)
    return load(config=path, environ={})


def uncommented(text: str) -> str:
    """Take the `#` from every key; prose has a space after it."""
    return re.sub(r"^( *)#(?=\S)", r"\1", text, flags=re.MULTILINE)


def test_a_template_without_values_is_the_defaults(tmp_path: Path) -> None:
    file = loaded(template({}), tmp_path)
    assert file.config == Config()
    assert set(file.origins.values()) == {"default"}


def test_every_commented_key_shows_its_default(tmp_path: Path) -> None:
    file = loaded(uncommented(template({})), tmp_path)
    assert file.config == Config()
    said = {name for name, origin in file.origins.items() if origin != "default"}
    assert said == {key.name for key in KEYS if not key.rows}


def test_only_what_is_set_is_uncommented(tmp_path: Path) -> None:
    text = template({"user": "jdoe", "upstream.environment": "dev", "port": 0, "keys": ["a"], "timeouts.idle": None})
    file = loaded(text, tmp_path)
    assert {name for name, origin in file.origins.items() if origin != "default"} == {
        "user",
        "upstream.environment",
        "port",
        "keys",
        "timeouts.idle",
    }
    assert file.config.timeouts.idle is None
    assert (file.config.user, file.config.port, file.config.keys) == ("jdoe", 0, ("a",))
    assert loaded(uncommented(text), tmp_path).config == file.config


@pytest.mark.parametrize("key", KEYS, ids=lambda key: str(key.name))
def test_every_key_has_its_help_its_default_and_its_example(key: Key) -> None:
    words = " ".join(line.strip().removeprefix("# ") for line in template({}).splitlines())
    assert key.meaning in words
    assert "Default: " in words.split(key.meaning)[1][:12]
    assert key.example is None or f"Example: {key.example}" in words


@pytest.mark.parametrize("key", [key for key in KEYS if key.example], ids=lambda key: str(key.name))
def test_every_example_can_stand_in_the_file(key: Key, tmp_path: Path) -> None:
    *groups, name = key.path
    header = "".join(f"{group}:\n" for group in groups)
    file = loaded(f"{header}{'  ' * len(groups)}{name}: {key.example}\n", tmp_path)
    assert any(told != "default" for told in file.origins.values())


def test_lines_fit_a_screen() -> None:
    assert max(map(len, template({}).splitlines())) <= 120
