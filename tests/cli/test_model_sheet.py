"""What is told of one model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from argo_relay.cli.model_sheet import print_sheet, sheet_of
from argo_relay.cli.running import Running
from argo_relay.config.load import load
from argo_relay.exchange.directory import Directory
from argo_relay.upstreams.choose import upstream_of
from support.site import lists_models
from support.stage import FakeUpstream, LoopClock

ALONE = Running(told="no relay answers")
TEXT = """
models: {gpt-5: {timeouts: {total: 1800, idle: null}}}
aliases: {best: gpt-5, gpt-4.1: gpt-5}
timeouts: {connect: 5}
"""


async def sheet(name: str, tmp_path: Path, text: str = TEXT, listed: tuple[str, ...] | None = None) -> dict[str, Any]:
    file = tmp_path / "argo-relay.yaml"
    file.write_text(text)
    loaded = load(config=file, environ={})
    config = loaded.config
    transport = FakeUpstream(lists_models(*(listed or ())))
    upstream = upstream_of(config.upstream, config.user, os.environ, "http://up.example")
    directory = Directory(upstream, transport, LoopClock(), config.models, config.aliases)
    if listed is not None:
        await directory.refresh()
    found = sheet_of(loaded, directory, name, ALONE)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["gpt-5", "argo:gpt-5", "best", "gpt41"])
async def test_all_names_tell_the_same(tmp_path: Path, name: str) -> None:
    told = await sheet(name, tmp_path, listed=("gpt5", "gpt41"))
    rules = told.pop("parameters")
    assert ("temperature", "drop unless 1") in [(rule["parameter"], rule["rule"]) for rule in rules]
    assert told == {
        "id": "argo:gpt-5",
        "internal_id": "gpt5",
        "name": "GPT-5",
        "owner": "openai",
        "kind": "chat",
        "offered": "yes",
        "names": ["argo:gpt-5", "gpt5", "GPT-5", "gpt-5"],
        "aliases": ["best", "gpt-4.1"],
        "timeouts": {"total": "1800 s (its own)", "connect": "5 s", "first_event": "none", "idle": "none (its own)"},
        "learned": "no relay answers",
    }


async def test_a_retired_model_is_told_with_its_successor(tmp_path: Path) -> None:
    told = await sheet("gpt-3.5-turbo-0125", tmp_path, listed=("gpt5", "gpt41mini"))
    assert told["id"] == "argo:gpt-3.5-turbo"
    assert told["offered"] == "no: it is retired"
    assert told["successor"] == "argo:gpt-4.1-mini"
    assert told["to_map_it"] == "aliases: {gpt-3.5-turbo-0125: gpt-4.1-mini}"
    assert "gpt35" in told["names"]
    bare = await sheet("gpt-3.5-turbo", tmp_path, listed=("gpt5",))
    assert "successor" not in bare
    unasked = await sheet("gpt-3.5-turbo", tmp_path)
    assert unasked["offered"] == "no longer, as far as the catalogue knows"


async def test_without_the_list_the_catalogue_tells(tmp_path: Path) -> None:
    assert (await sheet("gpt-4o", tmp_path))["offered"] == "as far as the catalogue knows"


async def test_where_names_are_passed_on_little_is_known(tmp_path: Path) -> None:
    text = "upstream: {kind: openai}\naliases: {best: qwen}\n"
    told = await sheet("best", tmp_path, text, ("qwen",))
    assert (told["id"], told["names"], told["aliases"], told["offered"]) == ("qwen", ["qwen"], ["best"], "yes")
    other = await sheet("other", tmp_path, text, ("qwen",))
    assert other["offered"] == "not listed; the upstream gets the name as it is"
    assert "aliases" not in other
    assert (await sheet("other", tmp_path, text))["offered"].startswith("unknown")


def test_a_sheet_is_written_a_line_a_heading(capsys: pytest.CaptureFixture[str]) -> None:
    rule = {"parameter": "a", "rule": "drop", "from": "catalogue", "source": "x"}
    print_sheet(
        {
            "id": "m",
            "internal_id": "i",
            "names": ["a", "b"],
            "timeouts": {"total": "5 s", "idle": "none"},
            "parameters": [rule, rule],
        }
    )
    assert capsys.readouterr().out.splitlines() == [
        "id           m",
        "internal id  i",
        "names        a, b",
        "timeouts     total 5 s, idle none",
        "parameters   a: drop  (catalogue: x)",
        "             a: drop  (catalogue: x)",
    ]
