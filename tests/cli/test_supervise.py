"""How many workers serve, and what a restart of theirs goes by."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from argo_relay.cli import supervise as module
from argo_relay.cli.supervise import count_of, read_again, supervised
from argo_relay.config.load import Loaded, load
from argo_relay.config.schema import Config, Log
from argo_relay.errors import ConfigError, StartError
from argo_relay.workers import supervisor


def loaded(**values: object) -> Loaded:
    return load(environ={}, overrides={"user": "tester", **values})


def test_as_many_as_are_set_or_as_there_are_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "cores", lambda: 6)
    assert [count_of(Config(workers=count)) for count in (1, 3, "auto")] == [1, 3, 6]


def test_on_windows_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(module, "cores", lambda: 6)
    assert (count_of(Config(workers=1)), count_of(Config(workers="auto"))) == (1, 1)
    with pytest.raises(StartError, match="`workers` is 2, and on Windows there can be one only"):
        count_of(Config(workers=2))


def test_what_is_odd_is_warned_of_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = tmp_path / "argo-relay.yaml"
    file.write_text("user: tester\nmodels: {gpt-9000: {timeouts: {total: 5}}}\n")
    checked: list[Config] = []
    now = read_again(file, {"port": 7}, {}, checked.append)
    assert checked == [now.config]
    assert now.config.port == 7
    assert any("gpt-9000" in message for message in caplog.messages)
    file.write_text("timeouts: {total: 5}\n")
    with pytest.raises(ConfigError, match="no Argo user name"):
        read_again(file, {}, {}, checked.append)
    assert len(checked) == 1


async def test_a_restart_cannot_change_where_it_listens(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    runs: list[Any] = []
    logs: list[Log] = []

    class OpenLog:
        def turn_to(self, log: Log) -> None:
            logs.append(log)
            if len(logs) == 1:
                raise StartError("Its folder is gone, and the new configuration may name another.")

    class Supervisor:
        def __init__(
            self, doors: object, announce: Callable[[Sequence[int]], None], again: Callable[[], Any], companion: object
        ) -> None:
            self.again = again

        async def run(self, job: object) -> None:
            runs.extend([job, self.again(), self.again()])

    monkeypatch.setattr(supervisor, "Supervisor", Supervisor)
    first = loaded(workers=2, **{"upstream.base_url": "http://one"})
    then = loaded(workers=3, port=1, **{"metrics.port": 2, "upstream.base_url": "http://two", "log.file": "new"})
    await supervised(first, lambda: then, None, lambda _: None, None, OpenLog())  # type: ignore[arg-type]
    assert [(job.count, job.base_url) for job in runs] == [(2, "http://one"), *[(3, "http://two")] * 2]
    assert runs[1].loaded is then
    assert [message.split("`")[1] for message in caplog.messages] == ["port", "metrics.port"] * 2
    files = [log.file for log in logs]
    assert files == [None, "new", "new"], "what there is, opened anew, and then what holds now, where it differs"
