from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import closing

import pytest
from click.testing import CliRunner
from starlette.routing import Route

from argo_relay.cli.simulate import simulate
from argo_relay.simulator import run as running
from argo_relay.simulator.access import SPECIAL_USERS
from argo_relay.simulator.app import create_app
from argo_relay.simulator.directives import TABLE
from argo_relay.simulator.ways import ERAS, TODAY, Ways


def test_the_help_teaches() -> None:
    result = CliRunner().invoke(simulate, ["--help"])
    assert result.exit_code == 0
    for row in TABLE.values():
        assert row.written in result.stdout
    for user in SPECIAL_USERS:
        assert f"\n  {user} " in result.stdout
    for name, era in ERAS.items():
        assert f"\n  {name}  {era.told[:40]}" in result.stdout
    assert "GET /simulator/exchanges" in result.stdout
    assert "[default: 127.0.0.1]" in result.stdout


def test_the_help_names_every_route_there_is() -> None:
    shown = CliRunner().invoke(simulate, ["--help"]).stdout
    named = set(re.findall(r"^  (GET|POST|PUT|DELETE) (/\S+)", shown, re.MULTILINE))
    served = {
        (method, route.path)
        for route in create_app().routes
        if isinstance(route, Route)
        for method in (route.methods or set()) - {"HEAD"}
    }
    assert named == served


def test_a_taken_port_is_said_clearly() -> None:
    with closing(running.listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(simulate, ["--port", str(port)])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert f"cannot listen on 127.0.0.1 port {port}: Address already in use" in result.stderr
    assert "--port 0" in result.stderr


def test_an_address_that_is_not_ours_is_said_clearly() -> None:
    result = CliRunner().invoke(simulate, ["--host", "203.0.113.7"])
    assert result.exit_code == 1
    assert "cannot listen on 203.0.113.7 port 44498" in result.stderr


def test_what_can_be_switched(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Ways] = []
    monkeypatch.setattr(running, "run", lambda _host, _port, ways, _listening: asked.append(ways))
    options = "--as-of 2026-05 --no-responses --no-retired --fetch-images --gemini-500 0.17"
    assert CliRunner().invoke(simulate, options.split()).exit_code == 0
    assert asked == [Ways(as_of="2026-05", responses=False, retired=False, fetch_images=True, gemini_500=0.17)]
    refused = CliRunner().invoke(simulate, ["--as-of", "2025-01"])
    assert refused.exit_code == 2
    assert all(repr(era) in refused.stderr for era in ERAS)


def test_it_says_where_it_listens_and_how_to_use_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def served(host: str, port: int, ways: Ways, listening: Callable[[str], None]) -> None:
        asked.append((host, port, ways))
        listening("http://127.0.0.1:44498")

    monkeypatch.setattr(running, "run", served)
    result = CliRunner().invoke(simulate)
    assert asked == [("127.0.0.1", 44498, TODAY)]
    assert result.exit_code == 0
    assert result.stdout == ""
    assert "listens on http://127.0.0.1:44498" in result.stderr
    assert "upstream: {base_url: http://127.0.0.1:44498}" in result.stderr
    assert "http://127.0.0.1:44498/simulator/exchanges" in result.stderr
